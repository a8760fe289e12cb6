package api

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

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
	var first []event
	if in.Last == "" || l.Missed {
		e, err := newEvent(s.eventID(l.From), string(catalog.SnapshotEvent),
			catalog.SnapshotNews{Generation: s.extensions.Snapshot().Generation, Resync: l.Missed})
		if err != nil {
			return err
		}
		first = append(first, e)
	}
	stream(s, w, r, l.Events, s.frameOf, first...)
	return nil
}

// frames are the last events as they go over the wire. Most who listen are told of one at the same time, and it is made
// once for all of them.
type frames [128]atomic.Pointer[numbered]

type numbered struct {
	seq uint64
	event
}

func (s *server) frameOf(e *catalog.Event) event {
	slot := &s.frames[e.Seq%uint64(len(s.frames))]
	if made := slot.Load(); made != nil && made.seq == e.Seq {
		return made.event
	}
	made := &numbered{e.Seq, frame(s.eventID(e.Seq), string(e.Type), e.Data)}
	slot.Store(made)
	return made.event
}
