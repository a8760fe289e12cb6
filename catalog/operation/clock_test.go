package operation_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/operation"
)

// A program notes the beginning, another, the agent, the end; in between the clock was set back by an hour.
func TestTracker_OfAClockThatIsSetBack(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	back := at.Add(-time.Hour)
	tr := operation.Tracker{Operation: operation.Operation{Started: at}}
	for i, name := range []string{"check", "pull", "create"} {
		tr.Take(operation.Progress{Stage: name}, at.Add(time.Duration(i)*time.Second))
	}
	tr.Take(operation.Progress{Stage: "wait"}, back)
	tr.Finish(operation.Failed, nil, nil, back.Add(time.Minute))
	last := at.Add(2 * time.Second)
	want := []operation.Stage{
		{Name: "check", Started: at, Ended: at.Add(time.Second)},
		{Name: "pull", Started: at.Add(time.Second), Ended: last},
		{Name: "create", Started: last, Ended: last},
		{Name: "wait", Started: last, Ended: last},
	}
	if diff := cmp.Diff(want, tr.Stages); diff != "" || !tr.Ended.Equal(last) {
		t.Errorf("ended %s, stages (-want +got):\n%s", tr.Ended, diff)
	}
}

// What is told and written in pauses, and how long a stage took, hangs on time that nobody sets.
func TestActive_MeasuresByMonotonicTime(t *testing.T) {
	started, began := operation.Stopwatch()
	if !strings.Contains(began.String(), " m=+") {
		t.Errorf("%s is a time of day", began)
	}
	if strings.Contains(started.String(), " m=") || started.Sub(began).Abs() > time.Minute {
		t.Errorf("a record keeps %s, begun at %s", started, began)
	}
}

func TestNewID_IsUniqueAndSortsByTime(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var makers sync.WaitGroup
	for range 8 {
		makers.Go(func() {
			last := ""
			for range 1000 {
				id := operation.NewID()
				mu.Lock()
				if seen[id] || id <= last || !operation.ValidID(id) {
					t.Errorf("%s after %s", id, last)
				}
				seen[id], last = true, id
				mu.Unlock()
			}
		})
	}
	makers.Wait()
}

// Ids sort by the clock. What was begun after that was set back is the oldest of all, and is kept while it goes on.
func TestStore_KeepsWhatIsBeingMade(t *testing.T) {
	dir := t.TempDir()
	for n := range operation.Kept {
		id := fmt.Sprintf("ffffffff-0000-7000-8000-%012d", n)
		data, err := json.Marshal(operation.Operation{ID: id, Kind: operation.Start, State: operation.Succeeded, Stages: []operation.Stage{}})
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, id+".json"), data, 0o600))
	}
	b := open(t, dir)
	old := b.begin(t, operation.Options{Kind: operation.Install, Extension: "notes"})
	another := open(t, dir)
	other := another.begin(t, operation.Options{Kind: operation.Install, Extension: "board"})
	if o, err := b.store.Get(old.ID()); err != nil || o.State != operation.Running {
		t.Errorf("%+v, %v", o, err)
	}
	must(t, old.End(operation.Succeeded, nil, nil, func() {}))
	must(t, other.End(operation.Succeeded, nil, nil, func() {}))
}
