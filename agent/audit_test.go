package agent_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// told are the entries of the audit log, oldest first, as text: actor, peer, op, extension, result, detail.
func (in *installation) told() []string {
	in.t.Helper()
	entries, err := in.client.Audit(in.t.Context(), 1000)
	in.must(err)
	lines := make([]string, len(entries))
	for i, e := range entries {
		if age := time.Since(e.Time); age < 0 || age > time.Minute || e.Time.Location() != time.UTC || e.Duration < 0 {
			in.t.Errorf("entry %+v: the time is wrong", e)
		}
		lines[len(entries)-1-i] = strings.Join([]string{e.Actor, e.Peer, e.Op, e.Extension, e.Result, e.Detail}, "|")
	}
	return lines
}

func TestAudit_TellsWhoChangedWhat(t *testing.T) {
	in := newInstallation(t, extension("app", ""), inFolder("extensions/services", "search", ""))
	ctx := catalog.WithActor(t.Context(), "session:ada")
	_, err := in.client.Start(ctx, "app", catalog.Starting{}, nil)
	in.must(err)
	_, err = in.client.Restart(ctx, "app", nil)
	in.must(err)
	in.must(in.client.Stop(catalog.WithActor(ctx, "key:\x1b[31mbad\nkey"), "app"))
	in.must(in.client.Remove(ctx, "app"))
	in.must(in.client.SetBuiltin(ctx, "search", false))
	in.must(in.client.SetBuiltin(ctx, "search", true))
	_, err = in.client.Start(ctx, "ghost", catalog.Starting{}, nil)
	in.wantRefusal(err, problem.NotFound, `extension "ghost" is not installed`)
	_, err = in.client.Up(ctx, []string{"app"}, false, nil)
	in.must(err)
	_, err = in.client.Up(ctx, []string{"ghost"}, false, nil)
	in.wantRefusal(err, problem.NotFound, `extension "ghost" is not installed`)
	in.must(in.client.ActingAs("dashboard-api").Down(t.Context()))

	settings := in.settings
	_, port, err := net.SplitHostPort(in.addr)
	in.must(err)
	settings.AgentHost = "127.0.0.1"
	settings.AgentPort, err = strconv.Atoi(port)
	in.must(err)
	overTCP := agent.NewClient(settings, version)
	defer overTCP.Close()
	in.must(overTCP.Remove(t.Context(), "app"))

	// What only asks is in no audit log.
	_, err = in.client.Containers(ctx)
	in.must(err)
	_, err = in.client.Check(ctx, "app", false)
	in.must(err)

	me := "uid " + strconv.Itoa(os.Geteuid())
	wantEqual(t, "audit log", []string{
		"session:ada|" + me + "|start|app|ok|",
		"session:ada|" + me + "|restart|app|ok|",
		"key:?[31mbad?key|" + me + "|stop|app|ok|",
		"session:ada|" + me + "|remove|app|ok|",
		"session:ada|" + me + "|disable|search|ok|",
		"session:ada|" + me + "|enable|search|ok|",
		"session:ada|" + me + `|start|ghost|not_found|extension "ghost" is not installed`,
		"session:ada|" + me + "|up|app|ok|",
		"session:ada|" + me + `|up||not_found|extension "ghost" is not installed`,
		"dashboard-api|" + me + "|down||ok|",
		"|tcp|remove|app|ok|",
	}, in.told())
	wantEqual(t, "mode", "-rw-------", modeOf(t, in.path("state/audit.jsonl")))
}

func TestCleanActor(t *testing.T) {
	for in, want := range map[string]string{
		"cli:ada": "cli:ada", "": "", " padded ": "padded", "a\r\nb": "a??b", "zoë": "zo?", "\x7f": "?",
		strings.Repeat("a", 300): strings.Repeat("a", 128),
	} {
		wantEqual(t, in, want, agent.CleanActor(in))
	}
}

// The agent finishes a change by itself once, and tells it once.
func TestAudit_TellsWhatTheAgentDoesByItself(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.options.ReconcileEvery = time.Millisecond
	in.engine.set(func(e *fakeEngine) { e.down = true })
	in.pending("app", "install")
	in.serve()
	in.log.wait(t, "unfinished changes wait for Docker")
	in.engine.set(func(e *fakeEngine) { e.down = false })
	in.log.wait(t, "an unfinished change is applied")
	wantEqual(t, "audit log", []string{"agent||start|app|ok|"}, in.told())
}

func TestAudit_IsWholeWhateverHappensAtOnce(t *testing.T) {
	in := newInstallation(t)
	var g sync.WaitGroup
	for i := range 40 {
		g.Go(func() { _ = in.client.Stop(t.Context(), fmt.Sprintf("app-%d", i)) })
	}
	g.Wait()
	in.must(in.stop())
	in.serve()
	_ = in.client.Stop(t.Context(), "after-a-restart")
	data, err := os.ReadFile(in.path("state/audit.jsonl"))
	in.must(err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		var e catalog.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			t.Errorf("%q is no whole entry: %v", line, err)
		}
		seen[e.Extension] = true
	}
	if len(seen) != 41 || !seen["after-a-restart"] {
		t.Errorf("%d extensions are told of, want 41", len(seen))
	}
}

