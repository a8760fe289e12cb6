package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamserver/internal/problem"
)

const (
	callTime  = 2 * time.Second  // of one call, where config says nothing else
	restTime  = 8 * time.Second  // of one call to a server; dstack's
	totalTime = 20 * time.Second // of everything
)

// Engine asks the plugins. It is immutable and safe for concurrent use.
type Engine struct {
	plugins    []loaded // in the order of the config
	exceptions []Exception
	locked     error // why nothing may be applied; nil when all plugins are there
	now        func() time.Time
	cache      *Cache
	source     string    // digest of the config; empty without one
	loadedAt   time.Time // when
}

// loaded is a plugin and what the operator says about it.
type loaded struct {
	Plugin
	info    Info
	mode    Mode
	allow   bool // failures stand in nobody's way
	secrets bool
	timeout time.Duration
	config  []byte
	cache   bool     // its answers are kept
	address string   // of a server
	argv    []string // of a program
}

// Subject is what is to be applied.
type Subject struct {
	ID       string
	Model    Model
	Manifest map[string]any
	Facts    Facts
	Secrets  map[string]string // key → value, of what plugins must not see

	User      string // who asks, as the caller says
	Project   string
	Phase     string // plan or apply
	Operation string
}

// Decision is what one plugin has said to one hook.
type Decision struct {
	Plugin   string        `json:"plugin"`
	Digest   string        `json:"digest,omitempty"`
	Hook     Hook          `json:"hook"`
	Mode     Mode          `json:"mode"`
	Outcome  Outcome       `json:"outcome"`
	Message  string        `json:"message,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
	Took     time.Duration `json:"took_ns"`
	Cached   bool          `json:"cached,omitempty"` // the answer was known from before
	// Exception is the one that was used; nil without one.
	Exception *ExceptionUse `json:"exception,omitempty"`
}

// Outcome is what a decision came to.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted"
	Changed  Outcome = "changed"
	Rejected Outcome = "rejected"
	Failed   Outcome = "failed"
	Excepted Outcome = "excepted" // rejected, and an exception holds
)

// Result is what all plugins have made of a subject.
type Result struct {
	Model     Model
	Changes   []Change   // what differs from what was submitted, and who changed it
	Decisions []Decision // of the first pass
	Warnings  []string   // for whoever applies
}

// Plugins tells what is loaded, in order.
func (e *Engine) Plugins() []Info {
	infos := make([]Info, len(e.plugins))
	for i, p := range e.plugins {
		infos[i] = p.info
	}
	return infos
}

// Locked is why nothing may be applied, as a refusal with the code policy_locked; nil when everything may.
func (e *Engine) Locked() error {
	if e.locked == nil {
		return nil
	}
	return problem.Newf(problem.PolicyLocked, "policies are locked, and nothing is started until that is mended: %w; then restart the host agent", e.locked)
}

// Evaluate asks every plugin, in order, each about what the one before has left. Then all are asked again: they must
// accept the end, and leave it alone, so that safety hangs on no order. An error is a refusal with the plugin's name:
// policy_denied, policy_unavailable when one cannot decide, or policy_locked.
func (e *Engine) Evaluate(ctx context.Context, s Subject) (Result, error) {
	r := Result{}
	if err := e.Locked(); err != nil {
		return r, err
	}
	model, err := Plain[Model](s.Model)
	if err != nil {
		return r, err
	}
	r.Model = model
	ctx, cancel := context.WithTimeout(ctx, totalTime)
	defer cancel()
	for _, p := range e.plugins {
		for _, hook := range p.hooks() {
			d, next, err := e.ask(ctx, p, hook, r.Model, s)
			r.Decisions = append(r.Decisions, d)
			if err != nil {
				return r, err
			}
			r.Warnings = append(r.Warnings, p.tell(d)...)
			for _, c := range Diff("", map[string]any(r.Model), map[string]any(next)) {
				c.Plugin = p.info.Name
				r.Changes = append(r.Changes, c)
			}
			r.Model = next
		}
	}
	return r, e.confirm(ctx, s, r.Model)
}

// confirm is the second pass.
func (e *Engine) confirm(ctx context.Context, s Subject, model Model) error {
	for _, p := range e.plugins {
		if p.mode != Enforce {
			continue
		}
		for _, hook := range p.hooks() {
			_, next, err := e.ask(ctx, p, hook, model, s)
			if err != nil {
				return err
			}
			if moved := Diff("", map[string]any(model), map[string]any(next)); len(moved) > 0 {
				return problem.Newf(problem.PolicyUnavailable,
					"extension %q: the policies do not agree: %s changes %s again after all of them were asked; an answer must accept what it has made itself, and what the others have",
					s.ID, p.info.Name, moved[0].Path)
			}
		}
	}
	return nil
}

// ask asks one plugin about one view of the model, and returns the model as it is then.
func (e *Engine) ask(ctx context.Context, p loaded, hook Hook, model Model, s Subject) (Decision, Model, error) {
	d := Decision{Plugin: p.info.Name, Digest: p.info.Digest, Hook: hook, Mode: p.mode, Outcome: Accepted}
	began := e.now()
	next, answer, cached, err := p.call(ctx, e.cache, hook, model, s)
	d.Took, d.Warnings, d.Cached = e.now().Sub(began), answer.Warnings, cached
	switch {
	case err != nil:
		d.Outcome, d.Message = Failed, err.Error()
		if p.allow || p.mode != Enforce {
			return d, model, nil
		}
		return d, model, problem.Newf(problem.PolicyUnavailable, "extension %q: policy %s cannot decide (%s): %w; mend it and try again", s.ID, p.info.Name, hook, err)
	case answer.Error != "":
		d.Outcome, d.Message = Rejected, answer.Error
		if p.mode != Enforce {
			return d, model, nil
		}
		if x := slices.IndexFunc(e.exceptions, func(x Exception) bool { return x.covers(p.info.Name, s.ID, e.now()) }); x >= 0 {
			d.Outcome, d.Exception = Excepted, &ExceptionUse{Reason: e.exceptions[x].Reason, Expires: e.exceptions[x].Expires}
			d.Warnings = append(d.Warnings, fmt.Sprintf("refused, but for an exception until %s: %s", e.exceptions[x].Expires.Format(time.DateOnly), e.exceptions[x].Reason))
			return d, model, nil
		}
		return d, model, problem.Newf(problem.PolicyDenied, "extension %q is refused by policy %s: %s%s", s.ID, p.info.Name, answer.Error, e.expired(p.info.Name, s.ID)).With(problem.Item{
			Rule: p.info.Name, Severity: "error", Path: string(hook), Message: answer.Error,
		})
	case len(Diff("", map[string]any(model), map[string]any(next))) == 0:
		return d, model, nil
	}
	d.Outcome = Changed
	if p.mode != Enforce {
		return d, model, nil
	}
	return d, next, nil
}

// expired tells of the last exception for it that held once; empty without one.
func (e *Engine) expired(plugin, extension string) string {
	var last *Exception
	for i, x := range e.exceptions {
		if x.Plugin == plugin && x.Extension == extension && (last == nil || x.Expires.After(last.Expires)) {
			last = &e.exceptions[i]
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf(" (the exception in line %d of %s ended on %s)", last.Line, ConfigFile, last.Expires.Format(time.DateOnly))
}

// question is what the plugin is asked about its view of the model, which is whole; used are the secrets that it has
// placeholders of.
func (p loaded) question(hook Hook, model Model, s Subject) (q Request, whole Spec, used map[string]bool, err error) {
	if whole, err = project(hook, model, s); err != nil {
		return q, nil, nil, err
	}
	shown := whole
	if !p.secrets {
		if shown, used, err = mask(whole, s.Secrets); err != nil {
			return q, nil, nil, err
		}
	}
	return Request{
		User: s.User, Project: s.Project, Spec: shown, APIVersion: apiVersion, Hook: hook, Phase: s.Phase, Operation: s.Operation, Config: p.config, Context: s.Facts,
	}, whole, used, nil
}

// call puts the question into the plugin's words, and its answer into ours. cached tells that the plugin was not asked.
func (p loaded) call(ctx context.Context, cache *Cache, hook Hook, model Model, s Subject) (next Model, answer Response, cached bool, err error) {
	q, whole, used, err := p.question(hook, model, s)
	if err != nil {
		return nil, Response{}, false, err
	}
	key, keep := p.keyOf(q)
	if keep {
		answer, cached = cache.find(key)
	}
	if cached {
		err = p.unchanged()
	} else {
		answer, err = p.within(ctx, q)
	}
	hide := hider(s.Secrets)
	if err != nil {
		return nil, Response{}, cached, shortError(err, hide)
	}
	if answer = answer.bounded(hide); answer.Error != "" {
		return model, answer, cached, nil
	}
	next = model
	if answer.Spec != nil {
		after := answer.Spec
		if err := usableNumbers("", map[string]any(after)); err != nil {
			return nil, Response{}, cached, fmt.Errorf("its answer cannot be used: %w", err)
		}
		if !p.secrets {
			if after, err = unmask(after, s.Secrets, used); err != nil {
				return nil, Response{}, cached, err
			}
		}
		if next, err = merge(hook, model, whole, after); err != nil {
			return nil, Response{}, cached, fmt.Errorf("its answer cannot be used: %w", err)
		}
	}
	if keep && !cached {
		cache.keep(key, answer, answer.Spec != nil && !same(map[string]any(q.Spec), map[string]any(answer.Spec)))
	}
	return next, answer, cached, nil
}

// shortError is err with as much of its text as is told.
func shortError(err error, hide func(string) string) error {
	if text := err.Error(); len(text) > maxReason {
		return errors.New(shorter(text, maxReason, hide))
	}
	return err
}

// within asks the plugin itself, and waits as long as it may take.
func (p loaded) within(ctx context.Context, q Request) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	answer, err := p.Apply(ctx, q)
	if ctx.Err() != nil {
		return Response{}, fmt.Errorf("no answer within %s", p.timeout)
	}
	return answer, err
}

// unchanged is an error when the plugin is not the one any more that has given the answers which are kept.
func (p loaded) unchanged() error {
	if c, ok := p.Plugin.(interface{ Unchanged() error }); ok {
		return c.Unchanged()
	}
	return nil
}

// hooks are those that the plugin is asked about, in their order.
func (p loaded) hooks() []Hook {
	var out []Hook
	for _, h := range Hooks() {
		if p.mode != Off && slices.Contains(p.info.Hooks, h) {
			out = append(out, h)
		}
	}
	return out
}

// tell is what whoever applies hears of a decision.
func (p loaded) tell(d Decision) (warnings []string) {
	if p.mode == Audit {
		return nil
	}
	for _, w := range d.Warnings {
		warnings = append(warnings, d.Plugin+": "+w)
	}
	switch {
	case d.Outcome == Rejected:
		warnings = append(warnings, fmt.Sprintf("%s would refuse this: %s", d.Plugin, d.Message))
	case d.Outcome == Failed:
		warnings = append(warnings, fmt.Sprintf("%s could not decide: %s", d.Plugin, d.Message))
	case d.Outcome == Changed && p.mode == Warn:
		warnings = append(warnings, d.Plugin+" would change this")
	}
	return warnings
}

// errLocked joins what keeps plugins from being loaded.
func errLocked(errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}
