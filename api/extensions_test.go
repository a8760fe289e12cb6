package api_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

type catalogReply struct {
	Extensions []struct{ ID, Status string }
	Summary    catalog.Counts
	Agent      catalog.AgentStatus
	Available  bool `json:"agent_available"`
}

func TestCatalog_HasTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t)
	in.golden("catalog", in.do("GET", "/api/extensions/catalog", ""))
}

func TestCatalog_CountsAfterTheFilters(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct {
		query string
		want  []string
		count catalog.Counts
	}{
		{"", []string{"dashboard", "hello", "notes", "painter", "search"}, catalog.Counts{Total: 5, Installed: 2, Enabled: 2, NotInstalled: 2, Incompatible: 1}},
		{"?category=optional", []string{"hello", "notes", "painter"}, catalog.Counts{Total: 3, NotInstalled: 2, Incompatible: 1}},
		{"?category=optional&gpu_compatible=true", []string{"hello", "notes"}, catalog.Counts{Total: 2, NotInstalled: 2}},
		{"?gpu_compatible=false", []string{"painter"}, catalog.Counts{Total: 1, Incompatible: 1}},
		{"?category=&gpu_compatible=", []string{"dashboard", "hello", "notes", "painter", "search"}, catalog.Counts{Total: 5, Installed: 2, Enabled: 2, NotInstalled: 2, Incompatible: 1}},
	} {
		t.Run(tc.query, func(t *testing.T) {
			got := decode[catalogReply](t, in.do("GET", "/api/extensions/catalog"+tc.query, ""))
			var ids []string
			for _, e := range got.Extensions {
				ids = append(ids, e.ID)
			}
			if diff := cmp.Diff(tc.want, ids); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.count, got.Summary); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCatalog_SaysWhyTheAgentIsAway(t *testing.T) {
	in := newInstallation(t)
	in.agent.setAway(problem.Newf(problem.AgentRefused, "the host agent refuses connections: start it"))
	in.manager.Refresh(t.Context())
	got := decode[catalogReply](t, in.do("GET", "/api/extensions/catalog", ""))
	want := catalog.AgentStatus{Code: "agent_refused", Reason: "the host agent refuses connections: start it"}
	if diff := cmp.Diff(want, got.Agent); diff != "" || got.Available {
		t.Errorf("agent_available %v, agent (-want +got):\n%s", got.Available, diff)
	}
}

func TestExtension_HasTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t)
	in.golden("extension-library", in.do("GET", "/api/extensions/hello", ""))
	in.golden("extension-core", in.do("GET", "/api/extensions/search", ""))
}

// The main job, as a client sees it: every reply from install to uninstall.
func TestExtension_FromInstallToUninstall(t *testing.T) {
	in := newInstallation(t)
	fragment := filepath.Join(in.settings.UserExtensionsDir, "hello", "compose.yaml")
	for _, step := range []struct {
		name, method, path string
		onDisk             string // what is there afterwards
	}{
		{"install", "POST", "/api/extensions/hello/install", fragment},
		{"stop", "POST", "/api/extensions/hello/stop", fragment},
		{"start", "POST", "/api/extensions/hello/start", fragment},
		{"restart", "POST", "/api/extensions/hello/restart", fragment},
		{"disable", "POST", "/api/extensions/hello/disable", fragment + ".disabled"},
		{"enable", "POST", "/api/extensions/hello/enable", fragment},
		{"disable-again", "POST", "/api/extensions/hello/disable", fragment + ".disabled"},
		{"uninstall", "DELETE", "/api/extensions/hello", in.settings.UserExtensionsDir},
	} {
		rec := in.do(step.method, step.path, "")
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", step.name, rec.Code, rec.Body)
		}
		in.golden("change-"+step.name, rec)
		if _, err := os.Stat(step.onDisk); err != nil {
			t.Errorf("after %s: %v", step.name, err)
		}
	}
	if _, err := os.Stat(filepath.Dir(fragment)); !os.IsNotExist(err) {
		t.Errorf("after uninstall the folder is still there: %v", err)
	}
}

