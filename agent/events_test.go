package agent_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamserver/agent"
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

// Docker is restarted: the stream ends and says why, while it is away there is none, and the next one goes on.
func TestEvents_ComeBackWithDocker(t *testing.T) {
	in := newInstallation(t)
	heard := make(chan struct{}, 8)
	listen := func() <-chan error {
		ended := make(chan error, 1)
		go func() { ended <- in.client.Follow(t.Context(), func() { heard <- struct{}{} }) }()
		return ended
	}
	restart := func(down bool, changes chan compose.Change) {
		in.engine.set(func(e *fakeEngine) { e.down, e.changes = down, changes })
	}
	first, changes := listen(), in.engine.changes
	<-heard // the stream stands: it is time to ask for the containers
	changes <- compose.Change{Service: "app", Action: "start"}
	<-heard

	closed := make(chan compose.Change)
	close(closed)
	restart(true, closed)
	in.engine.failed <- errDown
	close(changes)
	in.wantRefusal(<-first, problem.DockerUnavailable, errDown.Detail)
	in.engine.failed <- errDown
	in.wantRefusal(<-listen(), problem.DockerUnavailable, errDown.Detail)
	<-heard // it stood for a moment, and who asks for the containers hears the same
	_, err := in.client.Containers(t.Context())
	in.wantRefusal(err, problem.DockerUnavailable, errDown.Detail)

	again := make(chan compose.Change)
	restart(false, again)
	ended := listen()
	<-heard
	again <- compose.Change{Service: "app", Action: "start"}
	<-heard
	_, err = in.client.Containers(t.Context())
	in.must(err)
	in.must(in.stop())
	in.must(<-ended)
}

// Who follows and does not read is dropped, however much happens, and holds up nobody else.
func TestStreams_DropAClientThatDoesNotRead(t *testing.T) {
	const post = "POST /v1/extension/logs/follow HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer " + key + "\r\nContent-Length: 37\r\n\r\n" + `{"service_id": "app", "follow": true}`
	for name, tc := range map[string]struct {
		ask   string
		write func(e *fakeEngine, done <-chan struct{}) bool
	}{
		"events": {"GET /v1/events HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer " + key + "\r\n\r\n", func(e *fakeEngine, done <-chan struct{}) bool {
			select {
			case e.changes <- compose.Change{Service: "app", Container: strings.Repeat("x", 4<<10)}:
				return true
			case <-done:
				return false
			}
		}},
		"logs": {post, func(e *fakeEngine, done <-chan struct{}) bool {
			select {
			case e.written <- compose.LogLine{Service: "app", Text: strings.Repeat("x", 4<<10)}:
				return true
			case <-done:
				return false
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := limitedInstallation(t, agent.Limits{Write: soon, Streams: 1}, extension("app", ""))
			conn := in.dial("%s", tc.ask)
			dropped := make(chan struct{})
			var written sync.WaitGroup
			written.Go(func() {
				for tc.write(in.engine, dropped) {
					continue
				}
			})
			in.eventually("somebody else may follow", func() bool {
				method, path, _ := strings.Cut(strings.SplitN(tc.ask, " HTTP", 2)[0], " ")
				resp := in.open(method, path, `{"service_id": "app", "follow": true}`)
				defer resp.Body.Close()
				return resp.StatusCode == http.StatusOK
			})
			close(dropped)
			written.Wait()
			conn.Close()
		})
	}
}

// Docker gives the event of an end, and lists the container as running for a while: no other event comes. A container that
// Docker is busy with hides none of the others.
func TestContainers_AreAsALookAtEachTells(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("other", ""))
	in.mustStart("app")
	in.mustStart("other")
	in.docker.update(func(s *dockerState) {
		for i := range s.Containers {
			if s.Containers[i].Service == "app" {
				s.Containers[i].State, s.Containers[i].ExitCode = "exited", 1
			}
		}
	})
	in.engine.set(func(e *fakeEngine) { e.lags = map[string]string{"app": "running"} })
	states := func() map[string]string {
		state, err := in.client.Containers(t.Context())
		in.must(err)
		out := map[string]string{}
		for _, c := range state.Containers {
			out[c.Service] = c.State
		}
		return out
	}
	wantEqual(t, "states", map[string]string{"app": "exited", "other": "running"}, states())
	in.engine.set(func(e *fakeEngine) { e.busyWith = "other" })
	wantEqual(t, "states while Docker is busy", map[string]string{"app": "exited", "other": "running"}, states())
}
