package agent

import (
	"context"
	"net/http"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// followLogs streams the log of an extension as server-sent events: hello, log for each line, heartbeat; at the end end,
// or error with the reason. It lasts until the client leaves or does not read, the agent stops, or Docker goes away.
// Without follow it ends with the last line that there is.
func (s *Server) followLogs(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(w, r)
	if err == nil {
		_, err = s.owns(req.ServiceID, "")
	}
	if err != nil {
		reply(w, err)
		return
	}
	giveBack, ok := s.logStreams.Take(callerPeer(r.Context()), s.limits.PeerStreams, s.limits.Streams)
	if !ok {
		reply(w, problem.Newf(problem.Unavailable, "there are enough streams of logs: %d for one user and %d in all; end one and try again",
			s.limits.PeerStreams, s.limits.Streams))
		return
	}
	defer giveBack()

	ctx, cancel := context.WithCancel(r.Context())
	lines, ended := make(chan compose.LogLine, 64), make(chan error, 1)
	go func() {
		ended <- s.opts.Engine.FollowLogs(ctx, s.wanted(req.ServiceID), req.query(), func(l compose.LogLine) {
			select {
			case lines <- l:
			case <-ctx.Done():
			}
		})
		close(lines)
	}()
	defer func() {
		cancel()
		for range lines { // nothing of a request outlives it
			continue
		}
	}()
	out, beat := newEventWriter(w)
	defer beat.Stop()
	for ok := out.write("hello", Health{Status: "ok", Version: s.opts.Version}); ok; {
		select {
		case <-r.Context().Done():
			return
		case <-s.stop.Done():
			return
		case l, more := <-lines:
			if !more {
				if ctx.Err() == nil { // else it is we who have ended it
					out.end(<-ended)
				}
				return
			}
			ok = out.write("log", l)
		case <-beat.C:
			ok = out.write("heartbeat", struct{}{})
		}
	}
}

// query is what of the log the request asks for.
func (r Request) query() compose.LogQuery {
	q := compose.LogQuery{Tail: clampTail(r.Tail, maxTail), Follow: r.Follow}
	if r.Follow {
		q.Tail = clampTail(r.Tail, maxFollowed)
	}
	if r.Since != nil {
		q.Since = *r.Since
	}
	return q
}

// owns reports whether a service of this name is the extension's, as the folders are now.
func (s *Server) owns(id, service string) (bool, error) {
	w, err := s.folders()
	if err != nil {
		return false, err
	}
	defer w.close()
	return compose.OwnsService(id, service, w.ids), nil
}

// wanted is owns for a stream, which lasts: what is installed meanwhile may be the owner of a longer name.
func (s *Server) wanted(id string) func(service string) bool {
	return func(service string) bool {
		if !compose.OwnsService(id, service, nil) {
			return false // most events are of others
		}
		owned, err := s.owns(id, service)
		return owned && err == nil
	}
}
