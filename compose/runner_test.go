package compose_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"dreamserver/compose"
)

// TestMain lets the test binary stand in for docker.
func TestMain(m *testing.M) {
	if play := os.Getenv("FAKE_DOCKER"); play != "" {
		os.Exit(fakeDocker(play))
	}
	goleak.VerifyTestMain(m)
}

// fakeDocker reports how it was called to the socket FAKE_REPORT, then plays its part: hang until the socket closes,
// the same with a child that does not listen to SIGTERM, or what the file of this name says.
func fakeDocker(play string) int {
	if play == "deaf" {
		signal.Ignore(syscall.SIGTERM)
	}
	report, err := net.Dial("unix", os.Getenv("FAKE_REPORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	dir, _ := os.Getwd()
	json.NewEncoder(report).Encode(call{Args: os.Args[1:], Env: os.Environ(), Dir: dir})
	switch play {
	case "hang", "deaf":
		io.Copy(io.Discard, report)
		return 0
	case "family": // the child holds on to stderr
		child := exec.Command(os.Args[0])
		child.Env = append(slices.Clone(os.Environ()), "FAKE_DOCKER=deaf")
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			return 9
		}
		io.Copy(io.Discard, report)
		return 0
	}
	text, err := os.ReadFile(play)
	if err != nil {
		return 9
	}
	code, stderr, _ := strings.Cut(string(text), "\n")
	fmt.Fprint(os.Stderr, stderr)
	fmt.Println("5.5.1")
	return int(code[0] - '0')
}

type call struct {
	Args []string `json:"args"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir"`
}

// fake is a Runner whose docker is this test binary, and what that reports.
type fake struct {
	compose.Runner
	t       *testing.T
	reports net.Listener
}

// newFake makes one that exits with code after it printed stderr.
func newFake(t *testing.T, code int, stderr ...string) *fake {
	t.Helper()
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, fmt.Appendf(nil, "%d\n%s", code, strings.Join(stderr, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return newPlay(t, script)
}

func newPlay(t *testing.T, play string) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "fake") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	reports, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reports.Close(); os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	return &fake{t: t, reports: reports, Runner: compose.Runner{
		Docker: self, Project: "test", Dir: empty,
		Env: append(compose.CleanEnv(os.Getenv, "", ""), "FAKE_DOCKER="+play, "FAKE_REPORT="+reports.Addr().String(),
			"GOCOVERDIR="+t.TempDir()), // go test -cover would complain on stderr
	}}
}

// called waits for the next report. The connection tells when the process is gone.
func (f *fake) called() (call, net.Conn) {
	f.t.Helper()
	conn, err := f.reports.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	var c call
	if err := json.NewDecoder(conn).Decode(&c); err != nil {
		f.t.Fatal(err)
	}
	return c, conn
}

func TestRunner_CallsDockerCompose(t *testing.T) {
	const file = "/state/approved/web.yaml"
	global := []string{"compose", "-p", "test", "--env-file", "/dev/null", "--progress", "json"}
	tests := []struct {
		name string
		run  func(context.Context, *compose.Runner) error
		file bool
		want []string
	}{
		{"up", func(ctx context.Context, r *compose.Runner) error {
			return r.Up(ctx, file, []string{"web", "web-db"}, nil)
		}, true, []string{"up", "-d", "--pull", "never", "--no-build", "web", "web-db"}},
		{"pull", func(ctx context.Context, r *compose.Runner) error { return r.Pull(ctx, file, []string{"web"}, nil) }, true, []string{"pull", "--ignore-buildable", "web"}},
		{"build", func(ctx context.Context, r *compose.Runner) error { return r.Build(ctx, file, []string{"web"}, nil) }, true, []string{"build", "web"}},
		{"stop", func(ctx context.Context, r *compose.Runner) error { return r.Stop(ctx, []string{"web"}, nil) }, false, []string{"stop", "web"}},
		{"remove", func(ctx context.Context, r *compose.Runner) error { return r.Remove(ctx, []string{"web"}, nil) }, false, []string{"rm", "--stop", "--force", "web"}},
		{"down", func(ctx context.Context, r *compose.Runner) error { return r.Down(ctx, nil) }, false, []string{"down", "--remove-orphans"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 0)
			want := slices.Clone(global)
			if tt.file {
				want = append(want, "--project-directory", f.Dir, "-f", file)
			}
			if err := tt.run(t.Context(), &f.Runner); err != nil {
				t.Fatal(err)
			}
			c, _ := f.called()
			if diff := cmp.Diff(append(want, tt.want...), c.Args); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if c.Dir != f.Dir {
				t.Errorf("ran in %s, want the empty %s", c.Dir, f.Dir)
			}
		})
	}
}

