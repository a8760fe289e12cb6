package catalog_test

import (
	"sync/atomic"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestResources_SumsUpEachExtension(t *testing.T) {
	in := newInstallation(t, enabled("board"), enabled("notes"))
	in.agent.has(
		compose.Container{ID: "b1", Name: "dream-board", Service: "board", State: "running"},
		compose.Container{ID: "b2", Name: "dream-board-db", Service: "board-db", State: "running"},
		compose.Container{ID: "n", Name: "dream-notes", Service: "notes", State: "running"},
	)
	var asked atomic.Int32
	again := make(chan struct{}, 1)
	in.agent.stats = func() (catalog.Stats, error) {
		select {
		case again <- struct{}{}:
		default:
		}
		n := uint64(asked.Add(1))
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * 2 * time.Second)
		return catalog.Stats{Problem: "one is missing", Usages: []compose.Usage{
			{ID: "n", Service: "notes", At: at, CPU: 9e9 - n*1e9, Memory: 7}, // it was started again
			{ID: "b2", Service: "board-db", At: at, CPU: n * 3e9, Memory: 20, MemoryLimit: 200, Received: 1, Sent: 2, Read: 3, Written: 4, Processes: 5},
			{ID: "b1", Service: "board", At: at, CPU: n * 1e9, Memory: 10, MemoryLimit: 100, Received: 10, Sent: 20, Read: 30, Written: 40, Processes: 50},
			{ID: "x", Name: "dream-gone", Service: "gone", At: at},
		}}, nil
	}
	in.live()
	in.await(func(s *catalog.Snapshot) bool { return len(s.Owners()) == 3 })

	r := in.Resources(t.Context())
	if r.Err != nil || len(r.Containers) != 4 || r.Containers[1].CPU != nil {
		t.Fatalf("the first reading: %+v", r)
	}
	<-again
	<-again
	for r.Containers[1].CPU == nil && t.Context().Err() == nil { // it is there as soon as it is summed up
		r = in.Resources(t.Context())
	}
	board := func(service, container string, cpu float64, n uint64) catalog.ContainerUse {
		return catalog.ContainerUse{
			Owner: catalog.Owner{Extension: "board", Service: service, Container: container},
			Use:   catalog.Use{CPU: &cpu, Memory: 10 * n, MemoryLimit: 100 * n},
		}
	}
	one, two := board("board", "dream-board", 50, 1), board("board-db", "dream-board-db", 150, 2)
	one.Received, one.Sent, one.Read, one.Written, one.Processes = 10, 20, 30, 40, 50
	two.Received, two.Sent, two.Read, two.Written, two.Processes = 1, 2, 3, 4, 5
	notes := catalog.Use{Memory: 7}
	wantEqual(t, "containers", []catalog.ContainerUse{
		{Owner: catalog.Owner{Service: "gone", Container: "dream-gone"}, Use: catalog.Use{CPU: new(0.0)}},
		one, two,
		{Owner: catalog.Owner{Extension: "notes", Service: "notes", Container: "dream-notes"}, Use: notes},
	}, r.Containers)
	wantEqual(t, "extensions", []catalog.ExtensionUse{
		{Extension: "board", Containers: 2, Use: catalog.Use{CPU: new(200.0), Memory: 30, MemoryLimit: 300, Received: 11, Sent: 22, Read: 33, Written: 44, Processes: 55}},
		{Extension: "notes", Containers: 1, Use: notes},
	}, r.Extensions)
	wantEqual(t, "problem", "one is missing", r.Problem)
}

func TestResources_SaysWhyThereAreNone(t *testing.T) {
	in := newInstallation(t, "")
	in.wantRefusal(in.Resources(t.Context()).Err, problem.Unavailable, "the host agent has not answered yet: try again in a few seconds") // nobody samples
	in.live()
	in.wantRefusal(in.Resources(t.Context()).Err, problem.AgentNoSocket, "the host agent is not running: start it")
}
