package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

type serviceReply struct {
	ID, Name, Status, Reason string
	Port                     int
	ExternalPort             int `json:"external_port"`
	Since                    *time.Time
	ResponseTime             *float64 `json:"response_time_ms"`
}

// contains gives the agent these containers, as JSON: this package does not know compose.
func (a *fakeAgent) contains(containers string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = catalog.State{}
	_ = json.Unmarshal([]byte(`{"containers":[`+containers+`]}`), &a.state)
}

func (in *installation) service(id string) (found serviceReply) {
	in.t.Helper()
	all := decode[[]serviceReply](in.t, in.do("GET", "/api/services", ""))
	i := slices.IndexFunc(all, func(s serviceReply) bool { return s.ID == id })
	if i < 0 {
		in.t.Fatalf("no service %s among %+v", id, all)
	}
	return all[i]
}

func TestServices_HaveTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t)
	in.golden("services", in.do("GET", "/services", ""))
	if a, b := in.do("GET", "/services", ""), in.do("GET", "/api/services", ""); a.Body.String() != b.Body.String() {
		t.Errorf("/services and /api/services differ:\n%s\n%s", a.Body, b.Body)
	}
}

func TestServices_SayHowTheyFareFromTheirContainers(t *testing.T) {
	container := func(more string) string { return `{"name":"dream-search","service":"search",` + more + `}` }
	for _, tc := range []struct {
		name, containers, status, reason string
		away                             error
	}{
		{name: "no container", status: "not_deployed", reason: "it has no container"},
		{name: "healthy", containers: container(`"state":"running","health":"healthy"`), status: "healthy"},
		{name: "unhealthy", containers: container(`"state":"running","health":"unhealthy"`), status: "unhealthy", reason: "its container fails its healthcheck"},
		{name: "starting", containers: container(`"state":"running","health":"starting"`), status: "starting", reason: "its healthcheck has not passed yet"},
		{name: "running, and nobody asked", containers: container(`"state":"running"`), status: "unknown", reason: "it has not been asked yet"},
		{name: "stopped", containers: container(`"state":"exited"`), status: "down", reason: "its container is stopped"},
		{name: "crashed", containers: container(`"state":"exited","exit_code":3`), status: "down", reason: "its container ended with exit code 3"},
		{
			name: "with a broken helper", status: "degraded", reason: "its helper search-db ended with exit code 1",
			containers: container(`"state":"running","health":"healthy"`) + `,{"name":"dream-search-db","service":"search-db","state":"exited","exit_code":1}`,
		},
		{name: "agent away", away: problem.Newf(problem.AgentNoSocket, "no socket: start the agent"), status: "unknown", reason: "no socket: start the agent"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := newInstallation(t)
			in.agent.contains(tc.containers)
			in.agent.setAway(tc.away)
			in.manager.Refresh(t.Context())
			if got := in.service("search"); got.Status != tc.status || !strings.HasPrefix(got.Reason, tc.reason) || tc.reason == "" && got.Reason != "" || got.Since != nil {
				t.Errorf("%s, %q, since %v; want %s, %q", got.Status, got.Reason, got.Since, tc.status, tc.reason)
			}
		})
	}
}

func TestServices_AreTheEnabledOnes(t *testing.T) {
	in := newInstallation(t)
	must(t, in.disableSearch())
	all := decode[[]serviceReply](t, in.do("GET", "/services", ""))
	if len(all) != 1 || all[0].ID != "dashboard" {
		t.Errorf("%+v, want the dashboard alone", all)
	}
	// What its owner enabled and this machine cannot run is shown, with the reason.
	must(t, os.CopyFS(filepath.Join(in.settings.UserExtensionsDir, "painter"), os.DirFS(filepath.Join(in.settings.LibraryDir, "painter"))))
	in.manager.Refresh(t.Context())
	if got := in.service("painter"); got.Status != "not_deployed" || got.Reason != "it takes no part: made for nvidia; this machine's GPU_BACKEND is cpu" {
		t.Errorf("%+v", got)
	}
}

func TestServices_SaySinceWhen(t *testing.T) {
	in := newInstallation(t)
	in.live()
	if got := in.service("search"); got.Since == nil || got.Reason == "" {
		t.Errorf("%+v has no time since when, or no reason", got)
	}
}

func TestServiceLogs_AreThoseOfTheExtension(t *testing.T) {
	in := newInstallation(t)
	want := in.do("POST", "/api/extensions/search/logs?tail=3", "").Body.String()
	for _, method := range []string{"GET", "POST"} {
		if got := in.do(method, "/api/services/search/logs?tail=3", ""); got.Code != 200 || got.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", method, got.Code, got.Body, want)
		}
	}
	if got := decode[catalog.Logs](t, in.do("GET", "/api/services/dashboard/logs", "")); got.ServiceID != "dashboard" || got.Lines != 100 {
		t.Errorf("of a core service: %+v", got)
	}
	refused(t, in.do("GET", "/api/services/Nobody!/logs", ""), problem.NotFound, "is no extension id")
	refused(t, in.do("GET", "/api/services/nobody/logs", ""), problem.NotFound, `extension "nobody" is not installed`)
	refused(t, in.do("GET", "/api/services/search/logs?tail=501", ""), problem.InvalidParameter, "tail")
}

