package agent_test

import (
	"net/http"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
)

func TestLogs_AreClamped(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.engine.prints("app", 600)
	for _, tt := range []struct {
		tail  string
		lines int
	}{{"", 100}, {`, "tail": 0`, 100}, {`, "tail": 20`, 20}, {`, "tail": -5`, 1}, {`, "tail": 1000000`, 500}} {
		_, body := in.request(http.MethodPost, "/v1/extension/logs", `{"service_id": "app"`+tt.tail+`}`)
		l := decode[catalog.Logs](t, body)
		if l.Lines != tt.lines || !strings.HasSuffix(l.Logs, "line 600\n") {
			t.Errorf("tail%s: %d lines, want %d, the last ones", tt.tail, l.Lines, tt.lines)
		}
	}
	in.engine.prints("app", 0, strings.Repeat("ä", 60_000))
	l, err := in.client.Logs(t.Context(), "app", 5)
	in.must(err)
	if len(l.Logs) > 50_000 || !strings.HasSuffix(l.Logs, "ä\n") || strings.Contains(l.Logs, "\ufffd") {
		t.Errorf("%d bytes, want the last 50000 at most, cut between characters", len(l.Logs))
	}
}

func TestLogs_OfACoreServiceAreShown(t *testing.T) {
	in := newInstallation(t)
	in.docker.update(func(s *dockerState) {
		s.Containers = []fakeContainer{{Container: compose.Container{ID: "d", Name: "dream-dashboard", Service: "dashboard", State: "running"}}}
	})
	in.engine.prints("dashboard", 1)
	l, err := in.client.Logs(t.Context(), "dashboard", 5)
	in.must(err)
	wantEqual(t, "logs", catalog.Logs{ServiceID: "dashboard", Logs: "line 1\n", Lines: 1}, l)
}

func TestFollowLogs_BeginsWithMore(t *testing.T) {
	for _, tt := range []struct {
		follow bool
		want   int
	}{{true, 10_000}, {false, 500}} {
		if got := agent.LogTail(agent.Request{Tail: 1_000_000, Follow: tt.follow}); got != tt.want {
			t.Errorf("follow %v: %d lines, want %d", tt.follow, got, tt.want)
		}
	}
}
