package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"dreamserver/internal/problem"
)

const (
	maxStreams  = 2048             // at a time; each holds a connection
	keyStreams  = 1024             // and of those for one key with its sessions: there are as many for the others
	streamBeat  = 15 * time.Second // between heartbeats, each of which is an event: programs can see that nothing is lost
	streamWrite = 10 * time.Second // for a client to take what has happened; who is slower is dropped
	streamBatch = 32 << 10         // bytes of events that are sent at once, when as many wait
)

// event is one server-sent event, or several, as they go over the wire. Streams may share it.
type event []byte

// newEvent makes the event of that name. Its data is one line, because JSON needs no other, so no text in it can end
// the event or begin another. id is what a client that comes back sends as Last-Event-ID; empty for none.
func newEvent(id, name string, v any) (event, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return frame(id, name, data), nil
}

// frame is newEvent of JSON that was made before.
func frame(id, name string, data []byte) event {
	e := make(event, 0, len("id: \nevent: \ndata: \n\n")+len(id)+len(name)+len(data))
	if id != "" {
		e = append(append(append(e, "id: "...), id...), '\n')
	}
	e = append(append(append(e, "event: "...), name...), '\n')
	return append(append(append(e, "data: "...), data...), '\n', '\n')
}

// problemEvent tells why a stream ends. EventSource has events of its own that are called error.
func problemEvent(d *problem.Document) event {
	e, _ := newEvent("", "problem", d) // strings and numbers
	return e
}

var heartbeat = event("event: heartbeat\ndata: {}\n\n")

// stream answers with events as server-sent events, first those that are given, and returns when the channel is closed,
// the client has left or does not read, may not read any more, or the API stops. It takes from the channel as fast as
// the client takes from it; whoever sends must not wait for long, and must stop when the request's context ends or stream
// has returned. encode is what becomes of what comes from the channel; streams may share it.
func stream[T any](s *server, w http.ResponseWriter, r *http.Request, events <-chan T, encode func(T) event, first ...event) {
	who := visitOf(r.Context()).caller
	giveBack, ok := s.streams.Take(who.name, keyStreams, maxStreams)
	if !ok {
		s.refuse(w, r, problem.Newf(problem.Unavailable, "there are enough streams: %d for one key and %d in all; close one and try again",
			keyStreams, maxStreams))
		return
	}
	defer giveBack()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would collect them
	out := sink{w: w, control: http.NewResponseController(w)}
	if r.Method == http.MethodHead {
		out.send(nil)
		return
	}
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for ok := out.send(slices.Concat(first...)); ok; {
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case e, more := <-events:
			if !more {
				return
			}
			ok = s.goesOn(r.Context(), who, out) && sendBatch(out, e, events, encode)
		case <-beat.C:
			ok = s.goesOn(r.Context(), who, out) && out.send(heartbeat)
		}
	}
}

// goesOn reports whether the caller may still hear what is next, and says so where not: a key that was taken back hears
// nothing more.
func (s *server) goesOn(ctx context.Context, who caller, out sink) bool {
	err := s.stillMay(who)
	if err != nil {
		out.send(problemEvent(s.refusal(ctx, err)))
	}
	return err == nil
}

// sendBatch sends what came from the channel and what need not be waited for, and reports whether there can be more.
func sendBatch[T any](out sink, e T, events <-chan T, encode func(T) event) bool {
	for size := 0; ; {
		made := encode(e)
		if !out.put(made) {
			return false
		}
		if size += len(made); size >= streamBatch {
			return out.flush()
		}
		select {
		case next, more := <-events:
			if !more {
				out.flush()
				return false
			}
			e = next
		default:
			return out.flush()
		}
	}
}

// sink writes to one client.
type sink struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// put reports whether the client takes the event in time. Each has a time of its own.
func (o sink) put(e event) bool {
	_ = o.control.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder in a test has none
	_, err := o.w.Write(e)
	return err == nil
}

func (o sink) flush() bool { return o.control.Flush() == nil }

func (o sink) send(e event) bool { return o.put(e) && o.flush() }

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
	stream(s, w, r, events, func(e event) event { return e })
	cancel()
	if bug := <-done; bug != nil { // nothing of a request outlives it
		panic(bug) // where it ends this request, and not the program
	}
}
