package compose_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
)

// loggingEngine has one container, of the service web, and one of another service. What its log and the engine's events
// have to say is sent by the test.
type loggingEngine struct {
	*compose.Engine
	past   string
	log    chan string // lines of stdout; those that begin with ! are of stderr; an empty one is the end of the container
	events chan string
	since  chan string // what each reader of the log asked for
}

func newLoggingEngine(t *testing.T, past string) *loggingEngine {
	t.Helper()
	e := &loggingEngine{past: past, log: make(chan string), events: make(chan string), since: make(chan string, 9)}
	logs := func(w http.ResponseWriter, r *http.Request) {
		out := func(text string) {
			stream := stdcopy.Stdout
			if strings.HasPrefix(text, "!") {
				stream = stdcopy.Stderr
			}
			io.WriteString(stdcopy.NewStdWriter(w, stream), strings.TrimPrefix(text, "!"))
			w.(http.Flusher).Flush()
		}
		if r.URL.Query().Get("follow") != "1" {
			out(e.past)
			return
		}
		e.since <- r.URL.Query().Get("since")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for {
			select {
			case text := <-e.log:
				if text == "" {
					return
				}
				out(text)
			case <-r.Context().Done():
				return
			}
		}
	}
	const label = `"com.docker.compose.project":"test","com.docker.compose.service":`
	e.Engine = newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answer(`[{"Id":"w","Names":["/test-web"],"State":"running","Labels":{` + label + `"web"}},
			{"Id":"o","Names":["/test-other"],"State":"running","Labels":{` + label + `"other"}}]`),
		"GET /v1.41/containers/w/json":        answer(`{"Config":{"Tty":false}}`),
		"GET /v1.41/containers/test-web/json": answer(`{"Config":{"Tty":false}}`),
		"GET /v1.41/containers/w/logs":        logs,
		"GET /v1.41/containers/test-web/logs": logs,
		"GET /v1.41/events": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			for {
				select {
				case action := <-e.events:
					if action == "" {
						return
					}
					io.WriteString(w, `{"Type":"container","Action":"`+action+`","timeNano":1,"Actor":{"Attributes":{"com.docker.compose.service":"web","name":"test-web"}}}`+"\n")
					w.(http.Flusher).Flush()
				case <-r.Context().Done():
					return
				}
			}
		},
	})
	return e
}

// follow sends the lines, and how it ended.
func (e *loggingEngine) follow(ctx context.Context, q compose.LogQuery) (<-chan string, <-chan error) {
	lines, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- e.FollowLogs(ctx, func(service string) bool { return service == "web" }, q, func(l compose.LogLine) {
			lines <- l.Time + " " + l.Container + " " + l.Stream + " " + l.Text
		})
	}()
	return lines, ended
}

func wantLine(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	if got := <-lines; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFollowLogs_GoesOnWithWhatIsWrittenAndWithWhatStartsAgain(t *testing.T) {
	e := newLoggingEngine(t, "2026-01-01T00:00:01Z before\n2026-01-01T00:00:02Z one\n")
	ctx, cancel := context.WithCancel(t.Context())
	lines, ended := e.follow(ctx, compose.LogQuery{Tail: 1, Follow: true})
	wantLine(t, lines, "2026-01-01T00:00:02Z test-web stdout one")
	e.log <- "2026-01-01T00:00:03Z half a"
	e.log <- " line\n"
	wantLine(t, lines, "2026-01-01T00:00:03Z test-web stdout half a line")
	e.log <- "!2026-01-01T00:00:04.5Z bad\n"
	wantLine(t, lines, "2026-01-01T00:00:04.5Z test-web stderr bad")
	e.events <- "start" // as Docker tells it: before the log of the run before has ended
	e.log <- ""
	e.log <- "2026-01-01T00:00:05Z again\n"
	wantLine(t, lines, "2026-01-01T00:00:05Z test-web stdout again")
	e.log <- ""
	e.events <- "die"
	e.events <- "start"
	e.log <- "2026-01-01T00:00:06Z and again\n"
	wantLine(t, lines, "2026-01-01T00:00:06Z test-web stdout and again")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	close(e.since)
	var since []string
	for s := range e.since {
		since = append(since, s)
	}
	// In seconds, each a nanosecond after the last line.
	if diff := cmp.Diff([]string{"1767225602.000000001", "1767225604.500000001", "1767225605.000000001"}, since); diff != "" {
		t.Errorf("read from (-want +got):\n%s", diff)
	}
}

func TestFollowLogs_EndsWithTheEngine(t *testing.T) {
	e := newLoggingEngine(t, "")
	_, ended := e.follow(t.Context(), compose.LogQuery{Tail: 1, Follow: true})
	e.events <- ""
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v, want EOF: the engine went away", err)
	}
}

func TestFollowLogs_WithoutFollowingEndsWithTheLastLine(t *testing.T) {
	e := newLoggingEngine(t, "2026-01-01T00:00:01Z one\n2026-01-01T00:00:02Z two")
	lines, ended := e.follow(t.Context(), compose.LogQuery{Tail: 5})
	wantLine(t, lines, "2026-01-01T00:00:01Z test-web stdout one")
	wantLine(t, lines, "2026-01-01T00:00:02Z test-web stdout two")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFollowLogs_CutsLongLines(t *testing.T) {
	long := strings.Repeat("x", 16<<10)
	for name, tc := range map[string]struct{ text, want string }{
		"as long as may be": {long, long},
		"longer":            {long + "y", long + "…"},
		"much longer":       {strings.Repeat(long, 9), long + "…"},
		"within a letter":   {long[1:] + "ä", long[1:] + "\ufffd…"},
		"no text":           {"\xff\xfe", "\ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newLoggingEngine(t, "2026-01-01T00:00:01Z "+tc.text+"\n2026-01-01T00:00:02Z next\n")
			lines, _ := e.follow(t.Context(), compose.LogQuery{Tail: 5})
			wantLine(t, lines, "2026-01-01T00:00:01Z test-web stdout "+tc.want)
			wantLine(t, lines, "2026-01-01T00:00:02Z test-web stdout next")
		})
	}
}

// An engine's events can end without an error: nobody may wait for one.
func TestFollowLogs_KnowsWhyTheEventsEnded(t *testing.T) {
	failed := make(chan error, 1)
	if err := compose.WhyEnded(failed); err == nil || err.Error() != "docker engine: its events ended" {
		t.Errorf("without an error: %v", err)
	}
	gone := errors.New("gone")
	failed <- gone
	if err := compose.WhyEnded(failed); !errors.Is(err, gone) {
		t.Errorf("with one: %v", err)
	}
}
