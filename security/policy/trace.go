package policy

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"dreamserver/internal/problem"
)

// Exchange is one question and what the plugin has made of it, for people: secrets are placeholders in it, whatever the plugin
// itself has seen.
type Exchange struct {
	Plugin   Info          `json:"plugin"`
	Request  Request       `json:"request"`
	Response *Response     `json:"response,omitempty"` // nil when it could not decide,
	Failure  string        `json:"failure,omitempty"`  // and why
	Took     time.Duration `json:"took_ns"`
}

// Question is what a plugin would be asked that is the first one: about what was submitted, with placeholders for secrets.
func Question(s Subject, hook Hook) (Request, error) {
	model, err := Plain[Model](s.Model)
	if err != nil {
		return Request{}, err
	}
	q, _, _, err := loaded{}.question(hook, model, s)
	if err != nil {
		return q, err
	}
	q.Spec, err = shown(q.Spec, s.Secrets)
	return q, err
}

// Trace asks the plugins in their order, as [Engine.Evaluate] does, and stops at one hook of one of them: what it was asked
// and has answered. An answer that was kept is not taken for it. An error is a refusal by one before it, or says that there is no
// such plugin, or that it is not asked about this.
func (e *Engine) Trace(ctx context.Context, s Subject, name string, hook Hook) (Exchange, error) {
	if err := e.Locked(); err != nil {
		return Exchange{}, err
	}
	model, err := Plain[Model](s.Model)
	if err != nil {
		return Exchange{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, totalTime)
	defer cancel()
	for _, p := range e.plugins {
		for _, h := range p.hooks() {
			if p.info.Name == name && h == hook {
				return p.exchange(ctx, hook, model, s)
			}
			if _, model, err = e.ask(ctx, p, h, model, s); err != nil {
				return Exchange{}, err
			}
		}
		if p.info.Name == name {
			return Exchange{}, problem.Newf(problem.InvalidArgument, "policy %s is not asked about %s: it has the hooks %v, and its mode is %s", name, hook, p.info.Hooks, p.mode)
		}
	}
	return Exchange{}, problem.Newf(problem.NotFound, "no policy is called %s: there are %s in %s", name, named(e.plugins), ConfigFile)
}

// named is a list for people.
func named(plugins []loaded) string {
	names := make([]string, len(plugins))
	for i, p := range plugins {
		names[i] = p.info.Name
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// exchange asks the plugin, and hides in what is shown what it may have seen.
func (p loaded) exchange(ctx context.Context, hook Hook, model Model, s Subject) (Exchange, error) {
	q, _, _, err := p.question(hook, model, s)
	if err != nil {
		return Exchange{}, err
	}
	began := time.Now()
	answer, failed := p.within(ctx, q)
	x := Exchange{Plugin: p.info, Took: time.Since(began), Request: q}
	if x.Request.Spec, err = shown(q.Spec, s.Secrets); err != nil {
		return Exchange{}, err
	}
	hide := hider(s.Secrets)
	if failed != nil {
		x.Failure = hide(shortError(failed, hide).Error())
		return x, nil
	}
	answer = answer.bounded(hide)
	told := Response{Error: hide(answer.Error)}
	for _, w := range answer.Warnings {
		told.Warnings = append(told.Warnings, hide(w))
	}
	if answer.Spec != nil {
		if told.Spec, err = shown(answer.Spec, s.Secrets); err != nil {
			return Exchange{}, fmt.Errorf("the answer of policy %s: %w", p.info.Name, err)
		}
	}
	x.Response = &told
	return x, nil
}
