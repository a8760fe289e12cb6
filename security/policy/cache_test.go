package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamserver/internal/problem"
)

// counted is a program that answers with these lines and counts how often; asked tells how often.
func counted(t *testing.T, lines string) (program string, asked func() int) {
	t.Helper()
	count := filepath.Join(t.TempDir(), "count")
	return script(t, "[ $1 = describe ] && exit; echo >>"+count+"\n"+lines), func() int {
		data, _ := os.ReadFile(count)
		return len(data)
	}
}

// The labels of both services, in the words of sed.
const labels = `sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"notes":{"environment"/"notes":{"hostname":"tagged","environment"/'`

func loadText(t *testing.T, config string, from Sources) *Engine {
	t.Helper()
	c, err := ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	e := Load(c, from)
	if e.Locked() != nil {
		t.Fatal(e.Locked())
	}
	return e
}

func evaluate(t *testing.T, e *Engine, s Subject) Result {
	t.Helper()
	r, err := e.Evaluate(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A warm start of many extensions runs no program, and comes to the same.
func TestCache_AWarmStartRunsNothing(t *testing.T) {
	for _, lines := range []string{`echo '{"error":null}'`, labels} {
		program, asked := counted(t, lines)
		e := loadText(t, "plugins: [{name: p, exec: ["+program+"], hooks: [on_service_apply]}]", Sources{})
		all := make([]Subject, 50)
		first := make([]Result, 50)
		for i := range all {
			all[i] = subject(t)
			all[i].ID = fmt.Sprintf("app%02d", i)
			first[i] = evaluate(t, e, all[i])
		}
		cold := asked()
		if cold < 50 {
			t.Fatalf("the cold start asked %d times", cold)
		}
		for i, s := range all {
			r := evaluate(t, e, s)
			if show(r.Model) != show(first[i].Model) || show(r.Changes) != show(first[i].Changes) || !r.Decisions[0].Cached {
				t.Errorf("%s: came to %v, and before to %v", s.ID, r, first[i])
			}
		}
		if asked() != cold {
			t.Errorf("the warm start asked %d times", asked()-cold)
		}
	}
}

// What the answer hangs on is in the key.
func TestCache_AsksAgainAboutWhatIsNew(t *testing.T) {
	program, asked := counted(t, `echo '{"error":null}'`)
	cache := &Cache{}
	config := func(more string) string {
		return "plugins: [{name: p, exec: [" + program + "], hooks: [on_service_apply]" + more + "}]"
	}
	again := func(name, more string, edit func(*Subject), want int) {
		t.Helper()
		before := asked()
		s := subject(t)
		if edit != nil {
			edit(&s)
		}
		evaluate(t, loadText(t, config(more), Sources{Cache: cache}), s)
		if got := asked() - before; got != want {
			t.Errorf("%s: asked %d times, want %d", name, got, want)
		}
	}
	again("the first time", "", nil, 1)
	again("the same, by another engine", "", nil, 0)
	again("another mode", ", mode: warn", nil, 0)
	again("another config", ", config: {a: 1}", nil, 1)
	again("that one again", ", config: {a: 1}", nil, 0)
	again("another user", "", func(s *Subject) { s.User = "bob" }, 1)
	again("another operation", "", func(s *Subject) { s.Operation = "install" }, 1)
	again("to plan", "", func(s *Subject) { s.Phase = "plan" }, 1)
	again("another extension's files", "", func(s *Subject) { s.Facts.Extension.Digest = "00" }, 1)
	again("another machine", "", func(s *Subject) { s.Facts.Host.GPUBackend = "amd" }, 1)
	again("another image", "", func(s *Subject) { s.Model["services"].(map[string]any)["notes"].(map[string]any)["image"] = "x" }, 1)
	again("who may not keep it", ", cache: false", nil, 2)
	again("a secret that it sees as a placeholder", "", func(s *Subject) { s.Secrets = map[string]string{"K": "0000"} }, 0)
}

// Only what was accepted is known: a refusal and a failure are asked for again.
func TestCache_KeepsNoRefusalAndNoFailure(t *testing.T) {
	for lines, want := range map[string]problem.Code{
		`echo '{"error":"no"}'`: problem.PolicyDenied, `exit 1`: problem.PolicyUnavailable, `echo '{"error":null,"spec":{"kind":"service"}}'`: problem.PolicyUnavailable,
	} {
		program, asked := counted(t, lines)
		e := loadText(t, "plugins: [{name: p, exec: ["+program+"], hooks: [on_service_apply]}]", Sources{})
		for i := range 2 {
			if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, want) {
				t.Errorf("%s: %v", lines, err)
			}
			if asked() != i+1 {
				t.Errorf("%s: asked %d times", lines, asked())
			}
		}
	}
}

// An exception is held against the clock each time.
func TestCache_ExceptionsComeAfterIt(t *testing.T) {
	program, _ := counted(t, `echo '{"error":"no"}'`)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := loadText(t, "plugins: [{name: p, exec: ["+program+"], hooks: [on_service_apply]}]\nexceptions: [{plugin: p, extension: notes, reason: x, expires: 2026-01-02}]",
		Sources{Now: func() time.Time { return now }})
	if r := evaluate(t, e, subject(t)); r.Decisions[0].Outcome != Excepted {
		t.Errorf("got %+v", r.Decisions)
	}
	now = now.AddDate(0, 0, 1)
	if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, problem.PolicyDenied) {
		t.Errorf("after its last day: %v", err)
	}
}

