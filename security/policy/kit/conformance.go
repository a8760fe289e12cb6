package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
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

func (c *conformance) answers(ctx context.Context) error {
	return c.each(ctx, harmless(), func(policy.Request, policy.Response) error { return nil })
}

func (c *conformance) deterministic(ctx context.Context) error {
	return c.each(ctx, harmless(), func(q policy.Request, first policy.Response) error {
		a, b := "", ""
		for _, into := range []*string{&a, &b} {
			data, err := json.Marshal(q)
			if err != nil {
				return err
			}
			data, err = c.bytes(ctx, string(q.Hook), data)
			if errors.As(err, new(skip)) {
				r, again := c.answer(ctx, q)
				if again != nil {
					return again
				}
				data, err = json.Marshal(r)
			}
			if err != nil {
				return err
			}
			*into = string(data)
		}
		if a != b {
			return fmt.Errorf("the same question has two answers, which part at byte %d: …%s… and …%s…", parts(a, b), around(a, parts(a, b)), around(b, parts(a, b)))
		}
		return nil
	})
}

// parts is the first byte that differs.
func parts(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func around(s string, at int) string {
	return strings.ToValidUTF8(s[max(0, at-20):min(len(s), at+20)], "?")
}

func (c *conformance) idempotent(ctx context.Context) error {
	return c.eachAccepted(ctx, func(q policy.Request, r policy.Response) error {
		if r.Spec == nil {
			return nil
		}
		q.Spec = r.Spec
		again, err := c.answer(ctx, q)
		switch {
		case err != nil:
			return fmt.Errorf("asked about its own answer: %w", err)
		case again.Error != "":
			return fmt.Errorf("it rejects its own answer: %s", again.Error)
		case again.Spec == nil:
			return nil
		}
		if moved := policy.Diff("", map[string]any(q.Spec), map[string]any(again.Spec)); len(moved) > 0 {
			return fmt.Errorf("it changes its own answer: %s", Line(moved[0]))
		}
		return nil
	})
}

func (c *conformance) keepsUnknown(ctx context.Context) error {
	return c.eachAccepted(ctx, func(q policy.Request, r policy.Response) error {
		if r.Spec == nil {
			return nil
		}
		for _, d := range policy.Diff("", map[string]any(q.Spec), map[string]any(r.Spec)) {
			if strings.Contains(d.Path, foreign) || strings.Contains(text(d.Before), foreign) && !strings.Contains(text(d.After), foreign) {
				return fmt.Errorf("what it does not know is another: %s", Line(d))
			}
			if !strings.Contains(d.Path, ".") && d.After == nil {
				return fmt.Errorf("the key %q of the spec is gone", d.Path)
			}
		}
		return nil
	})
}

var placeholder = regexp.MustCompile(`«secret:[^»]*»`)

func (c *conformance) keepsSecrets(ctx context.Context) error {
	return c.eachAccepted(ctx, func(q policy.Request, r policy.Response) error {
		if r.Spec == nil {
			return nil
		}
		before, after := placeholders(q.Spec), placeholders(r.Spec)
		for _, p := range before {
			if !slices.Contains(after, p) {
				return fmt.Errorf("%s is gone from the spec", p)
			}
		}
		for _, p := range after {
			if !slices.Contains(before, p) {
				return fmt.Errorf("%s was not in the question: the agent refuses it", p)
			}
		}
		return nil
	})
}

func placeholders(s policy.Spec) []string {
	return placeholder.FindAllString(text(map[string]any(s)), -1)
}

func (c *conformance) takesMore(ctx context.Context) error {
	if _, err := c.wire(); err != nil {
		return err
	}
	return c.each(ctx, harmless(), func(q policy.Request, r policy.Response) error {
		whole, err := policy.Plain[map[string]any](q)
		if err != nil {
			return err
		}
		whole["request_id"], whole["old_spec"], whole["later"] = "00000000-0000", nil, map[string]any{"a": []any{1}}
		if more, ok := whole["context"].(map[string]any); ok {
			more["stack"] = map[string]any{"services": []any{"notes"}}
		}
		data, err := json.Marshal(whole)
		if err != nil {
			return err
		}
		answer, err := c.bytes(ctx, string(q.Hook), data)
		if err != nil {
			return fmt.Errorf("with more keys beside spec: %w", err)
		}
		got, err := c.read(answer)
		if err != nil {
			return fmt.Errorf("with more keys beside spec: %w", err)
		}
		if like(got, r) {
			return nil
		}
		if again, err := c.answer(ctx, q); err == nil && !like(again, r) {
			return nil // it never answers twice alike, which is another check's to say
		}
		return errors.New("it answers otherwise when there are more keys beside spec")
	})
}

func like(a, b policy.Response) bool {
	return a.Error == b.Error && text(map[string]any(a.Spec)) == text(map[string]any(b.Spec))
}

func (c *conformance) rejects(ctx context.Context) error {
	rejected := false
	err := c.each(ctx, hostile(), func(_ policy.Request, r policy.Response) error {
		if r.Error == "" {
			return nil
		}
		rejected = true
		if strings.TrimSpace(r.Error) == "" {
			return errors.New("its reason is white space")
		}
		return nil
	})
	if err == nil && !rejected {
		return skip("it rejects neither of the samples: test its refusals with dream policy test")
	}
	return err
}

func (c *conformance) inTime(ctx context.Context) error {
	return c.each(ctx, large(), func(policy.Request, policy.Response) error { return nil })
}

func (c *conformance) malformed(ctx context.Context) error {
	if _, err := c.wire(); err != nil {
		return err
	}
	hook := string(c.Info().Hooks[0])
	for _, question := range []string{"", "{", "[]", "null", "\xff\xfe", `{"spec": null}`, `{"user": 1, "spec": []}`} {
		answer, err := c.bytes(ctx, hook, []byte(question))
		if err != nil {
			if errors.Is(err, errLate) {
				return fmt.Errorf("asked %q: %w", question, err)
			}
			continue
		}
		if r, err := c.read(answer); err == nil && r.Error == "" {
			return fmt.Errorf("it accepts %q", question)
		}
	}
	if err := c.answers(ctx); err != nil {
		return fmt.Errorf("after them, it does not answer any more: %w", err)
	}
	return nil
}

func (c *conformance) unknownHook(ctx context.Context) error {
	if _, err := c.wire(); err != nil {
		return err
	}
	q, err := policy.Question(harmless(), policy.OnService)
	if err != nil {
		return err
	}
	q.Config, q.Hook = c.config, "on_later_apply"
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	answer, err := c.bytes(ctx, string(q.Hook), data)
	if err != nil {
		if errors.Is(err, errLate) {
			return err
		}
		return nil // it fails, as it may
	}
	r, err := c.read(answer)
	switch {
	case err != nil:
		return fmt.Errorf("asked about on_later_apply: %w", err)
	case r.Error != "":
		return fmt.Errorf("it rejects on_later_apply, of which it knows nothing: %s", r.Error)
	case r.Spec == nil:
		return nil
	}
	if moved := policy.Diff("", map[string]any(q.Spec), map[string]any(r.Spec)); len(moved) > 0 {
		return fmt.Errorf("it changes the spec of on_later_apply, of which it knows nothing: %s", Line(moved[0]))
	}
	return nil
}

// ends has a program wait for a question that never comes to its end, and looks for what is left of it when its time is over.
func (c *conformance) ends(ctx context.Context) error {
	w, err := c.wire()
	if err != nil {
		return err
	}
	if c.Info().Transport != "exec" {
		return skip("it is a server, and started by somebody else")
	}
	if !canFind {
		return skip("what is left of a program cannot be found on this system")
	}
	q, err := policy.Question(harmless(), policy.OnService)
	if err != nil {
		return err
	}
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	silent, hold := io.Pipe()
	began := time.Now()
	limit := min(c.timeout, callTime)
	_, _ = within(ctx, limit, func(ctx context.Context) ([]byte, error) { // it cannot answer: the question has no end
		defer context.AfterFunc(ctx, func() { _ = hold.Close() })()
		return w.Ask(ctx, string(q.Hook), io.MultiReader(bytes.NewReader(data[:len(data)-1]), silent))
	})
	took := time.Since(began)
	left := marked(c.mark)
	names := slices.Sorted(maps.Values(left))
	kill(slices.Collect(maps.Keys(left)))
	switch {
	case len(left) > 0:
		return fmt.Errorf("%d of its processes outlive it: %s", len(left), strings.Join(names, ", "))
	case took > limit+5*time.Second:
		return fmt.Errorf("it took %s to end it, and its time was %s", took.Round(time.Millisecond), limit)
	}
	return nil
}
