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