// Whoever counts calls hears of each, with the verb that docker compose got and how it ended.
func TestRunner_TellsOfEveryCall(t *testing.T) {
	var got []string
	tell := func(verb string, err error) { got = append(got, fmt.Sprintf("%s %t", verb, err == nil)) }
	good, bad := newFake(t, 0), newFake(t, 3)
	good.Called, bad.Called = tell, tell
	for _, f := range []*fake{good, bad} {
		_ = f.Down(t.Context(), nil)
		_ = f.Remove(t.Context(), []string{"web"}, nil)
		_, _ = f.Version(t.Context())
	}
	want := []string{"down true", "rm true", "version true", "down false", "rm false", "version false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, call := range got {
		if verb, _, _ := strings.Cut(call, " "); !slices.Contains(compose.Verbs, verb) {
			t.Errorf("%s is none of Verbs", verb)
		}
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	hung := newPlay(t, "hang")
	ended := make(chan error, 1)
	hung.Called = func(_ string, err error) { ended <- err }
	go func() { _ = hung.Down(ctx, nil) }()
	hung.called()
	cancel(nil)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was ended: %v", err)
	}
}

func TestRunner_Version(t *testing.T) {
	f := newFake(t, 0)
	if got, err := f.Version(t.Context()); got != "5.5.1" || err != nil {
		t.Errorf("Version = %q, %v; want 5.5.1", got, err)
	}
}

func TestRunner_GivesDockerACleanEnvironment(t *testing.T) {
	t.Setenv("COMPOSE_REMOVE_ORPHANS", "true")
	t.Setenv("DREAM_AGENT_KEY", "secret")
	t.Setenv("DOCKER_HOST", "unix:///wrong")
	t.Setenv("HTTPS_PROXY", "http://proxy:3128")
	f := newFake(t, 0)
	if err := f.Stop(t.Context(), []string{"web"}, nil); err != nil {
		t.Fatal(err)
	}
	var names []string
	c, _ := f.called()
	for _, kv := range c.Env {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	allowed := []string{
		"PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
		"http_proxy", "https_proxy", "no_proxy", "FAKE_DOCKER", "FAKE_REPORT", "GOCOVERDIR", "PWD", // exec sets PWD to Dir
	}
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			t.Errorf("%s reached docker", name)
		}
	}
	for _, name := range []string{"PATH", "HTTPS_PROXY"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s did not reach docker", name)
		}
	}
}

func TestCleanEnv(t *testing.T) {
	env := map[string]string{"PATH": "/bin", "HOME": "/root", "DOCKER_HOST": "ignored", "DOCKER_CONFIG": "ignored", "COMPOSE_FILE": "x", "no_proxy": "localhost"}
	got := compose.CleanEnv(func(k string) string { return env[k] }, "unix:///d.sock", "/etc/docker-config")
	want := []string{"PATH=/bin", "HOME=/root", "no_proxy=localhost", "DOCKER_HOST=unix:///d.sock", "DOCKER_CONFIG=/etc/docker-config"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CleanEnv (-want +got):\n%s", diff)
	}
}