// A program that is replaced is found out, and what it has answered before counts no more.
func TestCache_OfAProgramThatWasReplaced(t *testing.T) {
	program, asked := counted(t, `echo '{"error":null}'`)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(program, old, old); err != nil {
		t.Fatal(err)
	}
	e := loadText(t, "plugins: [{name: p, exec: ["+program+"], hooks: [on_service_apply]}]", Sources{})
	evaluate(t, e, subject(t))
	same, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	other := []byte(strings.Replace(string(same), "null", `"no"`, 1))
	for name, change := range map[string]func() error{
		"in place, with its old size and time": func() error { return os.WriteFile(program, other, 0o755) },
		"by a rename": func() error {
			if err := os.WriteFile(program+".new", other, 0o755); err != nil {
				return err
			}
			return os.Rename(program+".new", program)
		},
		"others may write it": func() error { return os.Chmod(program, 0o777) },
		"it is gone":          func() error { return os.Remove(program) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_ = os.Chtimes(program, old, old)
		if _, err := e.Evaluate(t.Context(), subject(t)); !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), "policy p cannot decide") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.WriteFile(program, same, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	evaluate(t, e, subject(t)) // it is the one that was loaded again
	if asked() != 1 {
		t.Errorf("asked %d times", asked())
	}
}

// Where the file has not been touched for long, its digest is not made again; where it has, it is.
func TestCache_LooksAtTheFileFirst(t *testing.T) {
	program, _ := counted(t, `echo '{"error":null}'`)
	p, err := newProgram(PluginConfig{Name: "p", Exec: []string{program}}, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Unchanged(); err != nil {
		t.Fatal(err)
	}
	p.known[0].asked = p.known[0].changed.Add(time.Hour) // as if it had been looked at long after its last change
	p.info.Digest = "another"                            // which is seen only where the digest is made again
	if err := p.Unchanged(); err != nil {
		t.Errorf("a file that nobody has touched: %v", err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Unchanged(); err == nil || !strings.Contains(err.Error(), "was replaced after it was loaded") {
		t.Errorf("one that was written: %v", err)
	}
}

// A server is asked each time, unless the operator says that it need not be.
func TestCache_OfAServer(t *testing.T) {
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, `{"spec":null,"error":null}`)
	}))
	defer web.Close()
	for more, want := range map[string]int64{"": 4, ", cache: true": 1} {
		asked.Store(0)
		e := loadText(t, "plugins: [{name: p, url: \""+web.URL+"\", hooks: [on_service_apply]"+more+"}]", Sources{})
		evaluate(t, e, subject(t))
		evaluate(t, e, subject(t))
		if asked.Load() != want {
			t.Errorf("%s: asked %d times, want %d", more, asked.Load(), want)
		}
	}
}

