package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"dreamserver/catalog"
)

// lastEvent is the number of the event that a client heard last: 0 for one that begins to listen, and one that is not
// there yet for one that has heard another life of this program.
func (s *server) lastEvent(id string) uint64 {
	if id == "" {
		return 0
	}
	boot, number, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if boot != s.answers.boot || err != nil || n == 0 {
		return ^uint64(0)
	}
	return n
}

func (s *server) eventID(n uint64) string { return s.answers.boot + "-" + strconv.FormatUint(n, 10) }

type eventsInput struct {
	Last string `header:"Last-Event-ID" maxLength:"64" doc:"id of the last event that was heard; browsers send it by themselves. What was told since is told again, or a snapshot event says resync"`
}

// events streams the news. Somebody who begins to listen, or has missed something, hears first which snapshot there is.
func (s *server) events(w http.ResponseWriter, r *http.Request, in *eventsInput) error {
	l := s.extensions.Listen(s.lastEvent(in.Last))
	defer l.Close()
	s.produce(w, r, func(ctx context.Context, out chan<- event) {
		send := func(id, name string, v any) bool {
			e, err := newEvent(id, name, v)
			if err != nil {
				return false // none of our types fails
			}
			select {
			case out <- e:
				return true
			case <-ctx.Done():
				return false
			}
		}
		if in.Last == "" || l.Missed {
			news := catalog.SnapshotNews{Generation: s.extensions.Snapshot().Generation, Resync: l.Missed}
			if !send(s.eventID(l.From), string(catalog.SnapshotEvent), news) {
				return
			}
		}
		for {
			select {
			case e, more := <-l.Events:
				if !more || !send(s.eventID(e.Seq), string(e.Type), e.Data) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return nil
}