func TestRunner_ReportsProgress(t *testing.T) {
	f := newFake(
		t, 0,
		`{"id":"Image redis:7","status":"Working","text":"Pulling","details":"layer","current":5,"total":10,"percent":50}`,
		`not JSON`, ``,
		`{"id":"Container test-web-1","status":"Done","text":"Started"}`,
		`{"level":"warning"}`,
		`{"id":"Network test","status":"Done","text":"Created"}`, // no line end
	)
	var got []compose.Event
	if err := f.Up(t.Context(), "f", nil, func(e compose.Event) { got = append(got, e) }); err != nil {
		t.Fatal(err)
	}
	want := []compose.Event{
		{ID: "Image redis:7", Status: "Working", Text: "Pulling", Details: "layer", Current: 5, Total: 10, Percent: 50},
		{ID: "Container test-web-1", Status: "Done", Text: "Started"},
		{ID: "Network test", Status: "Done", Text: "Created"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRunner_SaysWhyACallFailed(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("line %d", i))
	}
	tests := []struct {
		name   string
		stderr []string
		want   string
	}{
		{"what compose says at the end", []string{
			`{"id":"service:web:1","status":"Error","text":"Error response from daemon: No such image: x"}`,
			`{"error":true,"message":"Error response from daemon: No such image: x"}`,
		}, "No such image: x"},
		{"what it says of one resource", []string{`{"id":"Image x","status":"Error","text":"Error","details":"denied"}`, "bye"}, "Image x: denied"},
		{"a resource without details", []string{`{"id":"service:web:1","status":"Error","text":"port is taken"}`}, "service:web:1: port is taken"},
		{"text", []string{"unknown flag: --progress", "", "See 'docker --help'"}, "unknown flag: --progress; See 'docker --help'"},
		{"the end of much text", many, strings.Join(many[10:], "; ")},
		{"nothing", nil, "no reason given"},
		{"a line of more than 1 MiB", []string{"{" + strings.Repeat("x", 3<<20), `{"error":true,"message":"after it"}`}, "after it"},
		{"nothing but such a line", []string{strings.Repeat("x", 2<<20)}, "(a line of more than 1 MiB)"},
		{"a long line that is read", []string{`{"error":true,"message":"` + strings.Repeat("x", 1<<19) + `"}`}, strings.Repeat("x", 1<<19)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, 3, tt.stderr...)
			err := f.Up(t.Context(), "f", nil, nil)
			var failed *compose.CommandError
			if !errors.As(err, &failed) {
				t.Fatalf("Up = %v, want a CommandError", err)
			}
			if failed.Verb != "up" || failed.Code != 3 || failed.Reason != tt.want {
				t.Errorf("verb %s, code %d, reason %.200q; want up, 3, %.200q", failed.Verb, failed.Code, failed.Reason, tt.want)
			}
		})
	}
}

func TestRunner_SaysThatDockerIsNotThere(t *testing.T) {
	r := compose.Runner{Docker: "/nowhere/docker", Dir: t.TempDir()}
	err := r.Stop(t.Context(), nil, nil)
	if want := "docker compose stop: fork/exec /nowhere/docker: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("Stop = %v, want %s", err, want)
	}
	if _, err := r.Version(t.Context()); err == nil {
		t.Error("Version = nil error, want one")
	}
}

func TestRunner_EndsACallWithItsContext(t *testing.T) {
	f := newPlay(t, "hang")
	ctx, cancel := context.WithCancel(t.Context())
	up := f.goUp(ctx)
	f.called()
	cancel()
	err := <-up
	var failed *compose.CommandError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) || failed.Reason != "stopped: context canceled" || failed.Code != -1 {
		t.Errorf("Up = %v, want that it was stopped", err)
	}
}

func TestRunner_EndsACallInTime(t *testing.T) {
	f := newPlay(t, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.Up(ctx, "f", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Up = %v, want that its time ran out", err)
	}
}

// compose starts children, and one that does not listen to SIGTERM kept the call from ever returning.
func TestRunner_KillsTheWholeProcessGroup(t *testing.T) {
	f := newPlay(t, "family")
	f.Grace = 50 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	up := f.goUp(ctx)
	f.called()
	_, child := f.called()
	cancel()
	if err := <-up; !errors.Is(err, context.Canceled) {
		t.Errorf("Up = %v, want canceled", err)
	}
	if _, err := child.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // comes when the child is gone
		t.Errorf("the child's connection ended with %v, want EOF", err)
	}
}

func (f *fake) goUp(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f.Up(ctx, "f", nil, nil) }()
	return done
}