func TestCache_HasBounds(t *testing.T) {
	var c Cache
	keyed := func(i int) (key cacheKey) {
		key[0], key[1], key[2] = byte(i), byte(i>>8), byte(i>>16)
		return key
	}
	for i := range maxCached + 10 {
		c.keep(keyed(i), Response{}, false)
	}
	_, oldest := c.find(keyed(0))
	_, newest := c.find(keyed(maxCached + 9))
	if oldest || !newest || c.used.Len() != maxCached || len(c.byKey) != maxCached {
		t.Errorf("%d answers, the oldest %t, the newest %t", c.used.Len(), oldest, newest)
	}
	large := Response{Spec: Spec{"x": strings.Repeat("x", maxCachedBytes/5)}}
	for i := range 10 {
		c.keep(keyed(1_000_000+i), large, true)
	}
	if c.bytes > maxCachedBytes || c.used.Len() > 5 {
		t.Errorf("%d bytes in %d answers", c.bytes, c.used.Len())
	}
	before := c.used.Len()
	c.keep(keyed(2_000_000), Response{Spec: Spec{"x": strings.Repeat("x", maxCachedBytes/3)}}, true)
	if c.used.Len() != before {
		t.Error("an answer that would push out the others is kept")
	}
}

func TestCache_IsSharedByMany(t *testing.T) {
	var c Cache
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				var key cacheKey
				key[0] = byte(n % 16)
				if r, ok := c.find(key); ok && r.Spec["n"] != json.Number(fmt.Sprint(n%16)) {
					t.Errorf("goroutine %d: key %d has %v", i, n%16, r)
				}
				c.keep(key, Response{Spec: Spec{"n": json.Number(fmt.Sprint(n % 16))}}, true)
			}
		})
	}
	all.Wait()
}

