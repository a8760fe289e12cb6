package catalog_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
)

// hear waits for an event that is as it should be, and returns those until then as "type {data}".
func (in *installation) hear(l *catalog.Listener, want string) []string {
	in.t.Helper()
	var heard []string
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e, open := <-l.Events:
			if !open {
				in.t.Fatalf("dropped after %q", heard)
			}
			line := string(e.Type) + " " + string(e.Data)
			if heard = append(heard, line); strings.Contains(line, want) {
				return heard
			}
		case <-timeout:
			in.t.Fatalf("no event has %s among %q", want, heard)
		}
	}
}

// hears waits for an event among those that this listener has heard in all.
func (in *installation) hears(l *catalog.Listener, want string) {
	in.t.Helper()
	if !slices.ContainsFunc(in.heard, func(e string) bool { return strings.Contains(e, want) }) {
		in.heard = append(in.heard, in.hear(l, want)...)
	}
}

func TestListen_HearsWhatChanges(t *testing.T) {
	in := newInstallation(t, library("notes"), enabled("board"))
	var said atomic.Pointer[catalog.State]
	said.Store(&catalog.State{})
	in.agent.containers = func() (catalog.State, error) { return *said.Load(), nil }
	in.live()
	in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find("board"); return e.Runtime.State == "not_deployed" })
	l := in.Listen(0)
	defer l.Close()
	in.mustDo("install notes")
	for _, want := range []string{
		`operation {"id":"`, `"kind":"install","extension":"notes","actor":"test","state":"running"`, `"name":"check"`, `"name":"copy"`, `"state":"succeeded"`,
		`extension {"id":"notes","status":"enabled","source":"user","state":"not_deployed"`, "snapshot {",
	} {
		in.hears(l, want)
	}
	said.Store(&catalog.State{Containers: []compose.Container{{Service: "board", State: "running", Health: "unhealthy"}}})
	in.Refresh(t.Context())
	in.hear(l, `extension {"id":"board","status":"enabled","source":"user","state":"failed"`)
}

// What another program does is heard as well.
func TestListen_HearsTheCommandLine(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	in.must(in.manager("first").Recover(t.Context()))
	_, err := in.manager("earlier").Stop(t.Context(), "notes")
	in.must(err)
	in.live()
	l := in.Listen(0)
	defer l.Close()
	_, err = in.manager("dream").Stop(t.Context(), "notes")
	in.must(err)
	heard := in.hear(l, `"state":"succeeded"`)
	if !strings.Contains(heard[len(heard)-1], `"actor":"dream"`) {
		t.Errorf("heard %q", heard)
	}
	all, err := in.Operations(operation.Filter{})
	in.must(err)
	wantEqual(t, "operations", 2, len(all))
}

func TestListen_ReplaysWhatIsKept(t *testing.T) {
	in := newInstallation(t)
	for i := range 1500 {
		in.Tell(catalog.SnapshotEvent, catalog.SnapshotNews{Generation: uint64(i)})
	}
	tests := []struct {
		after  uint64
		missed bool
		first  uint64 // of what is replayed; 0 for nothing
		n      int
	}{
		{after: 0},
		{after: 1500},
		{after: 1499, first: 1500, n: 1},
		{after: 1400, first: 1401, n: 100},
		{after: 476, first: 477, n: 1024},
		{after: 475, missed: true},
		{after: 1, missed: true},
		{after: 1501, missed: true}, // of another life of the program
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.after), func(t *testing.T) {
			l := in.Listen(tt.after)
			l.Close()
			var got []*catalog.Event
			for e := range l.Events {
				got = append(got, e)
			}
			if l.Missed != tt.missed || len(got) != tt.n || tt.n > 0 && got[0].Seq != tt.first {
				t.Errorf("missed %t, %d events: %v", l.Missed, len(got), got[:min(1, len(got))])
			}
		})
	}
}

// Somebody who does not listen is dropped; the others hear everything.
func TestListen_DropsWhoIsTooFarBehind(t *testing.T) {
	in := newInstallation(t)
	slow, quick := in.Listen(0), in.Listen(0)
	defer slow.Close()
	defer quick.Close()
	heard := 0
	for i := range 100 {
		in.Tell(catalog.SnapshotEvent, catalog.SnapshotNews{Generation: uint64(i)})
		<-quick.Events
		heard++
	}
	late := 0
	for range slow.Events { // ends: it is closed
		late++
	}
	if heard != 100 || late != 64 {
		t.Errorf("heard %d and %d", heard, late)
	}
	slow.Close()
}

// When much changes at once, one event says so.
func TestListen_SumsUpWhatIsTooMuch(t *testing.T) {
	var files []string
	for i := range 120 {
		files = append(files, enabled(fmt.Sprintf("notes%d", i)))
	}
	in := newInstallation(t, files...)
	var away atomic.Bool
	in.agent.ping = func() (catalog.AgentStatus, error) {
		if away.Load() {
			return catalog.AgentStatus{}, errAway
		}
		return catalog.AgentStatus{Available: true}, nil
	}
	in.live()
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("notes1")
		return e.Runtime.State == "not_deployed" && e.Rating > 0
	})
	in.await(func(s *catalog.Snapshot) bool {
		return !slices.ContainsFunc(s.Entries, func(e catalog.Entry) bool { return e.Source != catalog.FromCore && e.Rating == 0 })
	})
	l := in.Listen(0)
	defer l.Close()
	away.Store(true)
	in.Refresh(t.Context())
	heard := in.hear(l, "agent_no_socket")
	heard = append(heard, in.hear(l, "snapshot {")...)
	if len(heard) != 2 {
		t.Errorf("heard %d events: %q", len(heard), heard[:min(5, len(heard))])
	}
	var news catalog.SnapshotNews
	in.must(json.Unmarshal([]byte(strings.TrimPrefix(heard[1], "snapshot ")), &news))
	if news.Generation != in.Snapshot().Generation {
		t.Errorf("told of generation %d, there is %d", news.Generation, in.Snapshot().Generation)
	}
}
