package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func TestHealth_IsTheWireContracts(t *testing.T) {
	in := newInstallation(t)
	in.golden("health", in.do("GET", "/health", "", "Authorization: "))
	if rec := in.do("GET", "/healthz", "", "Authorization: "); rec.Code != http.StatusOK || rec.Body.String() != "ok\n" {
		t.Errorf("healthz: %d %q", rec.Code, rec.Body)
	}
}

type readyReply struct {
	Status string `json:"status"`
	Checks []struct {
		Name   string `json:"name"`
		OK     bool   `json:"ok"`
		Code   string `json:"code"`
		Reason string `json:"reason"`
	} `json:"checks"`
}

// failing are the checks that fail, as "name code: reason".
func failing(t *testing.T, body []byte) (status string, out map[string]string) {
	t.Helper()
	var r readyReply
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	out = map[string]string{}
	for _, c := range r.Checks {
		if !c.OK {
			out[c.Name] = c.Code + ": " + c.Reason
		}
	}
	return r.Status, out
}

func TestReady_TellsTheCausesApart(t *testing.T) {
	for _, tc := range []struct {
		name   string
		breaks func(*installation)
		status string
		code   int
		check  string
		want   string // begin of "code: reason"
	}{
		{"all is well", func(*installation) {}, "ok", 200, "", ""},
		{"agent not running", func(in *installation) {
			in.agent.setAway(problem.Newf(problem.AgentNoSocket, "no socket"))
		}, "degraded", 200, "agent", "agent_no_socket: no socket"},
		{"agent refuses", func(in *installation) {
			in.agent.setAway(problem.Newf(problem.AgentRefused, "refused"))
		}, "degraded", 200, "agent", "agent_refused: refused"},
		{"agent has another key", func(in *installation) {
			in.agent.setAway(problem.Newf(problem.AgentUnauthorized, "wrong key"))
		}, "degraded", 200, "agent", "agent_unauthorized: wrong key"},
		{"agent hangs", func(in *installation) {
			in.agent.setAway(problem.Newf(problem.AgentHung, "hung"))
		}, "degraded", 200, "agent", "agent_hung: hung"},
		{"agent of another version", func(in *installation) {
			in.agent.ping = catalog.AgentStatus{Mismatch: "2.0.0 is not 2.1.0"}
		}, "degraded", 200, "agent_version", "version_mismatch: 2.0.0 is not 2.1.0"},
		{"Docker stopped", func(in *installation) {
			in.agent.ping = catalog.AgentStatus{Docker: "Docker does not answer"}
		}, "degraded", 200, "docker", "docker_unavailable: Docker does not answer"},
		{"library empty", func(in *installation) {
			must(in.t, os.RemoveAll(in.settings.LibraryDir))
		}, "degraded", 200, "library", "library_unavailable: "},
		{"data directory is not readable", func(in *installation) {
			must(in.t, os.RemoveAll(in.settings.UserExtensionsDir))
			must(in.t, os.WriteFile(in.settings.UserExtensionsDir, nil, 0o600)) // unreadable for root too
		}, "unavailable", 503, "data_readable", "unavailable: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := newInstallation(t)
			tc.breaks(in)
			in.manager.Refresh(t.Context())
			rec := in.do("GET", "/readyz", "", "Authorization: ")
			status, causes := failing(t, rec.Body.Bytes())
			if rec.Code != tc.code || status != tc.status {
				t.Errorf("%d %s, want %d %s: %s", rec.Code, status, tc.code, tc.status, rec.Body)
			}
			if !strings.HasPrefix(causes[tc.check], tc.want) {
				t.Errorf("failing checks %v, want %s with %q", causes, tc.check, tc.want)
			}
		})
	}
}

func TestReady_SaysThatChangesAreSwitchedOff(t *testing.T) {
	in := newInstallation(t, "DREAM_READ_ONLY=true")
	_, causes := failing(t, in.do("GET", "/readyz", "").Body.Bytes())
	if want := "read_only: DREAM_READ_ONLY is set: every change is refused"; causes["changes"] != want {
		t.Errorf("changes: %q, want %q", causes["changes"], want)
	}
}

func TestReady_HasNoSecrets(t *testing.T) {
	in := newInstallation(t)
	if body := in.do("GET", "/readyz", "", "Authorization: ").Body.String(); strings.Contains(body, key) {
		t.Errorf("the reply has the key: %s", body)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
