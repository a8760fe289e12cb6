package agent_test

import (
	"bufio"
	"context"
	"net/http"
	"testing"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// eventLines reads the stream up to the empty line behind the next event.
func eventLines(t *testing.T, s *bufio.Scanner) string {
	t.Helper()
	text := ""
	for s.Scan() && s.Text() != "" {
		text += s.Text() + "\n"
	}
	return text
}

func TestEvents_AreServerSentEvents(t *testing.T) {
	in := newInstallation(t)
	resp := in.open(http.MethodGet, "/v1/events", "")
	defer resp.Body.Close()
	wantEqual(t, "Content-Type", "text/event-stream", resp.Header.Get("Content-Type"))
	s := bufio.NewScanner(resp.Body)
	wantEqual(t, "hello", "event: hello\ndata: {\"status\":\"ok\",\"version\":\"2.1.0\"}\n", eventLines(t, s))
	in.engine.changes <- compose.Change{Time: time.Unix(1, 0).UTC(), Service: "app", Container: "dream-app", Action: "die", Code: "3"}
	wantEqual(t, "container",
		"event: container\ndata: {\"time\":\"1970-01-01T00:00:01Z\",\"service\":\"app\",\"container\":\"dream-app\",\"action\":\"die\",\"code\":\"3\"}\n",
		eventLines(t, s))
	in.engine.failed <- errDown
	close(in.engine.changes)
	wantEqual(t, "error", "event: error\ndata: {\"type\":\"about:blank\",\"title\":\"Docker Engine unavailable\",\"status\":503,"+
		"\"detail\":\""+errDown.Detail+"\",\"code\":\"docker_unavailable\"}\n", eventLines(t, s))
	if s.Scan() {
		t.Errorf("the stream goes on: %q", s.Text())
	}
}

func TestEvents_ReachTheClient(t *testing.T) {
	in := newInstallation(t)
	sent := []compose.Change{
		{Time: time.Unix(1, 0).UTC(), Service: "app", Container: "dream-app", Action: "start"},
		{Time: time.Unix(2, 0).UTC(), Service: "app", Container: "dream-app", Action: "health_status", Health: "healthy"},
	}
	go func() {
		for _, c := range sent {
			in.engine.changes <- c
		}
		in.engine.failed <- errDown
		close(in.engine.changes)
	}()
	var got []compose.Change
	err := in.client.Events(t.Context(), func(c compose.Change) { got = append(got, c) })
	in.wantRefusal(err, problem.DockerUnavailable, errDown.Detail)
	wantEqual(t, "changes", sent, got)
}

func TestEvents_EndWithTheirClient(t *testing.T) {
	in := newInstallation(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := in.follow(ctx)
	cancel()
	if err := <-ended; err == nil {
		t.Error("a stream that was given up ends without an error")
	}
}

func TestEvents_EndWithTheAgent(t *testing.T) {
	in := newInstallation(t)
	ended := in.follow(t.Context())
	in.must(in.stop()) // would wait for an hour
	in.must(<-ended)
}

// follow reads events until the first has come, and gives the error with which the stream ends.
func (in *installation) follow(ctx context.Context) <-chan error {
	ended, seen := make(chan error, 1), make(chan struct{})
	go func() { ended <- in.client.Events(ctx, func(compose.Change) { close(seen) }) }()
	in.engine.changes <- compose.Change{Action: "start"}
	<-seen
	return ended
}
