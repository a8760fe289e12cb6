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
	maxEventLen = 64 << 10
)

// events streams what happens to the project's containers as server-sent events, until the client leaves, the
// agent stops or Docker goes away. The first event, hello, tells that the stream stands.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	giveBack, ok := s.streams.take(callerPeer(r.Context()), s.limits.PeerStreams, s.limits.Streams)
	if !ok {
		reply(w, problem.Newf(problem.Unavailable, "there are enough streams of events: %d for one user and %d in all; end one and try again",
			s.limits.PeerStreams, s.limits.Streams))
		return
	}
	defer giveBack()
	changes, failed := s.opts.Engine.Changes(r.Context())
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	unhurried(w)
	out := http.NewResponseController(w)
	write := func(event string, v any) bool {
		data, err := json.Marshal(v)
		if err != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for ok := write("hello", Health{Status: "ok", Version: s.opts.Version}); ok; {
		select {
		case <-r.Context().Done():
			return
		case <-s.stop.Done():
			return
		case c, open := <-changes:
			if !open {
				select {
				case err := <-failed:
					write("error", problem.NewDocument(err))
				default:
				}
				return
			}
			ok = write("container", c)
		case <-beat.C:
			ok = write("heartbeat", struct{}{})
		}
	}
}

// readEvents calls on for each container event until the stream ends.
func readEvents(r io.Reader, on func(compose.Change)) error {
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
		switch event {
		case "container":
			var c compose.Change
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				return fmt.Errorf("host agent: event: %w", err)
			}
			on(c)
		case "error":
			var d problem.Document
			if err := json.Unmarshal([]byte(data), &d); err != nil {
				return fmt.Errorf("host agent: event: %w", err)
			}
			return &problem.Error{Code: d.Code, Detail: d.Detail}
		}
	}
	return s.Err()
}
