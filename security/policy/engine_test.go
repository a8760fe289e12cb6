package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/internal/problem"
)

// fake is a plugin that does what a test says.
type fake struct {
	name  string
	hooks []Hook
	apply func(r Request) (Response, error)
	wait  bool // it answers nothing until its time is over
}

func (f fake) Info() Info {
	hooks := f.hooks
	if hooks == nil {
		hooks = []Hook{OnService}
	}
	return Info{Name: f.name, Transport: "go", Hooks: hooks}
}

func (f fake) Apply(ctx context.Context, r Request) (Response, error) {
	if f.wait {
		<-ctx.Done()
		return Response{}, ctx.Err()
	}
	return f.apply(r)
}

func engineOf(plugins ...loaded) *Engine {
	e := &Engine{now: time.Now}
	for _, p := range plugins {
		p.info = p.Info()
		if p.mode == "" {
			p.mode = Enforce
		}
		p.timeout = callTime
		e.plugins = append(e.plugins, p)
	}
	return e
}

func subject(t *testing.T) Subject {
	t.Helper()
	spec := serviceSpec(t)
	return Subject{
		ID: "notes", Model: Model{"services": spec["services"]}, Manifest: map[string]any{"service": map[string]any{"id": "notes"}},
		Facts: Facts{Extension: ExtensionFacts{ID: "notes"}, Host: HostFacts{GPUBackend: "cpu"}}, User: "alice", Project: "main", Phase: "apply", Operation: "start",
	}
}

// edit is a plugin that edits what it sees.
func edit(name string, hook Hook, change func(s Spec)) loaded {
	return loaded{Plugin: fake{name: name, hooks: []Hook{hook}, apply: func(r Request) (Response, error) {
		spec, err := Plain[Spec](r.Spec)
		if err == nil {
			change(spec)
		}
		return Response{Spec: spec}, err
	}}}
}

func rejects() loaded {
	return loaded{Plugin: fake{name: "strict", apply: func(Request) (Response, error) { return Response{Error: "not here"}, nil }}}
}

func fails(name, why string) loaded {
	return loaded{Plugin: fake{name: name, apply: func(Request) (Response, error) { return Response{}, errors.New(why) }}}
}

func in(mode Mode, p loaded) loaded { p.mode = mode; return p }