var now = regexp.MustCompile(`("bootstrap":null,"uptime"|"system":{"uptime"|"uptime_seconds"):[0-9]+|("sampled_at"):"20[^"]+"`)

// glance is a golden file in which it does not matter since when the machine runs and when it was looked at.
func (in *installation) glance(name, path string) {
	in.t.Helper()
	rec := in.do("GET", path, "")
	text := now.ReplaceAll(rec.Body.Bytes(), []byte(`$1$2:"now"`))
	rec.Body = bytes.NewBuffer(text)
	in.golden(name, rec)
}

func TestStatus_HasTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia", "TIER=3")
	must(t, os.CopyFS(filepath.Join(in.settings.UserExtensionsDir, "notes"), os.DirFS(filepath.Join(in.settings.LibraryDir, "broken"))))
	in.sees(twoCards())
	in.agent.contains(`{"name":"dream-search","service":"search","state":"running","health":"healthy","started_at":"2026-01-02T03:00:00Z"}`)
	in.manager.Refresh(t.Context())
	in.glance("status-api", "/api/status")
	in.glance("status", "/status")
}

// Nothing is made up while nobody tells: no zero stands for what is not known.
func TestStatus_HasNullForWhatNobodyTells(t *testing.T) {
	in := newInstallation(t)
	in.agent.setAway(problem.Newf(problem.AgentNoSocket, "no socket: start the agent"))
	in.manager.Refresh(t.Context())
	for path, fields := range map[string][]string{
		"/api/status": {"gpu", "model", "bootstrap", "disk", "cpu.percent", "cpu.temp_c", "ram.used_gb", "ram.total_gb", "ram.percent", "system.hostname", "inference.tokensPerSecond", "inference.loadedModel"},
		"/status":     {"gpu", "model", "bootstrap", "disk"},
	} {
		body := decode[map[string]any](t, in.do("GET", path, ""))
		for _, field := range fields {
			outer, inner, nested := strings.Cut(field, ".")
			value, there := body[outer]
			if nested {
				value, there = body[outer].(map[string]any)[inner]
			}
			if value != nil || !there {
				t.Errorf("%s: %s is %v (there: %v), want null", path, field, value, there)
			}
		}
	}
	got := decode[struct {
		Agent    catalog.AgentStatus
		Services []struct{ ID, Status, Reason string }
	}](t, in.do("GET", "/api/status", ""))
	want := []struct{ ID, Status, Reason string }{
		{"dashboard", "unknown", "no socket: start the agent"},
		{"search", "unknown", "no socket: start the agent"},
	}
	if diff := cmp.Diff(want, got.Services); diff != "" || got.Agent.Code != "agent_no_socket" {
		t.Errorf("agent %+v, services (-want +got):\n%s", got.Agent, diff)
	}
}

// A GET of these reads memory alone.
func TestStatus_ReadsNothing(t *testing.T) {
	in := newInstallation(t)
	in.live()
	paths := []string{"/api/status", "/status", "/services", "/api/external-links", "/api/features/web-search/enable"}
	for _, path := range paths {
		in.do("GET", path, "")
	}
	reads := readsOf(t, func() {
		for _, path := range paths {
			for range 20 {
				if got := in.do("GET", path, ""); got.Code != 200 {
					t.Errorf("%s: %d", path, got.Code)
				}
			}
		}
	})
	if reads > 10 { // counting them takes some, and 100 readings of the folders would take thousands
		t.Errorf("100 requests took %d read calls", reads)
	}
}

// What changes all the time is made once a second, and at once when the snapshot changes.
func TestStatus_IsMadeOnceASecond(t *testing.T) {
	in := newInstallation(t)
	in.live()
	first := in.do("GET", "/api/status", "")
	tag := first.Header().Get("ETag")
	if again := in.do("GET", "/api/status", ""); tag == "" || again.Header().Get("ETag") != tag || again.Body.String() != first.Body.String() {
		t.Errorf("in the same second: %s, then %s", tag, again.Header().Get("ETag"))
	}
	if same := in.do("GET", "/api/status", "", "If-None-Match: "+tag); same.Code != 304 {
		t.Errorf("with its tag: %d, want 304", same.Code)
	}
	in.pass(time.Second)
	later := in.do("GET", "/api/status", "", "If-None-Match: "+tag)
	if !strings.Contains(later.Body.String(), `"timestamp":"2026-01-02T03:04:06Z"`) {
		t.Errorf("a second later: %d %.100s", later.Code, later.Body)
	}
	before := in.manager.Snapshot().Generation
	must(t, in.disableSearch())
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("search")
		return s.Generation > before && e.Status == catalog.Disabled
	})
	if now := in.do("GET", "/api/status", ""); strings.Contains(now.Body.String(), `"id":"search"`) {
		t.Errorf("after a change, in the same second: %s", now.Body)
	}
}