// What a program says of itself, and what becomes of one that says it wrongly.
func TestProgram_DescribesItself(t *testing.T) {
	tests := []struct{ name, lines, hooks, want, err string }{
		{"says nothing", "", "", `{"p" "" cache hooks [on_service_apply on_fleet_apply on_volume_apply on_gateway_apply]}`, ""},
		{"fails", "exit 1", "", `{"p" "" cache hooks [on_service_apply on_fleet_apply on_volume_apply on_gateway_apply]}`, ""},
		{"answers as to a hook", `echo '{"error":"x"}'`, "", `{"p" "" cache hooks [on_service_apply on_fleet_apply on_volume_apply on_gateway_apply]}`, ""},
		{"all", `echo '{"name":"other","version":"1.2","api_versions":["v1"],"hooks":["on_run_apply"],"cache":false}'`, "", `{"p" "1.2" no cache hooks [on_service_apply]}`, ""},
		{"the operator's hooks win", `echo '{"hooks":["on_run_apply"]}'`, "on_fleet_apply", `{"p" "" cache hooks [on_fleet_apply]}`, ""},
		{"another version", `echo '{"api_versions":["v2"]}'`, "", "", "it speaks versions [v2], and is asked in v1"},
		{"no hook", `echo '{"hooks":["on_job_apply"]}'`, "", "", `it describes a hook "on_job_apply"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := PluginConfig{Name: "p", Exec: []string{script(t, tt.lines)}}
			if tt.hooks != "" {
				c.Hooks = []Hook{Hook(tt.hooks)}
			}
			p, err := newProgram(c, Sources{})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			i := p.Info()
			cache := map[bool]string{true: "cache", false: "no cache"}[i.Cache]
			if got := fmt.Sprintf("{%q %q %s hooks %v}", i.Name, i.Version, cache, i.Hooks); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	name := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(name, []byte("#!/nonexistent/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	e := Load(Config{Plugins: []PluginConfig{{Name: "p", Exec: []string{name}, Mode: Enforce, Line: 7}}}, Sources{})
	if err := e.Locked(); !problem.HasCode(err, problem.PolicyLocked) || !strings.Contains(err.Error(), "config.yml:7: plugin p cannot be loaded: it cannot be started") {
		t.Errorf("a program that cannot be started: %v", err)
	}
}

// One that says `cache: false` of itself is asked each time; the operator's word counts more.
func TestCache_AProgramOptsOut(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	program := script(t, `[ $1 = describe ] && { echo '{"cache":false}'; exit; }; echo >>`+count+`; echo '{"error":null}'`)
	for more, want := range map[string]int{"": 4, ", cache: true": 1} {
		_ = os.Remove(count)
		e := loadText(t, "plugins: [{name: p, exec: ["+program+"], hooks: [on_service_apply]"+more+"}]", Sources{})
		evaluate(t, e, subject(t))
		evaluate(t, e, subject(t))
		if data, _ := os.ReadFile(count); len(data) != want {
			t.Errorf("%q: asked %d times, want %d", more, len(data), want)
		}
	}
}

// What an author sees of a question has no secret in it, whatever the plugin has seen.
func TestTrace(t *testing.T) {
	s := subject(t)
	s.Secrets = map[string]string{"DB_PASSWORD": "hunter2"}
	s.Model["services"].(map[string]any)["notes"].(map[string]any)["environment"].(map[string]any)["URL"] = "x://hunter2"
	var saw string
	spy := loaded{secrets: true, Plugin: fake{name: "spy", apply: func(r Request) (Response, error) {
		data, _ := json.Marshal(r.Spec)
		saw = string(data)
		return Response{Spec: r.Spec, Error: "it is hunter2", Warnings: []string{"hunter2!"}}, nil
	}}}
	e := engineOf(edit("tagger", OnService, label("team", "x")), spy, fails("down", "hunter2 is wrong"))
	x, err := e.Trace(t.Context(), s, "spy", OnService)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(x)
	if err != nil || strings.Contains(string(shown), "hunter2") || !strings.Contains(saw, "hunter2") {
		t.Errorf("it saw %s\nand is shown as %s, %v", saw, shown, err)
	}
	if !strings.Contains(string(shown), `"team":"x"`) || !strings.Contains(string(shown), `"error":"it is «secret:DB_PASSWORD»"`) {
		t.Errorf("shown: %s", shown)
	}
	for _, tt := range []struct {
		engine *Engine
		plugin string
		hook   Hook
		want   problem.Code
	}{
		{e, "down", OnService, problem.PolicyDenied}, // by the one before it
		{e, "tagger", OnFleet, problem.InvalidArgument},
		{engineOf(), "nobody", OnService, problem.NotFound},
		{Broken(context.Canceled), "spy", OnService, problem.PolicyLocked},
	} {
		if _, err := tt.engine.Trace(t.Context(), s, tt.plugin, tt.hook); !problem.HasCode(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.plugin, err, tt.want)
		}
	}
	x, err = engineOf(fails("down", "hunter2 is wrong")).Trace(t.Context(), s, "down", OnService)
	if err != nil || x.Failure != "«secret:DB_PASSWORD» is wrong" || x.Response != nil {
		t.Errorf("got %+v, %v", x, err)
	}
	q, err := Question(s, OnService)
	if text := show(q.Spec); err != nil || strings.Contains(text, "hunter2") || !strings.Contains(text, "«secret:DB_PASSWORD»") {
		t.Errorf("a question for anybody: %s, %v", text, err)
	}
}