func label(key, value string) func(Spec) {
	return func(s Spec) {
		notes := s["services"].(map[string]any)["notes"].(map[string]any)
		labels, _ := notes["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		labels[key] = value
		notes["labels"] = labels
	}
}

func outcomes(r Result) string {
	var words []string
	for _, d := range r.Decisions {
		words = append(words, fmt.Sprintf("%s %s", d.Plugin, d.Outcome))
	}
	return strings.Join(words, ", ")
}

func TestEngine_Evaluate(t *testing.T) {
	open := edit("opener", OnGateway, func(s Spec) {
		s["ports"].([]any)[0].(map[string]any)["host_ip"] = "127.0.0.1"
	})
	allow := fails("down", "its server is away")
	allow.allow = true
	tests := []struct {
		name     string
		plugins  []loaded
		except   []Exception
		outcomes string
		changes  []string
		warnings []string
		code     problem.Code
		err      string
	}{
		{name: "no plugin"},
		{name: "one that says nothing", plugins: []loaded{{Plugin: fake{name: "quiet", apply: func(Request) (Response, error) { return Response{}, nil }}}}, outcomes: "quiet accepted"},
		{
			name: "each sees what the one before has left", plugins: []loaded{edit("a", OnService, label("team", "x")), edit("b", OnService, func(s Spec) {
				if s["services"].(map[string]any)["notes"].(map[string]any)["labels"] != nil {
					label("seen", "yes")(s)
				}
			})},
			outcomes: "a changed, b changed", changes: []string{"a services.notes.labels: nil → map[team:x]", "b services.notes.labels.seen: nil → yes"},
		},
		{name: "ports", plugins: []loaded{open}, outcomes: "opener changed", changes: []string{
			"opener services.notes-db.ports: [map[published:5432 target:5432]] → [map[host_ip:127.0.0.1 published:5432 target:5432]]",
		}},
		{name: "rejected", plugins: []loaded{rejects(), fails("never", "asked")}, outcomes: "strict rejected", code: problem.PolicyDenied, err: `extension "notes" is refused by policy strict: not here`},
		{name: "rejected, to warn", plugins: []loaded{in(Warn, rejects())}, outcomes: "strict rejected", warnings: []string{"strict would refuse this: not here"}},
		{name: "rejected, to audit", plugins: []loaded{in(Audit, rejects())}, outcomes: "strict rejected"},
		{name: "off", plugins: []loaded{in(Off, rejects())}},
		{name: "changed, to warn", plugins: []loaded{in(Warn, edit("a", OnService, label("team", "x")))}, outcomes: "a changed", warnings: []string{"a would change this"}},
		{name: "cannot decide", plugins: []loaded{fails("down", "its server is away")}, outcomes: "down failed", code: problem.PolicyUnavailable, err: `extension "notes": policy down cannot decide (on_service_apply): its server is away; mend it and try again`},
		{name: "cannot decide, and need not", plugins: []loaded{allow}, outcomes: "down failed", warnings: []string{"down could not decide: its server is away"}},
		{
			name: "an exception", plugins: []loaded{rejects()}, except: []Exception{{"strict", "notes", "a test", time.Now().Add(time.Hour), 1}},
			outcomes: "strict excepted", warnings: []string{"strict: refused, but for an exception until " + time.Now().Add(time.Hour).Format(time.DateOnly) + ": a test"},
		},
		{
			name: "an expired exception", plugins: []loaded{rejects()}, except: []Exception{{"strict", "notes", "a test", time.Now().Add(-time.Hour), 1}},
			outcomes: "strict rejected", code: problem.PolicyDenied, err: `extension "notes" is refused by policy strict: not here`,
		},
		{
			name: "an exception of another", plugins: []loaded{rejects()}, except: []Exception{{"strict", "board", "a test", time.Now().Add(time.Hour), 1}},
			outcomes: "strict rejected", code: problem.PolicyDenied, err: `extension "notes" is refused by policy strict: not here`,
		},
		{
			name: "never converges", plugins: []loaded{edit("counter", OnService, func(s Spec) {
				notes := s["services"].(map[string]any)["notes"].(map[string]any)
				notes["hostname"] = fmt.Sprint(notes["hostname"], "x")
			})},
			outcomes: "counter changed", code: problem.PolicyUnavailable, err: "counter changes services.notes.hostname again",
			changes: []string{"counter services.notes.hostname: nil → <nil>x"},
		},
		{
			name: "two that fight", plugins: []loaded{edit("a", OnService, label("team", "a")), edit("b", OnService, label("team", "b"))},
			outcomes: "a changed, b changed", code: problem.PolicyUnavailable, err: "a changes services.notes.labels.team again",
			changes: []string{"a services.notes.labels: nil → map[team:a]", "b services.notes.labels.team: a → b"},
		},
		{
			name: "removes a service", plugins: []loaded{edit("a", OnService, func(s Spec) { delete(s["services"].(map[string]any), "notes-db") })},
			outcomes: "a failed", code: problem.PolicyUnavailable, err: `service "notes-db" is gone: to keep it from running, reject it`,
		},
		{
			name: "adds a service", plugins: []loaded{edit("a", OnService, func(s Spec) { s["services"].(map[string]any)["miner"] = map[string]any{"image": "x"} })},
			outcomes: "a failed", code: problem.PolicyUnavailable, err: `service "miner" was not submitted`,
		},
		{
			name: "a key of its own", plugins: []loaded{edit("a", OnService, func(s Spec) { s["jobs"] = map[string]any{} })},
			outcomes: "a failed", code: problem.PolicyUnavailable, err: `the spec has a key "jobs" that it was not given`,
		},
		{
			name: "half a spec", plugins: []loaded{{Plugin: fake{name: "a", apply: func(Request) (Response, error) { return Response{Spec: Spec{"kind": "service"}}, nil }}}},
			outcomes: "a failed", code: problem.PolicyUnavailable, err: `the spec lacks the key "configs"`,
		},
		{
			name: "another extension's id", plugins: []loaded{edit("a", OnService, func(s Spec) { s["id"] = "board" })},
			outcomes: "a failed", code: problem.PolicyUnavailable, err: "id is not the plugin's to change",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := engineOf(tt.plugins...)
			e.exceptions = tt.except
			s := subject(t)
			r, err := e.Evaluate(t.Context(), s)
			if tt.err == "" && err != nil || tt.err != "" && (!problem.HasCode(err, tt.code) || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %v, want %s %q", err, tt.code, tt.err)
			}
			if got := outcomes(r); got != tt.outcomes {
				t.Errorf("outcomes %q, want %q", got, tt.outcomes)
			}
			var changes []string
			for _, c := range r.Changes {
				changes = append(changes, c.Plugin+" "+c.Path+": "+show(c.Before)+" → "+show(c.After))
			}
			if d := cmp.Diff(tt.changes, changes); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.warnings, r.Warnings); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
			if d := cmp.Diff(subject(t).Model, s.Model); d != "" {
				t.Errorf("what was submitted is changed:\n%s", d)
			}
		})
	}
}

