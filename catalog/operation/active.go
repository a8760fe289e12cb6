package operation

import (
	"sync"
	"sync/atomic"
	"time"
)

// How often the small steps of a change are told and written; what is more than that at once.
const (
	tellEvery  = 250 * time.Millisecond
	writeEvery = time.Second
)

// Active is an operation that this program makes. Take may be called by several goroutines; End ends it, once.
type Active struct {
	id        string
	history   *History
	cancel    func()
	done      chan struct{}
	cancelled atomic.Pointer[string] // who has it cancelled
	result    Result                 // both are set before done is closed
	err       error

	mu      sync.Mutex
	tracker Tracker
	entry   *entry
	file    file
	watch   stopwatch
	told    time.Duration // since the start
	written time.Duration
	later   *time.Timer // catches up with what was not told or written at once
	ended   bool

	untold, unwritten bool // what was shown last
}

// Options are what an operation begins with.
type Options struct {
	ID            string // of [NewID]
	Kind          Kind
	Extension     string
	Actor         string
	Parent        string
	Key, Request  string // of a retry, see [History.Retried]
	Cancel        func() // ends the work; it is called at most a few times
	WithoutRecord bool   // go on when the disk does not take the record
}

// Begin records an operation.
func (h *History) Begin(s Options) (*Active, error) {
	watch := newStopwatch()
	o := Operation{ID: s.ID, Kind: s.Kind, Extension: s.Extension, Actor: s.Actor, State: Running, Parent: s.Parent, Started: watch.started, Stages: []Stage{}}
	a := &Active{
		id: s.ID, history: h, cancel: s.Cancel, done: make(chan struct{}), tracker: Tracker{Operation: o},
		entry: &entry{record: record{Operation: o, Key: s.Key, Request: s.Request}}, file: file{store: h.store}, watch: watch,
	}
	a.entry.own = a
	if err := a.file.write(a.entry.record, true); err != nil && !s.WithoutRecord {
		a.file.close()
		return nil, err
	}
	_ = h.store.prune() // what cannot be removed keeps nobody from changing anything
	h.mu.Lock()
	h.known[s.ID] = a.entry
	h.mu.Unlock()
	h.tell(o, true)
	return a, nil
}

// ID is the operation's.
func (a *Active) ID() string { return a.id }

// Take notes a step.
func (a *Active) Take(p Progress) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed, milestone := a.tracker.Take(p, a.watch.now())
	if !changed {
		return
	}
	a.untold, a.unwritten = true, true
	a.publish(milestone)
}

// publish shows what the tracker has, and tells and writes it where that is due; what is not is caught up with later, so that
// the last step before a pause is not kept back until something else happens. The caller holds the lock.
func (a *Active) publish(milestone bool) {
	passed := a.watch.elapsed()
	tell := a.untold && (milestone || passed-a.told >= tellEvery)
	write := a.unwritten && (milestone || passed-a.written >= writeEvery)
	a.show(milestone, tell, write, passed)
	if a.later != nil {
		a.later.Stop()
		a.later = nil
	}
	switch {
	case a.untold:
		a.later = time.AfterFunc(a.told+tellEvery-passed, a.catchUp)
	case a.unwritten:
		a.later = time.AfterFunc(a.written+writeEvery-passed, a.catchUp)
	}
}

// catchUp tells, and then writes, what was kept back.
func (a *Active) catchUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.publish(false)
	}
}

// show publishes what the tracker has. The caller holds the lock.
func (a *Active) show(milestone, tell, write bool, passed time.Duration) {
	o := a.tracker.Operation
	o.Stages = append([]Stage{}, o.Stages...) // the tracker's goes on changing
	a.history.mu.Lock()
	a.entry.Operation = o
	r := a.entry.record
	a.history.mu.Unlock()
	if tell {
		a.told, a.untold = passed, false
		a.history.tell(o, milestone)
	}
	if write {
		a.written, a.unwritten = passed, false
		_ = a.file.write(r, false) // the next one may succeed; the end is what counts
	}
}

// CancelAsked reports whether another program wants the operation cancelled.
func (a *Active) CancelAsked() bool { return a.history.store.CancelAsked(a.ID()) }

// End ends the operation in state. release lets go of what others wait for: it is called when the record is on disk and
// before anybody is told. The error is that of the record's last write: the change is what it is.
func (a *Active) End(state State, r *Result, err error, release func()) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.later != nil {
		a.later.Stop()
	}
	a.tracker.Finish(state, r, err, a.watch.now())
	if state == Cancelled {
		if by := a.cancelled.Load(); by != nil {
			a.tracker.Cancelled = *by
		} else {
			a.tracker.Cancelled = a.history.store.cancelledBy(a.id)
		}
	}
	o := a.tracker.Operation
	a.history.mu.Lock()
	a.entry.Operation = o
	rec := a.entry.record
	a.history.mu.Unlock()
	werr := a.file.write(rec, true)
	a.file.close()
	a.history.store.forgetCancel(rec.ID)
	release()
	a.history.mu.Lock()
	a.entry.kept = werr != nil
	a.entry.own = nil // from here on the file is what counts
	a.history.mu.Unlock()
	a.history.tell(o, true)
	if r != nil {
		a.result = *r
	}
	a.err = err
	close(a.done)
	return werr
}
