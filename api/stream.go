package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"dreamserver/internal/problem"
)

const (
	maxStreams  = 1024             // at a time; each holds a connection
	streamBeat  = 15 * time.Second // between heartbeats, each of which is an event: programs can see that nothing is lost
	streamWrite = 10 * time.Second // for a client to take what has happened; who is slower is dropped
	streamBatch = 32 << 10         // bytes of events that are sent at once, when as many wait
)

// event is one server-sent event as it goes over the wire. Streams may share it.
type event []byte

// newEvent makes the event of that name. Its data is one line, because JSON needs no other, so no text in it can end
// the event or begin another. id is what a client that comes back sends as Last-Event-ID; empty for none.
func newEvent(id, name string, v any) (event, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var e event
	if id != "" {
		e = append(append(append(e, "id: "...), id...), '\n')
	}
	e = append(append(append(e, "event: "...), name...), '\n')
	return append(append(append(e, "data: "...), data...), '\n', '\n'), nil
}

// problemEvent tells why a stream ends. EventSource has events of its own that are called error.
func problemEvent(d *problem.Document) event {
	e, _ := newEvent("", "problem", d) // strings and numbers
	return e
}

var heartbeat = event("event: heartbeat\ndata: {}\n\n")

// stream answers with events as server-sent events, and returns when the channel is closed, the client has left or
// does not read, may not read any more, or the API stops. It takes from the channel as fast as the client takes from
// it; whoever sends must not wait for long, and must stop when the request's context ends or stream has returned.
func (s *server) stream(w http.ResponseWriter, r *http.Request, events <-chan event) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.refuse(w, r, problem.Newf(problem.Unavailable, "%d streams are open, and that is as many as there may be: close one and try again", maxStreams))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would collect them
	out := sink{w: w, control: http.NewResponseController(w)}
	if !out.send(nil) || r.Method == http.MethodHead {
		return
	}
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	who := visitOf(r.Context()).caller
	for ok := true; ok; {
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case e, more := <-events:
			if !more {
				return
			}
			ok = out.send(e, waiting(events)...)
		case <-beat.C:
			if err := s.stillMay(who); err != nil {
				out.send(problemEvent(s.refusal(r.Context(), err)))
				return
			}
			ok = out.send(heartbeat)
		}
	}
}

// waiting takes the events that need not be waited for, a batch of them.
func waiting(events <-chan event) (more []event) {
	for size := 0; size < streamBatch; {
		select {
		case e := <-events: // nothing, when it is closed: stream sees that itself
			if e == nil {
				return more
			}
			more = append(more, e)
			size += len(e)
		default:
			return more
		}
	}
	return more
}

// sink writes to one client.
type sink struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send reports whether the client takes it in time. Each event has a time of its own.
func (o sink) send(first event, more ...event) bool {
	for _, e := range append([]event{first}, more...) {
		_ = o.control.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder in a test has none
		if _, err := o.w.Write(e); err != nil {
			return false
		}
	}
	return o.control.Flush() == nil
}

// produce streams what send sends, until it returns or the client is gone, which ends its context.
func (s *server) produce(w http.ResponseWriter, r *http.Request, send func(ctx context.Context, out chan<- event)) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	events := make(chan event, 64)
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		defer close(events)
		send(ctx, events)
	}()
	s.stream(w, r, events)
	cancel()
	if bug := <-done; bug != nil { // nothing of a request outlives it
		panic(bug) // where it ends this request, and not the program
	}
}