func TestEngine_WaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := engineOf(loaded{Plugin: fake{name: "hangs", wait: true}}).Evaluate(t.Context(), subject(t))
		if !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), "policy hangs cannot decide (on_service_apply): no answer within 2s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestEngine_HooksInOrder(t *testing.T) {
	var asked []Hook
	all := fake{name: "a", hooks: []Hook{OnGateway, OnService, OnVolume, OnFleet}, apply: func(r Request) (Response, error) {
		asked = append(asked, r.Hook)
		return Response{}, nil
	}}
	if _, err := engineOf(loaded{Plugin: all}).Evaluate(t.Context(), subject(t)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append(Hooks(), Hooks()...), asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
}

// What a plugin that is no part of this program sees of a secret is its name; it gets the secret back into its place.
func TestEngine_HidesSecrets(t *testing.T) {
	s := subject(t)
	s.Secrets = map[string]string{"DB_PASSWORD": "hunter2", "DB_PASS": "hunt", "PIN": "1"}
	env := s.Model["services"].(map[string]any)["notes"].(map[string]any)["environment"].(map[string]any)
	env["URL"], env["PIN"] = "postgres://hunter2@db", "1"
	var seen string
	p := edit("a", OnService, func(spec Spec) {
		data, _ := json.Marshal(spec)
		seen = string(data)
		e := spec["services"].(map[string]any)["notes"].(map[string]any)["environment"].(map[string]any)
		e["COPY"] = e["URL"]
	})
	r, err := engineOf(p).Evaluate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(seen, "hunter2") || !strings.Contains(seen, "postgres://«secret:DB_PASSWORD»@db") {
		t.Errorf("it sees %s", seen)
	}
	after := r.Model["services"].(map[string]any)["notes"].(map[string]any)["environment"].(map[string]any)
	if after["URL"] != "postgres://hunter2@db" || after["COPY"] != "postgres://hunter2@db" {
		t.Errorf("it came to %v", after)
	}
	// One that is part of another's placeholder is no trouble.
	s.Secrets["PIN"], s.Secrets["LONG"] = "secret", "hunter2@db"
	if r, err = engineOf(p).Evaluate(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if after := r.Model["services"].(map[string]any)["notes"].(map[string]any)["environment"].(map[string]any); after["COPY"] != "postgres://hunter2@db" {
		t.Errorf("it came to %v", after)
	}
	guess := edit("a", OnService, label("x", "«secret:DB_PASS»"))
	if _, err := engineOf(guess).Evaluate(t.Context(), s); !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), "not given") {
		t.Errorf("a guessed placeholder: %v", err)
	}
	p.secrets = true
	if _, err := engineOf(p).Evaluate(t.Context(), s); err != nil || !strings.Contains(seen, "hunter2") {
		t.Errorf("one that may see them sees %s, %v", seen, err)
	}
}

func TestEngine_Locked(t *testing.T) {
	e := Broken(errors.New("config/server/config.yml:3: plugin x cannot be loaded"))
	_, err := e.Evaluate(t.Context(), subject(t))
	if !problem.HasCode(err, problem.PolicyLocked) || !strings.Contains(err.Error(), "config.yml:3") {
		t.Errorf("got %v", err)
	}
}
