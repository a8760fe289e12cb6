package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
	"dreamserver/security"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

// fakeAgent is an agent at the edge of the process: fields that are nil answer with nothing.
type fakeAgent struct {
	status     catalog.AgentStatus
	away       error // what a ping says instead
	state      catalog.State
	facts      catalog.HostFacts
	stack      agent.StackInfo
	up         func(services []string, wait bool, on func(string, compose.Event)) (agent.StackReport, error)
	start      func(id string) (catalog.Report, error)
	stop, down error
	logs       catalog.Logs
	audit      func(ctx context.Context, limit int) []catalog.AuditEntry
	steps      []operation.Progress // of a start
	hangs      *hangs               // a start goes on until it is told to stop
	follow     func()               // somebody listens
	plan       catalog.Plan
	plans      []agent.PlanComparison
	planned    catalog.PlanRequest // the last one
	planFails  error
	starting   catalog.Starting // of the last start
	eval       func(ctx context.Context, r agent.EvalRequest) (policy.Exchange, error)
	decided    catalog.PolicyAudit
	filter     decisions.Filter // by which it was asked for last
	drift      catalog.Drift
}

// hangs is a start that does not end by itself.
type hangs struct{ begun, ended chan struct{} }

func newHangs() *hangs { return &hangs{make(chan struct{}), make(chan struct{})} }

func (h *hangs) wait(id string) (catalog.Report, error) {
	close(h.begun)
	<-h.ended
	return catalog.Report{}, problem.Newf(problem.StartFailed, "extension %q: start was ended, because it was told to stop", id)
}

func (f *fakeAgent) Ping(context.Context) (catalog.AgentStatus, error) { return f.status, f.away }
func (f *fakeAgent) PolicyAudit(_ context.Context, q decisions.Filter) (catalog.PolicyAudit, error) {
	f.filter = q
	return f.decided, f.away
}
func (f *fakeAgent) Drift(context.Context) (catalog.Drift, error)     { return f.drift, f.away }
func (f *fakeAgent) ScanDrift(context.Context) (catalog.Drift, error) { return f.drift, f.away }
func (f *fakeAgent) Check(_ context.Context, id string, _ bool) (catalog.Verdict, error) {
	var v catalog.Verdict
	v.ID = id
	return v, nil
}

func (f *fakeAgent) Plan(_ context.Context, req catalog.PlanRequest) (catalog.Plan, error) {
	f.planned = req
	p := f.plan
	p.ID = req.ID
	return p, f.planFails
}

func (f *fakeAgent) PlanAll(_ context.Context, with string) ([]agent.PlanComparison, error) {
	f.planned.With = with
	return f.plans, f.planFails
}

func (f *fakeAgent) Start(ctx context.Context, id string, with catalog.Starting, on func(operation.Progress)) (catalog.Report, error) {
	f.starting = with
	return f.Restart(ctx, id, on)
}

func (f *fakeAgent) Restart(_ context.Context, id string, on func(operation.Progress)) (catalog.Report, error) {
	for _, p := range f.steps {
		on(p)
	}
	if f.hangs != nil {
		return f.hangs.wait(id)
	}
	return f.start(id)
}

func (f *fakeAgent) Stop(context.Context, string) error {
	if f.hangs != nil {
		close(f.hangs.ended)
	}
	return f.stop
}
func (f *fakeAgent) Remove(context.Context, string) error              { return nil }
func (f *fakeAgent) SetBuiltin(context.Context, string, bool) error    { return nil }
func (f *fakeAgent) Containers(context.Context) (catalog.State, error) { return f.state, nil }