// With a full disk a stop stops. The entry is in the agent's own log.
func TestAudit_NeverStandsInTheWay(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.must(os.MkdirAll(in.path("state"), 0o700))
	in.must(os.Symlink("/dev/full", in.path("state/audit.jsonl")))
	in.serve()
	in.mustStart("app")
	in.must(in.client.Stop(t.Context(), "app"))
	wantEqual(t, "containers", map[string]string{"app": "exited"}, in.docker.services())
	in.log.wait(t, `no space left on device`)
	for _, want := range []string{`"message":"the audit log cannot be written"`, `"op":"stop","extension":"app","result":"ok"`} {
		if !strings.Contains(in.log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, in.log)
		}
	}
}

func TestAudit_TellsOfWhoIsRefused(t *testing.T) {
	in := newInstallation(t)
	me := "uid " + strconv.Itoa(os.Geteuid())
	for range 7 {
		in.request(http.MethodGet, "/v1/host", "", "Authorization: Bearer "+wrongKey, "X-Dream-Actor: cli:root")
	}
	in.request(http.MethodGet, "/health", "", "Authorization: Bearer "+wrongKey)
	in.request(http.MethodGet, "/health", "", "Authorization: ") // asks nothing that needs a key
	line := "|" + me + "|authorize||forbidden|Invalid API key."
	wantEqual(t, "audit log", []string{line, line, line, line, line}, in.told())
}

func TestAudit_TellsOfWhoMayNotConnect(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	in := prepare(t)
	in.openToOthers()
	in.options.Settings.GID = 4321
	in.serve()
	in.pingAs(4322, 4321)
	in.log.wait(t, "a connection is refused")
	wantEqual(t, "audit log", []string{"|uid 4322|connect||forbidden|only root and the install's owner (DREAM_UID) may use the socket"}, in.told())
}

func TestAudit_HoldsNoSecret(t *testing.T) {
	in := secretive(t)
	in.useAll()
	in.docker.update(func(s *dockerState) {
		s.Fails["up"] = "cannot parse " + appToken + ", " + apiKey + ", " + apisKey + " and " + key
	})
	_, err := in.start("app")
	if !problem.HasCode(err, problem.StartFailed) {
		t.Errorf("start: %v", err)
	}
	data, err := os.ReadFile(in.path("state/audit.jsonl"))
	in.must(err)
	wantNoSecret(t, "the audit log", string(data))
	if !strings.Contains(string(data), "cannot parse «secret:APP_TOKEN», «secret:DASHBOARD_API_KEY», «secret:DREAM_AGENT_API_KEY» and «secret:DREAM_AGENT_KEY»") {
		t.Errorf("the audit log does not say what failed:\n%s", data)
	}
}

func TestAudit_IsReadInPieces(t *testing.T) {
	in := newInstallation(t)
	for i := range 120 {
		_ = in.client.Stop(t.Context(), fmt.Sprintf("app-%d", i))
	}
	for query, want := range map[string]int{"": 100, "?limit=1": 1, "?limit=1000": 120} {
		status, body := in.request(http.MethodGet, "/v1/audit"+query, "")
		page := decode[agent.AuditPage](t, body)
		if status != 200 || len(page.Entries) != want || page.Entries[0].Extension != "app-119" {
			t.Errorf("%q: %d, %d entries, the first %+v; want %d, the newest first", query, status, len(page.Entries), page.Entries[0], want)
		}
	}
	for _, limit := range []string{"0", "-1", "1001", "many", "99999999999999999999"} {
		status, body := in.request(http.MethodGet, "/v1/audit?limit="+limit, "")
		d := decode[problem.Document](t, body)
		if status != 422 || d.Code != problem.InvalidParameter || !strings.HasSuffix(d.Detail, " is not a number from 1 to 1000") {
			t.Errorf("limit=%s: %d %s", limit, status, body)
		}
	}
}

// What the API asks for in vain costs nothing: without a bound, asking very often would push the rest out of the log.
func TestAudit_IsNotFloodedByTheAPI(t *testing.T) {
	in := newInstallation(t)
	in.options.Settings.AgentAPIKey = apisKey
	in.must(in.stop())
	in.serve()
	ask := func(bearer string) {
		for range 20 {
			in.request(http.MethodPost, "/v1/extension/enable", `{"service_id": "nosuch"}`, "Authorization: Bearer "+bearer)
		}
	}
	ask(apisKey)
	entries, err := in.client.Audit(t.Context(), 100)
	in.must(err)
	if len(entries) != 5 {
		t.Errorf("%d entries for 20 requests of the API, want the first 5", len(entries))
	}
	ask(key)
	entries, err = in.client.Audit(t.Context(), 100)
	in.must(err)
	if len(entries) != 25 {
		t.Errorf("%d entries after 20 of the owner, want 20 more", len(entries))
	}
}
