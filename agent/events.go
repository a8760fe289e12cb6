package agent

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const (
	heartbeat   = 15 * time.Second
	maxEventLen = 256 << 10 // a line of a log as JSON, each of its bytes an escape
)

// events streams what happens to the project's containers as server-sent events, until the client leaves, the
// agent stops or Docker goes away. The first event, hello, tells that the stream stands.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	giveBack, ok := s.streams.Take(callerPeer(r.Context()), s.limits.PeerStreams, s.limits.Streams)
	if !ok {
		reply(w, problem.Newf(problem.Unavailable, "there are enough streams of events: %d for one user and %d in all; end one and try again",
			s.limits.PeerStreams, s.limits.Streams))
		return
	}
	defer giveBack()
	changes, failed := s.opts.Engine.Changes(r.Context())
	out, beat := newEventWriter(w)
	defer beat.Stop()
	for ok := out.write("hello", Health{Status: "ok", Version: s.opts.Version}); ok; {
		select {
		case <-r.Context().Done():
			return
		case <-s.stop.Done():
			return
		case c, open := <-changes:
			if !open {
				select {
				case err := <-failed:
					out.end(err)
				default:
				}
				return
			}
			ok = out.write("container", c)
		case <-beat.C:
			ok = out.write("heartbeat", struct{}{})
		}
	}
}

// eventWriter answers a request with server-sent events. A client that does not take one in time is dropped: see
// [pacedWriter].
type eventWriter struct {
	w     http.ResponseWriter
	flush func() error
}

// newEventWriter begins the reply. The ticker says when a heartbeat is due.
func newEventWriter(w http.ResponseWriter) (eventWriter, *time.Ticker) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	unhurried(w)
	return eventWriter{w, http.NewResponseController(w).Flush}, time.NewTicker(heartbeat)
}

// write reports whether the client takes the event. Its data is one line: it is JSON.
func (o eventWriter) write(event string, v any) bool {
	data, err := json.Marshal(v)
	if err != nil {
		return false
	}
	if _, err := fmt.Fprintf(o.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return false
	}
	return o.flush() == nil
}

// end says that there is no more, and why when that is no success.
func (o eventWriter) end(err error) {
	if err != nil {
		o.write("error", problem.NewDocument(err))
		return
	}
	o.write("end", struct{}{})
}

// readEvents calls stands when the stream does, and on for each container event, until the stream ends.
func readEvents(r io.Reader, stands func(), on func(compose.Change)) error {
	return readStream(r, func(event string, data []byte) error {
		switch event {
		case "hello":
			stands()
		case "container":
			var c compose.Change
			if err := json.Unmarshal(data, &c); err != nil {
				return fmt.Errorf("host agent: event: %w", err)
			}
			on(c)
		}
		return nil
	})
}

// readStream calls on for each event, until it returns an error or the stream ends. What the agent sends as error is one.
func readStream(r io.Reader, on func(event string, data []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), maxEventLen)
	var event string
	for s.Scan() {
		if e, ok := strings.CutPrefix(s.Text(), "event: "); ok {
			event = e
			continue
		}
		data, ok := strings.CutPrefix(s.Text(), "data: ")
		if !ok {
			continue
		}
		if event == "error" {
			var d problem.Document
			if err := json.Unmarshal([]byte(data), &d); err != nil {
				return fmt.Errorf("host agent: event: %w", err)
			}
			return &problem.Error{Code: d.Code, Detail: d.Detail}
		}
		if err := on(event, []byte(data)); err != nil {
			return err
		}
	}
	return s.Err()
}
