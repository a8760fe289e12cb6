package api_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/api"
	"dreamserver/catalog"
	"dreamserver/internal/measure/measuretest"
	"dreamserver/internal/problem"
)

// wantSeries compares the lines of /metrics that begin with prefix.
func (in *installation) wantSeries(prefix string, want ...string) {
	in.t.Helper()
	if diff := cmp.Diff(want, in.series(prefix)); diff != "" {
		in.t.Errorf("%s (-want +got):\n%s", prefix, diff)
	}
}

func TestMetrics_TellTheStateOfExtensions(t *testing.T) {
	in := newInstallation(t)
	in.wantSeries("dream_extensions{",
		`dream_extensions{state="disabled"} 0`,
		`dream_extensions{state="failed"} 0`,
		`dream_extensions{state="incompatible"} 1`,
		`dream_extensions{state="not_deployed"} 1`,
		`dream_extensions{state="not_installed"} 2`,
		`dream_extensions{state="partial"} 0`,
		`dream_extensions{state="running"} 1`,
		`dream_extensions{state="starting"} 0`,
		`dream_extensions{state="stopped"} 0`,
		`dream_extensions{state="unknown"} 0`)
	in.wantSeries("dream_catalog_entries{",
		`dream_catalog_entries{source="core",state="disabled"} 0`,
		`dream_catalog_entries{source="core",state="enabled"} 2`,
		`dream_catalog_entries{source="core",state="incompatible"} 0`,
		`dream_catalog_entries{source="core",state="not_installed"} 0`,
		`dream_catalog_entries{source="library",state="disabled"} 0`,
		`dream_catalog_entries{source="library",state="enabled"} 0`,
		`dream_catalog_entries{source="library",state="incompatible"} 1`,
		`dream_catalog_entries{source="library",state="not_installed"} 2`,
		`dream_catalog_entries{source="user",state="disabled"} 0`,
		`dream_catalog_entries{source="user",state="enabled"} 0`,
		`dream_catalog_entries{source="user",state="incompatible"} 0`,
		`dream_catalog_entries{source="user",state="not_installed"} 0`)
	in.wantSeries("dream_extension_up", `dream_extension_up{extension="dashboard"} 0`, `dream_extension_up{extension="search"} 1`)
	in.wantSeries("dream_agent_up", "dream_agent_up 1")
	in.wantSeries("dream_docker_up", "dream_docker_up 1")
}

// A disabled extension has no series: it raises no alert.
func TestMetrics_TellOfEnabledExtensionsAlone(t *testing.T) {
	in := newInstallation(t)
	if rec := in.do("POST", "/api/extensions/hello/install", ""); rec.Code != 200 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	in.wantSeries(`dream_extension_up{extension="hello"}`, `dream_extension_up{extension="hello"} 1`)
	if err := in.agent.Stop(t.Context(), "hello"); err != nil {
		t.Fatal(err)
	}
	in.manager.Refresh(t.Context())
	in.wantSeries(`dream_extension_up{extension="hello"}`, `dream_extension_up{extension="hello"} 0`)
	if rec := in.do("POST", "/api/extensions/hello/disable", ""); rec.Code != 200 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	in.wantSeries(`dream_extension_up{extension="hello"}`)
}

// What is enabled and made for another GPU takes no part in the stack: nobody has to be told that it does not run.
func TestMetrics_TellNothingOfWhatIsMadeForAnotherGPU(t *testing.T) {
	in := newInstallation(t)
	dir := in.settings.UserExtensionsDir + "/painter"
	if err := os.CopyFS(dir, os.DirFS(in.settings.LibraryDir+"/painter")); err != nil {
		t.Fatal(err)
	}
	in.wantSeries(`dream_catalog_entries{source="user",state="enabled"}`, `dream_catalog_entries{source="user",state="enabled"} 1`)
	in.wantSeries(`dream_extension_up{extension="painter"}`)
}