func (f *fakeAgent) Follow(ctx context.Context, _ func()) error {
	if f.follow != nil {
		f.follow()
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fakeAgent) Config(_ context.Context, id string) (catalog.Config, error) {
	return catalog.Config{ID: id}, nil
}

func (f *fakeAgent) Configure(_ context.Context, id string, _ catalog.ConfigChange) (catalog.ConfigResult, error) {
	return catalog.ConfigResult{Config: catalog.Config{ID: id}}, nil
}

func (f *fakeAgent) Logs(_ context.Context, id string, tail int) (catalog.Logs, error) {
	l := f.logs
	l.ServiceID, l.Lines = id, tail
	return l, nil
}

// FollowLogs gives the lines of logs, the even ones on stderr, and interrupts the program when there are no more.
func (f *fakeAgent) FollowLogs(_ context.Context, id string, q catalog.LogQuery) (iter.Seq2[catalog.LogLine, error], error) {
	return func(yield func(catalog.LogLine, error) bool) {
		for i, text := range strings.Fields(f.logs.Logs)[:min(q.Tail, 2)] {
			l := catalog.LogLine{Time: "2026-01-01T00:00:00Z", Service: []string{id, id + "-db"}[i%2], Stream: []string{"stdout", "stderr"}[i%2], Text: text}
			if !yield(l, nil) {
				return
			}
		}
		if q.Follow {
			yield(catalog.LogLine{}, problem.Newf(problem.Unavailable, "the host agent went away"))
		}
	}, nil
}

func (f *fakeAgent) Host(context.Context) (catalog.HostFacts, error)    { return f.facts, nil }
func (f *fakeAgent) Machine(context.Context) (catalog.HostFacts, error) { return f.facts, nil }
func (f *fakeAgent) Stats(context.Context) (catalog.Stats, error)       { return catalog.Stats{}, nil }

func (f *fakeAgent) Ports(context.Context, []int) (catalog.PortUses, error) {
	return catalog.PortUses{}, nil
}

func (f *fakeAgent) Storage(context.Context) (catalog.Storage, error)  { return catalog.Storage{}, nil }
func (f *fakeAgent) Unit(context.Context, string) (health.Unit, error) { return health.Unit{}, nil }
func (f *fakeAgent) Stack(context.Context) (agent.StackInfo, error)    { return f.stack, nil }
func (f *fakeAgent) Up(_ context.Context, s []string, wait bool, on func(string, compose.Event)) (agent.StackReport, error) {
	return f.up(s, wait, on)
}
func (f *fakeAgent) Down(context.Context) error { return f.down }

func (f *fakeAgent) EvalPolicy(ctx context.Context, r agent.EvalRequest) (policy.Exchange, error) {
	return f.eval(ctx, r)
}

func (f *fakeAgent) Audit(ctx context.Context, limit int) ([]catalog.AuditEntry, error) {
	return f.audit(ctx, limit), nil
}

// terminal is one call's result.
type terminal struct {
	Code           int
	Stdout, Stderr string
}

// session makes an installation, and runs commands in it that talk to f.
func session(t *testing.T, f *fakeAgent) func(args ...string) terminal {
	t.Helper()
	return newDesk(t, f).run
}

// desk is an installation, and where commands are run in it.
type desk struct {
	t     *testing.T
	dir   string
	agent *fakeAgent
}

func newDesk(t *testing.T, f *fakeAgent) *desk {
	t.Helper()
	f.status.Available = true
	d := &desk{t, filepath.Join(t.TempDir(), "in"), f}
	made := d.run("init", "--uid", strconv.Itoa(os.Geteuid()), "--gid", strconv.Itoa(os.Getegid()))
	if made.Code != 0 {
		t.Fatalf("init: %+v", made)
	}
	return d
}

func (d *desk) run(args ...string) terminal { return d.runUntil(d.t.Context(), args...) }

// runUntil has the command interrupted when ctx ends.
func (d *desk) runUntil(ctx context.Context, args ...string) terminal {
	var stdout, stderr bytes.Buffer
	code := d.runOn(ctx, &stdout, &stderr, args...)
	clean := func(s string) string { return strings.ReplaceAll(s, d.dir, "DIR") }
	return terminal{code, clean(stdout.String()), clean(stderr.String())}
}

func (d *desk) runOn(ctx context.Context, stdout, stderr io.Writer, args ...string) int {
	a := &app{
		getenv: func(key string) string { return map[string]string{"DREAM_INSTALL_DIR": d.dir, "HOME": "/nowhere"}[key] },
		stdout: stdout, stderr: stderr,
		newAgent: func(config.Settings) agentClient { return d.agent },
	}
	return a.run(ctx, args)
}

var helloContainer = compose.Container{
	Name: "dream-hello", Service: "hello", State: "running", Health: "healthy",
	Ports: []compose.Port{
		{IP: "127.0.0.1", Host: 7806, Container: 8080, Protocol: "tcp"},
		{IP: "::1", Host: 7806, Container: 8080, Protocol: "tcp"},
		{Container: 9000, Protocol: "tcp"},
	},
}

func TestUp_GoesOnAndNamesWhatFailed(t *testing.T) {
	var asked []string
	run := session(t, &fakeAgent{up: func(services []string, wait bool, on func(string, compose.Event)) (agent.StackReport, error) {
		asked = services
		if !wait {
			t.Error("the agent was not asked to wait")
		}
		for range 3 { // as while pulling
			on("hello", compose.Event{ID: "Image hello", Status: "Working", Text: "Pulling"})
		}
		on("bad", compose.Event{ID: "Container dream-bad", Status: "Error", Text: "Error", Details: "port is taken"})
		return agent.StackReport{
			Started: []catalog.Report{
				{ID: "hello", Containers: []compose.Container{helloContainer}, Notes: []string{"${X} counts as unset"}},
				{ID: "dashboard", Unchanged: true, Containers: []compose.Container{
					{Service: "dashboard", Ports: []compose.Port{{IP: "127.0.0.1", Host: 3001, Protocol: "tcp"}}},
					{Service: "dashboard-api", Ports: []compose.Port{{IP: "127.0.0.1", Host: 3002, Protocol: "tcp"}}},
				}},
				{ID: "llama-server", Waiting: []string{"llama-server"}},
			},
			Failed:  map[string]string{"bad": "port 80 is taken\nby nginx", "also": `extension "also": no image`},
			Skipped: []compose.Skip{{ID: "x", Path: "data/user-extensions/x", Warning: true, Reason: "is a symlink"}, {ID: "off", Reason: "disabled"}},
		}, nil
	}})
	got := run("up", "--wait", "webui", "dashboard")
	want := terminal{
		Code: 1,
		Stdout: "hello runs: 127.0.0.1:7806, [::1]:7806\n" +
			"dashboard ran already: 127.0.0.1:3001\n" +
			"llama-server runs; no answer yet from the healthcheck of llama-server\n",
		Stderr: "Image hello Pulling\n" +
			"Container dream-bad Error port is taken\n" +
			"dream: warning: hello: ${X} counts as unset\n" +
			"dream: warning: skipped data/user-extensions/x: is a symlink\n" +
			"dream: also: no image\n" +
			"dream: bad: port 80 is taken\n  by nginx\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dream up (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"open-webui", "dashboard"}, asked); diff != "" {
		t.Errorf("services asked for (-want +got):\n%s", diff)
	}
}

func TestUp_PrintsOneDocumentForScripts(t *testing.T) {
	run := session(t, &fakeAgent{up: func([]string, bool, func(string, compose.Event)) (agent.StackReport, error) {
		return agent.StackReport{Started: []catalog.Report{{ID: "hello"}}, Failed: map[string]string{"bad": "no image"}}, nil
	}})
	got := run("up", "--json")
	var report agent.StackReport
	if err := json.Unmarshal([]byte(got.Stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, got.Stdout)
	}
	if got.Code != 1 || report.Failed["bad"] != "no image" || report.Started[0].ID != "hello" {
		t.Errorf("got code %d and %+v, want 1 and the report", got.Code, report)
	}
}

func TestStatus_ShowsWhatRunsAndWhatDoesNotAndWhy(t *testing.T) {
	f := &fakeAgent{
		status: catalog.AgentStatus{Version: "1.0.0", Mismatch: "the host agent is 1.0.0"},
		state: catalog.State{
			Containers: []compose.Container{helloContainer, {Name: "dream-dashboard", State: "exited"}},
			Failures:   map[string]string{"hello": "exited with code 3\nlast words"},
		},
		facts: catalog.HostFacts{
			Engine: compose.EngineVersion{Version: "20.10.24"}, Compose: "v5.5.1",
			GPUs: gpu.Facts{NVIDIA: gpu.NVIDIADriver{Problem: "it knows of 2 GPUs and reports on 1"}, Devices: []gpu.Device{
				{Name: "NVIDIA RTX A5000", MemoryType: gpu.Discrete, MemoryTotal: new(uint64(24564 << 20)), MemoryUsed: new(uint64(22437 << 20)), Utilization: new(0.0), Temperature: new(13.0)},
				{Name: "Intel Arc A770", MemoryType: gpu.Discrete, MemoryTotal: new(uint64(16 << 30))},
				{Name: "Intel UHD Graphics", MemoryType: gpu.Unified},
			}},
		},
		stack: agent.StackInfo{Skipped: []compose.Skip{{ID: "x", Warning: true, Reason: "compose.yaml:3: not a mapping"}, {ID: "off", Reason: "disabled"}}},
	}
	got := session(t, f)("status")
	// How many extensions there are, and for which machines, changes with what ships.
	got.Stdout = regexp.MustCompile(`(?m)^(Services      )[1-9]\d* enabled, \d+ disabled, [1-9]\d* in the library$`).ReplaceAllString(got.Stdout, "${1}some")
	got.Stdout = regexp.MustCompile(`(?m)^  [a-z-]+: made for .*\n`).ReplaceAllString(got.Stdout, "")
	want := terminal{Stdout: `Installation  DIR
Version       ` + config.Version() + `
Dashboard     http://127.0.0.1:3001
API           http://127.0.0.1:3002
Host agent    ok, but the host agent is 1.0.0
Docker        ok, Engine 20.10.24, compose v5.5.1
GPU           NVIDIA RTX A5000, 21.9 of 24.0 GiB used, 0 % busy, 13 C
GPU           Intel Arc A770, 16.0 GiB
GPU           Intel UHD Graphics, shared with the CPU
GPU           nvidia-smi: it knows of 2 GPUs and reports on 1
Services      some

CONTAINER        STATE    HEALTH   ADDRESS
dream-dashboard  exited   -        
dream-hello      running  healthy  127.0.0.1:7806, [::1]:7806

Failed:
  hello: exited with code 3
    last words

Takes no part:
  x: compose.yaml:3: not a mapping
`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dream status (-want +got):\n%s", diff)
	}
}

func TestStatus_ExitsWith3WhileDockerIsAway(t *testing.T) {
	f := &fakeAgent{status: catalog.AgentStatus{Docker: "Docker does not answer: start it"}}
	got := session(t, f)("status")
	if got.Code != exitUnavailable || !strings.Contains(got.Stdout, "Docker        Docker does not answer: start it\n") {
		t.Errorf("got code %d and\n%s", got.Code, got.Stdout)
	}
}

func TestInstall_ShowsEveryCauseOnItsOwnLine(t *testing.T) {
	run := session(t, &fakeAgent{start: func(string) (catalog.Report, error) {
		return catalog.Report{}, problem.Newf(problem.MissingConfig, "extension %q needs values", "hello").With(
			problem.Item{File: "compose.yaml", Line: 12, Path: "services.hello.user", Message: "is root", Fix: "name another"},
			problem.Item{Path: "TOKEN", Message: "required variable TOKEN is not set"},
			problem.Item{Path: "x", Message: "needs values"}, // said already
			problem.Item{Message: "and more"},
		)
	}})
	want := terminal{Code: 1, Stderr: `hello: check
hello: copy
hello: undo
dream: extension "hello" needs values
  compose.yaml:12 services.hello.user: is root: name another
  TOKEN: required variable TOKEN is not set
  and more
`}
	if diff := cmp.Diff(want, run("install", "hello")); diff != "" {
		t.Errorf("dream install (-want +got):\n%s", diff)
	}
	lines := strings.Split(strings.TrimSpace(run("install", "hello", "--json").Stderr), "\n")
	if last := lines[len(lines)-1]; !json.Valid([]byte(last)) || !strings.Contains(last, `"code":"missing_config"`) {
		t.Errorf("with --json the last line is no problem document: %s", last)
	}
}

func TestStopStartRestart_SayWhatWasDone(t *testing.T) {
	run := session(t, &fakeAgent{start: func(id string) (catalog.Report, error) {
		return catalog.Report{ID: id, Containers: []compose.Container{helloContainer}, Notes: []string{"slow disk"}}, nil
	}})
	for _, tt := range []struct {
		args []string
		want terminal
	}{
		{[]string{"install", "hello"}, terminal{0, "Hello is installed and running.\n", "hello: check\nhello: copy\ndream: warning: hello: slow disk\n"}},
		{[]string{"restart", "hello"}, terminal{0, "Hello is restarted and running.\n", "dream: warning: hello: slow disk\n"}},
		{[]string{"stop", "hello"}, terminal{0, "Hello is stopped. It stays enabled: `dream start hello` starts it again.\n", ""}},
		{[]string{"disable", "hello"}, terminal{0, "Hello is disabled and its containers are stopped.\n", ""}},
		{[]string{"start", "hello"}, terminal{1, "", "dream: extension \"hello\" is disabled: enable it first with `dream enable hello`\n"}},
	} {
		if diff := cmp.Diff(tt.want, run(tt.args...)); diff != "" {
			t.Errorf("dream %v (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestLogs_Follow(t *testing.T) {
	run := session(t, &fakeAgent{logs: catalog.Logs{Logs: "one two\x1b[31m"}})
	for _, tt := range []struct {
		args []string
		want terminal
	}{
		{[]string{"logs", "-f", "dashboard"}, terminal{1, "one\n", "dashboard-db | two\ndream: the host agent went away\n"}},
		{[]string{"logs", "-f", "dashboard", "1", "--json"}, terminal{
			1,
			`{"time":"2026-01-01T00:00:00Z","service":"dashboard","container":"","stream":"stdout","text":"one"}` + "\n", "",
		}},
		{[]string{"logs", "dashboard", "--since", "10m"}, terminal{0, "dashboard | one\ndashboard-db | two\n", ""}},
		{[]string{"logs", "dashboard", "--since", "soon"}, terminal{1, "", `dream: "soon" is no time: write one such as 2026-01-02T15:04:05Z, or how long ago, such as 10m` + "\n"}},
	} {
		got := run(tt.args...)
		if tt.args[len(tt.args)-1] == "--json" {
			got.Stderr = ""
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("dream %v (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestLogs_TakesTheNumberOfLinesInBothPlaces(t *testing.T) {
	run := session(t, &fakeAgent{logs: catalog.Logs{Logs: "one\ntwo\n\n"}})
	if diff := cmp.Diff(terminal{0, "one\ntwo\n", ""}, run("logs", "dashboard")); diff != "" {
		t.Errorf("dream logs (-want +got):\n%s", diff)
	}
	for _, args := range [][]string{{"logs", "dashboard", "50", "--json"}, {"logs", "dashboard", "--tail", "50", "--json"}, {"l", "dashboard", "-n50", "--json"}} {
		var got catalog.Logs
		if err := json.Unmarshal([]byte(run(args...).Stdout), &got); err != nil {
			t.Fatal(err)
		}
		if got.Lines != 50 {
			t.Errorf("dream %v asks for %d lines, want 50", args, got.Lines)
		}
	}
}

func TestVersion_NamesEverythingThatTakesPart(t *testing.T) {
	run := session(t, &fakeAgent{
		status: catalog.AgentStatus{Version: "2.0.0", Mismatch: "the host agent is 2.0.0: run `make run`"},
		facts:  catalog.HostFacts{Engine: compose.EngineVersion{Version: "28.1"}, Compose: "v5.5.1"},
	})
	want := terminal{
		Stdout: "dream           " + config.Version() + "\nhost agent      2.0.0\nDocker Engine   28.1\ndocker compose  v5.5.1\n",
		Stderr: "dream: warning: the host agent is 2.0.0: run `make run`\n",
	}
	if diff := cmp.Diff(want, run("version")); diff != "" {
		t.Errorf("dream version (-want +got):\n%s", diff)
	}
}

func TestFindInstallation_PrefersTheFlagThenTheEnvironmentThenItsOwnFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in", "docker-compose.base.yml"), "")
	write(t, filepath.Join(dir, "checkout", "docker-compose.base.yml"), "")
	write(t, filepath.Join(dir, "checkout", "go.mod"), "")
	tests := []struct {
		name, flag, executable string
		env                    map[string]string
		want                   string
	}{
		{name: "flag", flag: "/flag", env: map[string]string{"DREAM_INSTALL_DIR": "/env"}, want: "/flag"},
		{name: "environment", env: map[string]string{"DREAM_INSTALL_DIR": "/env", "DREAM_HOME": "/home"}, executable: dir + "/in/bin/dream", want: "/env"},
		{name: "older name", env: map[string]string{"DREAM_HOME": "/home"}, want: "/home"},
		{name: "its own folder", executable: dir + "/in/bin/dream", want: dir + "/in"},
		{name: "a checkout is no installation", executable: dir + "/checkout/bin/dream", want: ""},
		{name: "elsewhere", executable: "/usr/local/bin/dream", want: ""},
		{name: "unknown", want: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &app{installDir: tt.flag, executable: tt.executable, getenv: func(key string) string { return tt.env[key] }}
			if got := a.findInstallation(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"docker-compose.base.yml": "docker-compose.base.yml",
		"my compose.yaml":         "'my compose.yaml'",
		"it's":                    `'it'\''s'`,
		"$(id)":                   "'$(id)'",
		"":                        "''",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestScan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("manifest.yaml", "schema_version: dream.services.v1\nservice: {id: web, name: Web, port: 80, gpu_backends: [cpu], grants: [lan-bind]}\n")
	write("compose.yaml", "services:\n  web:\n    image: example/web:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"+
		"    mem_limit: 1g\n    healthcheck: {test: [CMD, /well]}\n    ports: [\"0.0.0.0:7000:80\"]\n")
	run := session(t, &fakeAgent{})
	wantTerminal := func(want terminal, args ...string) {
		t.Helper()
		if diff := cmp.Diff(want, run(args...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", args, diff)
		}
	}
	const notes = "grant lan-bind: it may be reachable from other machines on the network\n"
	const note = "note web/compose.yaml:2: services.web\n    may gain privileges through set-uid programs of its image; add security_opt: [\"no-new-privileges:true\"]\n"
	wantTerminal(terminal{0, "web is accepted. Rating: 5 of 8.\n" + notes + note, ""}, "scan", dir)
	wantTerminal(terminal{1, "web is refused, for one reason.\n" + notes + "error web/manifest.yaml:2: service.gpu_backends\n    is not made for amd; add it to service.gpu_backends, or scan for another\n" + note, ""},
		"scan", dir, "--gpu-backend", "amd")
	var v security.Verdict
	got := run("scan", dir, "--json")
	if err := json.Unmarshal([]byte(got.Stdout), &v); err != nil || got.Code != 0 || v.ID != "web" || v.Verdict != "accept" || v.Rating != 5 || len(v.Grants) != 1 || len(v.Findings) != 2 {
		t.Errorf("scan --json: %+v %+v %v", got, v, err)
	}
	const help = "\nRun `dream --help` for what there is.\n"
	for _, missing := range []string{dir + "/nowhere", dir + "/nowhere/web"} {
		wantTerminal(terminal{2, "", "dream: " + missing + " does not exist" + help}, "scan", missing)
	}
	file := filepath.Join(dir, "manifest.yaml")
	wantTerminal(terminal{2, "", "dream: " + file + " is no folder: name the folder that has the extension's manifest" + help}, "scan", file)
	for _, args := range [][]string{{"scan"}, {"scan", dir, dir}, {"scan", dir, "--gpu-backend", "tpu"}} {
		if got := run(args...); got.Code != 2 || got.Stderr == "" {
			t.Errorf("%v: %+v, want a usage error", args, got)
		}
	}
	const head = "schema_version: dream.services.v1\nservice:\n  name: Web\n  port: 80\n  gpu_backends: [cpu]\n"
	for _, tt := range []struct{ name, manifest, want string }{
		{
			"host", head + "  id: host\n  type: host-systemd\n",
			"host/manifest.yaml:7: service.type\n    the extension has no compose file: nothing could run; add compose.yaml, and write type: docker",
		},
		{
			"other", head + "  id: web2\n  type: host-systemd\n",
			"other/manifest.yaml:6: service.id\n    service.id \"web2\" is not the name of its folder, \"other\": rename one of them; mend the manifest",
		},
		{"broken", "service: [\n", "broken/manifest.yaml:"},
		{"none", "", "none/manifest.yaml\n    none: no manifest.yaml, manifest.yml or manifest.json: file does not exist; add manifest.yaml"},
	} {
		dir = filepath.Join(t.TempDir(), tt.name)
		write("notes.txt", "")
		if tt.manifest != "" {
			write("manifest.yaml", tt.manifest)
		}
		if got := run("scan", dir); got.Code != 1 || !strings.Contains(got.Stdout, "error "+tt.want) {
			t.Errorf("%s: %d %s%s\nwant %s", tt.name, got.Code, got.Stdout, got.Stderr, tt.want)
		}
	}
	if got := run("install", "web", "--grant", "all"); got.Code != 2 {
		t.Errorf("an unknown grant: %+v, want a usage error", got)
	}
}
