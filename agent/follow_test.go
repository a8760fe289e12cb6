package agent_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestFollowLogs_AreServerSentEvents(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("app-x", ""))
	in.engine.prints("app", 3)
	resp := in.open(http.MethodPost, "/v1/extension/logs/follow", `{"service_id": "app", "tail": 1, "follow": true}`)
	defer resp.Body.Close()
	wantEqual(t, "Content-Type", "text/event-stream", resp.Header.Get("Content-Type"))
	s := bufio.NewScanner(resp.Body)
	wantEqual(t, "hello", "event: hello\ndata: {\"status\":\"ok\",\"version\":\"2.1.0\"}\n", eventLines(t, s))
	wantEqual(t, "past", "event: log\ndata: {\"time\":\"\",\"service\":\"app\",\"container\":\"\",\"stream\":\"\",\"text\":\"line 3\"}\n", eventLines(t, s))
	in.engine.written <- compose.LogLine{Service: "app-x", Text: "another extension's"}
	in.engine.written <- compose.LogLine{Time: "2026-01-01T00:00:00Z", Service: "app-db", Container: "dream-app-db", Stream: "stderr", Text: "a\n\nevent: end", Cut: true}
	wantEqual(t, "written", "event: log\ndata: {\"time\":\"2026-01-01T00:00:00Z\",\"service\":\"app-db\",\"container\":\"dream-app-db\","+
		"\"stream\":\"stderr\",\"text\":\"a\\n\\nevent: end\",\"cut\":true}\n", eventLines(t, s))
	in.engine.failed <- errDown
	wantEqual(t, "error", "event: error\ndata: {\"type\":\"about:blank\",\"title\":\"Docker Engine unavailable\",\"status\":503,"+
		"\"detail\":\""+errDown.Detail+"\",\"code\":\"docker_unavailable\"}\n", eventLines(t, s))
	if s.Scan() {
		t.Errorf("the stream goes on: %q", s.Text())
	}
}

// followed reads the client's sequence to its end.
func (in *installation) followed(ctx context.Context, q compose.LogQuery, on func(text string)) error {
	in.t.Helper()
	lines, err := in.client.FollowLogs(ctx, "app", q)
	in.must(err)
	for l, err := range lines {
		if err != nil {
			return err
		}
		on(l.Text)
	}
	return nil
}

func TestFollowLogs_ReachTheClient(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.engine.prints("app", 3)
	var got []string
	in.must(in.followed(t.Context(), compose.LogQuery{Tail: 2}, func(text string) { got = append(got, text) }))
	wantEqual(t, "lines", []string{"line 2", "line 3"}, got)
}

func TestFollowLogs_SayWhyTheyEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		end    func(in *installation)
		code   problem.Code
		detail string
	}{
		"Docker went away":    {func(in *installation) { in.engine.failed <- errDown }, problem.DockerUnavailable, errDown.Detail},
		"the agent went away": {func(in *installation) { in.must(in.stop()) }, problem.Unavailable, "the host agent went away while the log was followed: follow it again when the agent is back, which `dream status` tells"},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, extension("app", ""))
			in.engine.prints("app", 1)
			err := in.followed(t.Context(), compose.LogQuery{Tail: 1, Follow: true}, func(string) { go tc.end(in) })
			in.wantRefusal(err, tc.code, tc.detail)
		})
	}
}

// Who follows logs leaves the API its stream of events, and the other way round.
func TestFollowLogs_AreCountedApart(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{Streams: 1}, extension("app", ""))
	const follow = `{"service_id": "app", "follow": true}`
	resp := in.open(http.MethodPost, "/v1/extension/logs/follow", follow)
	defer resp.Body.Close()
	events := in.open(http.MethodGet, "/v1/events", "")
	defer events.Body.Close()
	wantEqual(t, "events", http.StatusOK, events.StatusCode)
	status, _ := in.request(http.MethodPost, "/v1/extension/logs/follow", follow)
	wantEqual(t, "one more", http.StatusServiceUnavailable, status)
}