// What was enabled and cannot be read any more is down: its owner wants it.
func TestMetrics_TellThatABrokenExtensionIsDown(t *testing.T) {
	in := newInstallation(t)
	dir := in.settings.UserExtensionsDir + "/hello"
	if err := os.CopyFS(dir, os.DirFS(in.settings.LibraryDir+"/hello")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/manifest.yaml", []byte("- not a mapping\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in.wantSeries(`dream_extension_up{extension="hello"}`, `dream_extension_up{extension="hello"} 0`)
}

func TestMetrics_TellThatTheAgentOrDockerIsAway(t *testing.T) {
	in := newInstallation(t)
	in.agent.mu.Lock()
	in.agent.ping.Docker = "it does not answer"
	in.agent.mu.Unlock()
	in.manager.Refresh(t.Context())
	in.wantSeries("dream_agent_up", "dream_agent_up 1")
	in.wantSeries("dream_docker_up", "dream_docker_up 0")

	in.agent.setAway(problem.Newf(problem.AgentRefused, "nobody listens"))
	in.manager.Refresh(t.Context())
	in.wantSeries("dream_agent_up", "dream_agent_up 0")
	in.wantSeries("dream_docker_up", "dream_docker_up 0")
	in.wantSeries(`dream_extensions{state="unknown"}`, `dream_extensions{state="unknown"} 2`)
}

func TestMetrics_CountOperations(t *testing.T) {
	in := newInstallation(t)
	in.do("POST", "/api/extensions/hello/install", "")
	in.do("POST", "/api/extensions/hello/install", "") // is there already
	in.do("POST", "/api/extensions/nobody/install", "")
	in.agent.setAway(problem.Newf(problem.AgentRefused, "nobody listens"))
	in.do("POST", "/api/extensions/hello/disable", "")
	in.agent.setAway(errors.New("broken"))
	in.do("POST", "/api/extensions/hello/enable", "")
	for prefix, want := range map[string]string{
		`dream_operations_total{kind="install",result="succeeded"}`:   "1", // what is refused is no operation
		`dream_operations_total{kind="install",result="failed"}`:      "0",
		`dream_operations_total{kind="disable",result="succeeded"}`:   "0", // it waits for the agent
		`dream_operations_total{kind="enable",result="failed"}`:       "1",
		`dream_operations_total{kind="uninstall",result="succeeded"}`: "0",
		`dream_operation_duration_seconds_count{kind="install"}`:      "1",
		`dream_operation_duration_seconds_count{kind="configure"}`:    "0",
		`dream_operations_in_progress{kind="install"}`:                "0",
		`dream_operations_in_progress{kind="disable"}`:                "0",
	} {
		got := in.series(prefix)
		if len(got) == 0 || strings.TrimSpace(strings.TrimPrefix(got[len(got)-1], prefix)) != want {
			t.Errorf("%s: %q, want %s", prefix, got, want)
		}
	}
}

// probed is a manager whose services have answered.
type probed struct {
	*catalog.Manager
	times map[string]time.Duration
}

func (p probed) ProbeTimes() map[string]time.Duration { return p.times }

// everything is an API of which every metric has a series.
func everything(t *testing.T) *installation {
	t.Helper()
	in := newInstallation(t)
	handler, err := api.New(api.Options{
		Settings: in.settings, Manager: probed{in.manager, map[string]time.Duration{"search": 1500 * time.Millisecond}}, Audit: in.agent, Version: "2.1.0", Now: in.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	in.handler = handler
	containers := `{"containers": [{"id": "s", "name": "dream-search", "service": "search", "state": "running", "health": "healthy"}]}`
	in.agent.mu.Lock()
	err = json.Unmarshal([]byte(containers), &in.agent.state)
	in.agent.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	in.manager.Refresh(t.Context())
	in.do("GET", "/health", "")
	return in
}

func TestMetrics_TellHowServicesFare(t *testing.T) {
	in := everything(t)
	in.wantSeries("dream_service_healthy", `dream_service_healthy{service="search"} 1`)
	in.wantSeries("dream_service_probe_seconds", `dream_service_probe_seconds{service="search"} 1.5`)
}

// The page for people has a row for each metric.
func TestDocs_DescribeEveryMetric(t *testing.T) {
	in := everything(t)
	measuretest.Documented(t, "..", "The API", in.do("GET", "/metrics", "").Body.Bytes())
}

func TestMetrics_PassPromtool(t *testing.T) {
	in := everything(t)
	measuretest.CheckMetrics(t, in.do("GET", "/metrics", "").Body.Bytes())
}
