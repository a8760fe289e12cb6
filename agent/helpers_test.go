package agent_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/internal/sockets"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dockerVariable); dir != "" {
		os.Exit(dockerCommand(dir, os.Args[1:]))
	}
	if socket := os.Getenv(pingVariable); socket != "" {
		os.Exit(pingCommand(socket))
	}
	goleak.VerifyTestMain(m)
}

const (
	key     = "0123456789abcdef0123456789abcdef"
	version = "2.1.0"
)

// installation is a real client and a real agent on a Unix socket. Docker is a fake.
type installation struct {
	t      *testing.T
	dir    string
	env    []string // .env
	docker *fakeDocker
	engine *fakeEngine
	log    *logBuffer
	client *agent.Client

	settings config.Settings
	options  agent.Options
	kernel   atomic.Bool  // it asks the kernel whether a port is taken; else none is
	tried    atomic.Int32 // how often it asked by trying
	noProc   atomic.Bool  // the kernel has no list of who listens
	stop     func() error // ends the agent; it waits
	addr     string       // where it listens on TCP
}

// newInstallation starts an agent on the given files, one core service and a base file with it. Start it anew with
// other options through prepare and serve.
func newInstallation(t *testing.T, files ...string) *installation {
	t.Helper()
	in := prepare(t, files...)
	in.serve()
	return in
}

// prepare makes an installation whose agent is not started yet.
func prepare(t *testing.T, files ...string) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), docker: newFakeDocker(t), log: &logBuffer{changed: make(chan struct{}, 1)}}
	in.engine = newFakeEngine(in.docker)
	in.setEnv("DREAM_AGENT_KEY="+key, "DREAM_AGENT_PORT=0", "DREAM_AGENT_SOCKET="+shortDir(t)+"/run/agent.sock", "DREAM_STOP_TIMEOUT=1h")
	in.add(base)
	in.add(files...)
	in.settings = in.load()
	in.options = agent.Options{
		Settings: in.settings, Engine: in.engine, Docker: os.Args[0], Env: in.docker.env(), Version: version, Log: zerolog.New(in.log),
		Reload: func() (config.Settings, error) {
			return config.Load(in.getenv)
		},
		PortInUse: func(protocol, ip string, port int) bool {
			in.tried.Add(1)
			return in.kernel.Load() && agent.PortInUse(protocol, ip, port)
		},
		Listening: func() *sockets.Table {
			if in.noProc.Load() {
				return &sockets.Table{}
			}
			return sockets.Listening()
		},
		Grace: time.Nanosecond, HealthWait: time.Nanosecond, ReconcileEvery: time.Hour,
	}
	in.client = agent.NewClient(in.settings, version)
	t.Cleanup(in.client.Close)
	return in
}

func (in *installation) getenv(key string) string {
	return map[string]string{"DREAM_INSTALL_DIR": in.dir}[key]
}

func (in *installation) load() config.Settings {
	in.t.Helper()
	s, err := config.Load(in.getenv)
	in.must(err)
	return s
}

// setEnv adds lines to .env.
func (in *installation) setEnv(lines ...string) {
	in.t.Helper()
	in.env = append(in.env, lines...)
	in.must(os.WriteFile(in.path(".env"), []byte(strings.Join(in.env, "\n")+"\n"), 0o600))
}

// serve starts the agent and waits until it listens.
func (in *installation) serve() {
	in.t.Helper()
	stop, err := in.run(in.options)
	in.must(err)
	in.stop = stop
}

// run starts an agent and waits until it listens or has given up.
func (in *installation) run(o agent.Options) (stop func() error, err error) {
	in.t.Helper()
	server, err := agent.NewServer(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- server.Run(ctx, func(addr string) { in.addr = addr; close(ready) }) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	select {
	case <-ready:
		in.t.Cleanup(func() { _ = stop() })
		return stop, nil
	case err := <-ended:
		cancel()
		return nil, err
	}
}

func (in *installation) path(name string) string { return filepath.Join(in.dir, name) }

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// add writes txtar archives below the installation.
func (in *installation) add(files ...string) {
	in.t.Helper()
	for _, f := range files {
		for _, file := range txtar.Parse([]byte(f)).Files {
			in.must(os.MkdirAll(filepath.Dir(in.path(file.Name)), 0o755))
			in.must(os.WriteFile(in.path(file.Name), file.Data, 0o644))
		}
	}
}

// start starts an extension through the client.
func (in *installation) start(id string) (catalog.Report, error) {
	in.t.Helper()
	return in.client.Start(in.t.Context(), id, catalog.Starting{}, nil)
}

func (in *installation) mustStart(id string) catalog.Report {
	in.t.Helper()
	r, err := in.start(id)
	in.must(err)
	return r
}

// wantRefusal checks code and text. $INSTALL stands for the installation's folder, … for what is another package's
// or the system's business to say.
func (in *installation) wantRefusal(err error, code problem.Code, text string) {
	in.t.Helper()
	if err == nil {
		in.t.Errorf("no error, want %s: %s", code, text)
		return
	}
	got := strings.NewReplacer(in.dir, "$INSTALL", in.settings.AgentSocket, "$SOCKET").Replace(err.Error())
	if !problem.HasCode(err, code) || !matches(text, got) {
		in.t.Errorf("got:  %s (%s)\nwant: %s (%s)", got, problem.As(err).Code, text, code)
	}
}

// matches reports whether got is want, in which … stands for any text.
func matches(want, got string) bool {
	parts := strings.Split(want, "…")
	first, rest := parts[0], parts[1:]
	got, ok := strings.CutPrefix(got, first)
	for _, part := range rest {
		var found bool
		_, got, found = strings.Cut(got, part)
		ok = ok && found
	}
	return ok && (got == "" || strings.HasSuffix(want, "…"))
}

// request sends a request to the agent's socket, with the key unless a header says otherwise, and returns status
// and body.
func (in *installation) request(method, path, body string, headers ...string) (int, string) {
	in.t.Helper()
	resp := in.open(method, path, body, headers...)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	in.must(err)
	return resp.StatusCode, strings.TrimSpace(string(data))
}

func (in *installation) open(method, path, body string, headers ...string) *http.Response {
	in.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", in.settings.AgentSocket)
	}}
	r, err := http.NewRequestWithContext(in.t.Context(), method, "http://agent"+path, strings.NewReader(body))
	in.must(err)
	r.Header.Set("Authorization", "Bearer "+key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	resp, err := transport.RoundTrip(r)
	in.must(err)
	return resp
}

func wantEqual[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func modeOf(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().String()
}
