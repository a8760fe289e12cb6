package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

type readLogsInput struct {
	ID     string `path:"id"`
	Follow bool   `query:"follow" doc:"send the lines as server-sent events, log, and go on with what is written; without it the reply is the JSON that the POST gives"`
	Since  string `query:"since" doc:"an RFC 3339 time, or how long ago, such as 10m: no lines from before"`
	Tail   int    `query:"tail" minimum:"1" maximum:"10000" default:"100" doc:"how many lines at most of those that there are; 500 without follow"`
}

func (in *readLogsInput) check() error {
	if err := checkID(in.ID); err != nil {
		return err
	}
	_, err := in.query(time.Time{})
	return err
}

func (in *readLogsInput) query(now time.Time) (catalog.LogQuery, error) {
	since, ok := catalog.ParseSince(in.Since, now)
	if !ok {
		const message = "expected a time such as 2026-01-02T15:04:05Z, or how long ago, such as 10m"
		return catalog.LogQuery{}, problem.Newf(problem.InvalidParameter, "since: %s", message).With(problem.Item{Path: "since", Message: message})
	}
	return catalog.LogQuery{Tail: in.Tail, Since: since, Follow: in.Follow}, nil
}

// readLogs is the end of an extension's log, or, with follow, a stream of it: an event log for each line, heartbeats, and
// problem when the agent or Docker goes away, which ends it.
func (s *server) readLogs(w http.ResponseWriter, r *http.Request, in *readLogsInput) error {
	q, err := in.query(s.now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if !q.Follow {
		ctx, cancel = context.WithTimeout(ctx, readTimeout)
		defer cancel()
	}
	lines, err := s.extensions.FollowLogs(ctx, in.ID, q)
	if err != nil {
		return err
	}
	if !q.Follow {
		return sendLogs(w, in.ID, lines)
	}
	s.produce(w, r, func(client context.Context, out chan<- event) {
		defer context.AfterFunc(client, cancel)() // who left needs no more lines
		for line, err := range lines {
			e, _ := newEvent("", "log", line) // strings
			if err != nil {
				e = problemEvent(s.refusal(client, err))
			}
			select {
			case out <- e:
			case <-client.Done():
				return
			}
		}
	})
	return nil
}

// sendLogs replies with the lines as one text.
func sendLogs(w http.ResponseWriter, id string, lines func(func(catalog.LogLine, error) bool)) error {
	var all []catalog.LogLine
	for line, err := range lines {
		if err != nil {
			return err
		}
		all = append(all, line)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(catalog.LogsOf(id, all))
}