func TestEnable_WithDependenciesEnablesThemFirst(t *testing.T) {
	in := newInstallation(t)
	for _, path := range []string{"hello/install", "notes/install", "notes/disable", "hello/disable"} {
		if rec := in.do("POST", "/api/extensions/"+path, ""); rec.Code != 200 {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	refused(t, in.do("POST", "/api/extensions/notes/enable", ""), problem.MissingDependencies, "Missing dependencies: hello")
	in.golden("change-enable-with-dependencies", in.do("POST", "/api/extensions/notes/enable?with_dependencies=true", ""))
}

func TestDisable_NamesEnabledDependents(t *testing.T) {
	in := newInstallation(t)
	for _, path := range []string{"hello/install", "notes/install"} {
		if rec := in.do("POST", "/api/extensions/"+path, ""); rec.Code != 200 {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	in.golden("change-disable-needed", in.do("POST", "/api/extensions/hello/disable", ""))
}

func TestInstall_SucceedsOnDiskWhileTheAgentIsAway(t *testing.T) {
	in := newInstallation(t)
	in.agent.setAway(problem.Newf(problem.AgentNoSocket, "the host agent is not running"))
	in.golden("change-install-agent-away", in.do("POST", "/api/extensions/hello/install", ""))
}

func TestInstall_SaysThatItTakesWhatIsMissing(t *testing.T) {
	for lacking, want := range map[string]string{
		"hello": `set HELLO_NAME` + "` and try again" + `, or send {"values": {"HELLO_NAME": "..."}} with the install`,
		"db":    `set HELLO_NAME` + "` and try again", // a value of what it needs is no value of its own
	} {
		in := newInstallation(t)
		in.agent.onRun = func(context.Context) error {
			c, _ := (&fakeAgent{}).Config(t.Context(), lacking)
			c.Missing = []string{"HELLO_NAME"}
			return catalog.MissingConfig(c)
		}
		rec := in.do("POST", "/api/extensions/hello/install", "")
		refused(t, rec, problem.MissingConfig, `extension "`+lacking+`" needs a value for HELLO_NAME`)
		var d problem.Document
		if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil || !strings.HasSuffix(d.Detail, want) || len(d.Errors) != 1 {
			t.Errorf("%s: %v %q, want …%q", lacking, err, d.Detail, want)
		}
	}
}

func TestChanges_AreRefusedWithTheirReason(t *testing.T) {
	in := newInstallation(t)
	if rec := in.do("POST", "/api/extensions/hello/install", ""); rec.Code != 200 {
		t.Fatalf("install: %d %s", rec.Code, rec.Body)
	}
	for _, tc := range []struct {
		method, path string
		code         problem.Code
		detail       string
	}{
		{"POST", "/api/extensions/hello/install", problem.AlreadyInstalled, "already installed"},
		{"POST", "/api/extensions/hello/enable", problem.AlreadyEnabled, "already enabled"},
		{"DELETE", "/api/extensions/hello", problem.StillEnabled, "Disable extension before"},
		{"POST", "/api/extensions/painter/install", problem.Incompatible, "painter"},
		{"POST", "/api/extensions/painter/start", problem.NotEnabled, "painter"},
		{"POST", "/api/extensions/dashboard/disable", problem.CoreService, "dashboard"},
		{"POST", "/api/extensions/nobody/install", problem.NotFound, "nobody"},
		{"GET", "/api/extensions/nobody", problem.NotFound, `extension "nobody" is not installed and not in the library`},
		{"POST", "/api/extensions/nobody/logs", problem.NotFound, "nobody"},
	} {
		t.Run(tc.method+tc.path, func(t *testing.T) { refused(t, in.do(tc.method, tc.path, ""), tc.code, tc.detail) })
	}
}

func TestLogs_AreTheLastLines(t *testing.T) {
	in := newInstallation(t)
	for query, lines := range map[string]int{"": 100, "?tail=1": 1, "?tail=500": 500} {
		got := decode[catalog.Logs](t, in.do("POST", "/api/extensions/search/logs"+query, ""))
		if got.ServiceID != "search" || got.Lines != lines {
			t.Errorf("logs%s: %d lines of %q, want %d of search", query, got.Lines, got.ServiceID, lines)
		}
	}
	in.agent.setAway(problem.Newf(problem.AgentHung, "the host agent does not answer"))
	refused(t, in.do("POST", "/api/extensions/search/logs", ""), problem.AgentHung, "the host agent does not answer")
}

func TestReadOnly_RefusesEveryChangeAndAnswersReads(t *testing.T) {
	in := newInstallation(t, "DREAM_READ_ONLY=true")
	for _, path := range []string{"install", "enable", "disable", "start", "stop", "restart"} {
		refused(t, in.do("POST", "/api/extensions/hello/"+path, ""), problem.ReadOnly, "DREAM_READ_ONLY")
	}
	refused(t, in.do("DELETE", "/api/extensions/hello", ""), problem.ReadOnly, "DREAM_READ_ONLY")
	refused(t, in.do("DELETE", "/api/extensions/hello", "", "Authorization: "), problem.Unauthorized, "")
	if rec := in.do("GET", "/api/extensions/hello", ""); rec.Code != 200 {
		t.Errorf("read: %d %s", rec.Code, rec.Body)
	}
	if rec := in.do("POST", "/api/extensions/search/logs", ""); rec.Code != 200 {
		t.Errorf("logs: %d %s", rec.Code, rec.Body)
	}
}
