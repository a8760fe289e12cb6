package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"dreamserver/security/policy"
)

// Verdict is what became of one check.
type Verdict struct {
	Check   string        `json:"check"`
	Outcome Passed        `json:"outcome"`
	Reason  string        `json:"reason,omitempty"` // why it has failed, or does not apply
	Mend    string        `json:"mend,omitempty"`
	Took    time.Duration `json:"took_ns"`
}

// Passed is how a check ended.
type Passed string

// How checks end.
const (
	OK      Passed = "ok"
	Failed  Passed = "failed"
	Skipped Passed = "skipped"
)

// skip is why a check does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// check is one thing that every plugin has to do.
type check struct {
	name, mend string
	run        func(*conformance, context.Context) error
}

// checks are in the order in which an author would look. The first one decides whether the others can be tried.
var checks = []check{
	{"answers with JSON and nothing else", "print one JSON document, {\"spec\": …, \"error\": null}, and everything else to standard error", (*conformance).answers},
	{"deterministic", "the same question must have the same answer, byte for byte: no time, no chance, no order of a hash table", (*conformance).deterministic},
	{"idempotent", "accept your own answer and leave it alone: set what has to be, and do not add to it", (*conformance).idempotent},
	{"keeps what it does not know", "change the spec that you were given, and do not make a new one of the keys that you know", (*conformance).keepsUnknown},
	{"keeps placeholders of secrets", "leave «secret:KEY» where it is: the agent puts the value back; see `secrets: true` for a plugin that has to see it", (*conformance).keepsSecrets},
	{"takes more keys in the envelope", "read the keys that you need and no others: later versions of the question have more", (*conformance).takesMore},
	{"rejects with a message", "a rejection is {\"error\": \"why\"}: say what is forbidden, and what to do", (*conformance).rejects},
	{"is in time for a spec of 4 MiB", "look at each service once; the agent waits as long as the config's timeout says", (*conformance).inTime},
	{"survives empty and malformed questions", "what is no question is a failure: exit 1, or a status of 4xx; never accept it, and go on with the next", (*conformance).malformed},
	{"leaves unknown hooks alone", "look at the name of the hook, and give back the spec of those that you do not know, or fail", (*conformance).unknownHook},
	{"ends with everything that it has started", "start nothing that leaves the process group (setsid, daemons): the agent kills the group when the time is over", (*conformance).ends},
}

// Conformance tries every check on the target. mark is what the programs that it starts have in their environment, KEY=value,
// by which they are found again.
func Conformance(ctx context.Context, t *Target, mark string) []Verdict {
	c := &conformance{Target: t, mark: mark}
	verdicts := make([]Verdict, len(checks))
	dead := false
	for i, k := range checks {
		v := Verdict{Check: k.name, Outcome: OK}
		began := time.Now()
		var err error = skip("it has to answer first")
		if !dead {
			err = k.run(c, ctx)
		}
		v.Took = time.Since(began)
		if why, ok := errors.AsType[skip](err); ok {
			v.Outcome, v.Reason = Skipped, string(why)
		} else if err != nil {
			v.Outcome, v.Reason, v.Mend = Failed, err.Error(), k.mend
			dead = i == 0
		}
		verdicts[i] = v
	}
	return verdicts
}

type conformance struct {
	*Target
	mark string
}

// questions are one for each hook that the target has.
func (c *conformance) questions(s policy.Subject) ([]policy.Request, error) {
	var all []policy.Request
	for _, h := range c.Info().Hooks {
		q, err := policy.Question(s, h)
		if err != nil {
			return nil, err
		}
		q.Config = c.config
		all = append(all, q)
	}
	return all, nil
}

// each asks the questions about a subject, and has every answer looked at. What looks at answers that accept gets no others,
// and says so when there was none.
func (c *conformance) each(ctx context.Context, s policy.Subject, look func(q policy.Request, r policy.Response) error) error {
	questions, err := c.questions(s)
	if err != nil {
		return err
	}
	for _, q := range questions {
		r, err := c.answer(ctx, q)
		if err == nil {
			err = look(q, r)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", q.Hook, err)
		}
	}
	return nil
}

// eachAccepted is each for what is accepted of the harmless extension.
func (c *conformance) eachAccepted(ctx context.Context, look func(q policy.Request, r policy.Response) error) error {
	accepted := false
	err := c.each(ctx, harmless(), func(q policy.Request, r policy.Response) error {
		if r.Error != "" {
			return nil
		}
		accepted = true
		return look(q, r)
	})
	if err == nil && !accepted {
		return skip("it rejects the sample, so there is no spec to look at")
	}
	return err
}

// wire is the target in bytes: programs and servers, and not what is part of this program.
func (c *conformance) wire() (policy.Wire, error) {
	if w, ok := c.plugins[0].(policy.Wire); ok && len(c.plugins) == 1 {
		return w, nil
	}
	return nil, skip("it is part of this program, and is asked without bytes between")
}

func (c *conformance) bytes(ctx context.Context, hook string, question []byte) ([]byte, error) {
	w, err := c.wire()
	if err != nil {
		return nil, err
	}
	return within(ctx, c.timeout, func(ctx context.Context) ([]byte, error) { return w.Ask(ctx, hook, bytes.NewReader(question)) })
}

// read reads an answer as the agent would.
func (c *conformance) read(answer []byte) (policy.Response, error) {
	return policy.ReadAnswer(answer, c.Info().Transport == "exec")
}
