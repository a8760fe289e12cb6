package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"iter"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

	"dreamserver/api"
	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = "0123456789abcdef0123456789abcdef"

// installation is an API with a real manager on a temporary directory. Only the host agent is a fake.
type installation struct {
	t        *testing.T
	dir      string
	settings config.Settings
	agent    *fakeAgent
	log      *syncBuffer
	manager  *catalog.Manager
	handler  http.Handler
	clock    atomic.Int64 // nanoseconds since began
	lookups  atomic.Int64
	// dashboard is what the resolver says; the default knows dream-dashboard at 172.18.0.5.
	dashboard func(host string) ([]netip.Addr, error)
}

// began is the time on every test's clock before [installation.pass] moves it.
var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (in *installation) now() time.Time { return began.Add(time.Duration(in.clock.Load())) }

func (in *installation) pass(d time.Duration) { in.clock.Add(int64(d)) }

// newInstallation sets up testdata/installation.txtar. More variables are "KEY=value", and those of its .env
// ".env KEY=value".
func newInstallation(t *testing.T, env ...string) *installation {
	t.Helper()
	dir := t.TempDir()
	archive, err := txtar.ParseFile("testdata/installation.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"DREAM_INSTALL_DIR": dir, "DASHBOARD_API_KEY": key}
	var file strings.Builder
	for _, e := range env {
		if pair, ok := strings.CutPrefix(e, ".env "); ok {
			file.WriteString(pair + "\n")
			continue
		}
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := config.Load(func(name string) string { return vars[name] })
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t, dir: dir, settings: settings, agent: &fakeAgent{}, log: &syncBuffer{}}
	in.dashboard = func(host string) ([]netip.Addr, error) {
		if host != "dream-dashboard" {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("172.18.0.5")}, nil
	}
	log := zerolog.New(in.log)
	in.manager = catalog.New(catalog.Options{Settings: settings, Agent: in.agent, Version: "2.1.0", Actor: "test", Rate: true, Log: log})
	in.handler, err = api.New(api.Options{
		Settings: settings, Manager: in.manager, Audit: in.agent, Version: "2.1.0", Log: log, Now: in.now,
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			in.lookups.Add(1)
			return in.dashboard(host)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	in.agent.running("search")
	in.manager.Refresh(t.Context())
	return in
}

// disableSearch renames the built-in extension's compose file, as the host agent does.
func (in *installation) disableSearch() error {
	on := filepath.Join(in.settings.ServicesDir, "search", "compose.yaml")
	return os.Rename(on, on+".disabled")
}

// do sends a request with the key. Headers are "Name: value"; an empty Authorization sends none.
func (in *installation) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	in.t.Helper()
	r := httptest.NewRequestWithContext(in.t.Context(), method, target, strings.NewReader(body))
	r.Host = "localhost:3002"
	r.Header.Set("Authorization", "Bearer "+key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		if name == "RemoteAddr" { // no header: who connects
			r.RemoteAddr = value
			continue
		}
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	if target == "/api/events" { // it has no other end than that its client leaves
		ctx, leave := context.WithCancel(r.Context())
		leave()
		r = r.WithContext(ctx)
	}
	rec := httptest.NewRecorder()
	in.handler.ServeHTTP(rec, r)
	return rec
}

// golden compares a reply with testdata/<name>.golden.json.
func (in *installation) golden(name string, rec *httptest.ResponseRecorder) {
	in.t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, bytes.ReplaceAll(rec.Body.Bytes(), []byte(in.dir), []byte("$INSTALL")), "", "  "); err != nil {
		in.t.Fatalf("%d %q: %v", rec.Code, rec.Body, err)
	}
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			in.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		in.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		in.t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// refused checks that a reply is a whole problem document.
func refused(t *testing.T, rec *httptest.ResponseRecorder, code problem.Code, detail string) *problem.Document {
	t.Helper()
	var d problem.Document
	if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil {
		t.Fatalf("%d %q: %v", rec.Code, rec.Body, err)
	}
	if rec.Code != code.Status() || d.Status != rec.Code || d.Code != code || d.Title != code.Title() || d.Type != "about:blank" {
		t.Errorf("got %d %+v, want %d %s", rec.Code, d, code.Status(), code)
	}
	if got := rec.Header().Get("Content-Type"); got != problem.ContentType {
		t.Errorf("Content-Type %q, want %q", got, problem.ContentType)
	}
	if !strings.Contains(d.Detail, detail) {
		t.Errorf("detail %q does not contain %q", d.Detail, detail)
	}
	return &d
}

func decode[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// wantBody compares a reply with JSON.
func wantBody(t *testing.T, rec *httptest.ResponseRecorder, want string) {
	t.Helper()
	wantEqualJSON(t, decode[any](t, rec), want)
}

func wantEqualJSON(t *testing.T, got any, want string) {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(want), &value); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(value, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// fakeAgent is a host agent that starts whatever it is told to. Methods that no test needs are missing.
type fakeAgent struct {
	catalog.Agent
	mu     sync.Mutex
	away   error               // every call fails with it
	ping   catalog.AgentStatus // added to what Ping answers
	state  catalog.State
	onRun  func(context.Context) error // what a start does
	onStop func()                      // and a stop
	env    map[string]string           // what was configured
	calls  atomic.Int64                // of Ping and Containers
	stats  catalog.Stats
	holds  catalog.Storage
	taken  map[int]catalog.PortUse
	host   *catalog.HostFacts // the machine; nil while it is not told
	plan   catalog.PlanHash   // of what would run
	asked  catalog.PlanRequest
	denied error        // what stands in the way of a plan
	answer catalog.Plan // the rest of it

	query   catalog.LogQuery // of who followed a log last
	written chan string      // lines, while somebody follows; closed, the agent goes away
}

// running makes one healthy container for each service. JSON, because this package does not know compose.
func (a *fakeAgent) running(services ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = catalog.State{}
	for _, service := range services {
		a.addLocked(service)
	}
}

func (a *fakeAgent) addLocked(service string) {
	container := map[string]string{"id": service, "name": "dream-" + service, "service": service, "image": "example/" + service + ":1", "state": "running"}
	text, _ := json.Marshal(map[string]any{"containers": []any{container}})
	var one catalog.State
	_ = json.Unmarshal(text, &one)
	a.state.Containers = append(a.state.Containers, one.Containers...)
}

func (a *fakeAgent) setHost(h *catalog.HostFacts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.host = h
}

func (a *fakeAgent) setHolds(s catalog.Storage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holds = s
}

func (a *fakeAgent) setAway(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = err
}

func (a *fakeAgent) Ping(context.Context) (catalog.AgentStatus, error) {
	a.calls.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	status := a.ping
	status.Available, status.Version = true, "2.1.0"
	return status, a.away
}

func (a *fakeAgent) Check(_ context.Context, id string, _ bool) (catalog.Verdict, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var v catalog.Verdict
	v.ID = id
	return v, a.away
}

func (a *fakeAgent) Plan(_ context.Context, req catalog.PlanRequest) (catalog.Plan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = req
	p := a.answer
	p.ID, p.Verdict, p.Hash = req.ID, catalog.PlanAllowed, a.plan.String()
	p.Refuse(a.denied)
	return p, a.away
}

func (a *fakeAgent) Start(ctx context.Context, id string, with catalog.Starting, on func(operation.Progress)) (catalog.Report, error) {
	if with.Plan != "" {
		if err := a.plan.Changed(id, with.Plan); err != nil {
			return catalog.Report{}, err
		}
	}
	if a.onRun != nil {
		if err := a.onRun(ctx); err != nil {
			return catalog.Report{}, err
		}
	}
	if on != nil {
		on(operation.Progress{Stage: "create"})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away == nil {
		a.addLocked(id)
	}
	return catalog.Report{ID: id}, a.away
}

func (a *fakeAgent) Restart(ctx context.Context, id string, on func(operation.Progress)) (catalog.Report, error) {
	return a.Start(ctx, id, catalog.Starting{}, on)
}

func (a *fakeAgent) Stop(_ context.Context, id string) error {
	if a.onStop != nil {
		a.onStop()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.state.Containers[:0:0]
	for _, c := range a.state.Containers {
		if c.Service != id {
			kept = append(kept, c)
		}
	}
	a.state.Containers = kept
	return a.away
}

func (a *fakeAgent) Remove(ctx context.Context, id string) error { return a.Stop(ctx, id) }

func (a *fakeAgent) Containers(context.Context) (catalog.State, error) {
	a.calls.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state, a.away
}

func (a *fakeAgent) Machine(context.Context) (catalog.HostFacts, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.host == nil {
		return catalog.HostFacts{}, problem.Newf(problem.AgentHung, "the host agent does not answer")
	}
	return *a.host, a.away
}

func (a *fakeAgent) Host(ctx context.Context) (catalog.HostFacts, error) { return a.Machine(ctx) }

func (a *fakeAgent) Stats(context.Context) (catalog.Stats, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats, a.away
}

func (a *fakeAgent) Ports(_ context.Context, ports []int) (catalog.PortUses, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var uses catalog.PortUses
	for _, port := range ports {
		use := a.taken[port]
		use.Port = port
		uses.Ports = append(uses.Ports, use)
	}
	return uses, a.away
}

func (a *fakeAgent) Storage(context.Context) (catalog.Storage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.holds, a.away
}

func (a *fakeAgent) Unit(context.Context, string) (health.Unit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return health.Unit{}, a.away
}

func (a *fakeAgent) Follow(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

func (a *fakeAgent) Config(_ context.Context, id string) (catalog.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	service := manifest.Service{ID: id, EnvVars: []manifest.EnvVar{
		{Key: "HELLO_GREETING", Type: manifest.StringVar, Description: "What it answers"},
		{Key: "HELLO_NAME", Type: manifest.StringVar, Required: true, Example: "Ada"},
		{Key: "HELLO_TOKEN", Type: manifest.SecretVar, Secret: true, Required: true},
	}}
	return catalog.NewConfig(&service, catalog.ConfigFacts{
		Env: a.env, Reserved: func(string) bool { return false }, Owner: func(string) string { return "" }, Hidden: func(string) bool { return false },
	}), a.away
}

func (a *fakeAgent) Configure(ctx context.Context, id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
	a.mu.Lock()
	if a.env == nil {
		a.env = map[string]string{}
	}
	maps.Copy(a.env, change.Values)
	a.mu.Unlock()
	c, err := a.Config(ctx, id)
	return catalog.ConfigResult{Config: c, Changed: change.Keys(), Restart: []string{"hello"}, Restarted: []string{}}, err
}

func (a *fakeAgent) Logs(_ context.Context, id string, tail int) (catalog.Logs, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return catalog.Logs{ServiceID: id, Logs: strings.Repeat("line\n", tail), Lines: tail}, a.away
}

// FollowLogs gives a line of each stream, and with q.Follow what the test writes, until the agent goes away.
func (a *fakeAgent) FollowLogs(ctx context.Context, id string, q catalog.LogQuery) (iter.Seq2[catalog.LogLine, error], error) {
	a.mu.Lock()
	away := a.away
	a.query = q
	a.mu.Unlock()
	if away != nil {
		return nil, away
	}
	line := func(stream, text string) catalog.LogLine {
		return catalog.LogLine{Time: "2026-01-01T00:00:00Z", Service: id, Container: "dream-" + id, Stream: stream, Text: text}
	}
	return func(yield func(catalog.LogLine, error) bool) {
		more := yield(line("stdout", "one"), nil) && yield(line("stderr", "two\n\nevent: problem"), nil) && q.Follow
		for more {
			select {
			case <-ctx.Done():
				return
			case text, open := <-a.written:
				if !open {
					yield(catalog.LogLine{}, problem.Newf(problem.Unavailable, "the host agent went away"))
					return
				}
				more = yield(line("stdout", text), nil)
			}
		}
	}, nil
}

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestNew_RefusesToStart(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct {
		name   string
		change func(*api.Options)
		want   string
	}{
		{"no key", func(o *api.Options) { o.Settings.APIKey = "" }, "DASHBOARD_API_KEY is empty, and without a key anybody could install software: run `dream init`"},
		{"no manager", func(o *api.Options) { o.Manager = nil }, "api: Options.Manager is missing"},
		{"no audit log", func(o *api.Options) { o.Audit = nil }, "api: Options.Audit is missing"},
		{"every origin", func(o *api.Options) { o.Settings.AllowedOrigins = []string{"*"} }, "DASHBOARD_ALLOWED_ORIGINS: write origins such as"},
		{"origin with a path", func(o *api.Options) { o.Settings.AllowedOrigins = []string{"https://a.example/x"} }, "DASHBOARD_ALLOWED_ORIGINS: write origins such as"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := api.Options{Settings: in.settings, Manager: in.manager, Audit: in.agent}
			tc.change(&o)
			if _, err := api.New(o); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %q…", err, tc.want)
			}
		})
	}
}

func (a *fakeAgent) Audit(_ context.Context, limit int) ([]catalog.AuditEntry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return make([]catalog.AuditEntry, min(limit, 3)), a.away
}
