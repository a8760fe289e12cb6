package catalog_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/catalog"
)

// 5,000 files are touched in one second: the folders are read a few times, the last time after the last change, and no
// more than half of the time is spent on it. One change is read once, and soon.
func TestWhenQuiet_ReadsOfAStorm(t *testing.T) {
	tests := []struct {
		name    string
		changes int
		every   time.Duration // between two
		takes   time.Duration // one look at the folders
		reads   int
		last    time.Duration // when the last look begins, after the last change
	}{
		{name: "one", changes: 1, reads: 1, last: 20 * time.Millisecond},
		{name: "a few at once", changes: 5, every: time.Millisecond, takes: 50 * time.Millisecond, reads: 1, last: 20 * time.Millisecond},
		{name: "one now and then", changes: 10, every: time.Second, takes: 50 * time.Millisecond, reads: 10, last: 20 * time.Millisecond},
		{name: "5,000 in a second", changes: 5000, every: 200 * time.Microsecond, reads: 10, last: 20 * time.Millisecond},
		{name: "5,000 in a second, slowly read", changes: 5000, every: 200 * time.Microsecond, takes: 150 * time.Millisecond, reads: 4, last: 300 * time.Millisecond},
		{name: "5,000 in a second, very slowly read", changes: 5000, every: 200 * time.Microsecond, takes: time.Second, reads: 2, last: 1300 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				changed := make(chan struct{}, 1)
				reads, began, busy := 0, time.Time{}, time.Duration(0)
				start := time.Now()
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					catalog.WhenQuiet(ctx, changed, func() {
						reads++
						began = time.Now()
						time.Sleep(tt.takes)
						busy += tt.takes
					})
				}()
				var last time.Time
				for range tt.changes {
					select {
					case changed <- struct{}{}:
					default:
					}
					last = time.Now()
					time.Sleep(tt.every)
				}
				time.Sleep(10 * time.Second)
				cancel()
				<-ended
				passed := began.Sub(start) // the last look is nobody's to pay for
				if reads != tt.reads {
					t.Errorf("read %d times, want %d", reads, tt.reads)
				}
				if after := began.Sub(last); after < 0 || after > tt.last {
					t.Errorf("the last look begins %s after the last change, want %s at most", after, tt.last)
				}
				if busy -= tt.takes; busy > passed/2 {
					t.Errorf("%s of %s were spent on it", busy, passed)
				}
			})
		})
	}
}

// The same with files: what is there in the end is shown, in far fewer generations than there were changes.
func TestLive_SettlesAfterAStorm(t *testing.T) {
	const folders, touches = 50, 100
	var files []string
	for i := range folders {
		files = append(files, library(fmt.Sprintf("notes%02d", i)))
	}
	in := newInstallation(t, files...)
	in.live()
	first := in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find("notes49"); return e.Status == catalog.NotInstalled })
	began := time.Now()
	for round := range touches {
		for i := range folders {
			id := fmt.Sprintf("notes%02d", i)
			text := strings.Replace(manifestOf(id), "The "+id, fmt.Sprintf("Round %02d", round), 1)
			in.must(os.WriteFile(in.path("data/extensions-library/"+id+"/manifest.yaml"), []byte(text), 0o644))
		}
	}
	took := time.Since(began)
	last := in.await(func(s *catalog.Snapshot) bool {
		for i := range folders {
			if e, _ := s.Find(fmt.Sprintf("notes%02d", i)); e.Name != fmt.Sprintf("Round %02d", touches-1) {
				return false
			}
		}
		return true
	})
	// Each look waits for 20 ms at least; ratings and what the agent says come beside.
	if most := uint64(took/(20*time.Millisecond)) + 20; last.Generation-first.Generation > most {
		t.Errorf("%d generations within %s, want %d at most", last.Generation-first.Generation, took, most)
	}
}
