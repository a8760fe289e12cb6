package operation

import (
	"time"

	"dreamserver/compose"
)

// Progress is one step of a change: it enters a stage, or something happens in it.
type Progress struct {
	Stage string         `json:"stage"`
	Event *compose.Event `json:"event,omitempty"`
}

// maxStages bounds a record: a change has a dozen stages, and a restart of many containers no more.
const maxStages = 64

// present is the time as a record keeps it.
func present() time.Time { return time.Now().UTC().Round(0) } // without what a file cannot have

// stopwatch tells the time within an operation. It goes on from the operation's start as time passes, so that a clock that
// is set meanwhile makes no stage last an hour, or end before it began.
type stopwatch struct {
	started time.Time // as the record keeps it
	began   time.Time // the same moment by a clock that nobody sets
}

func newStopwatch() stopwatch {
	now := time.Now()
	return stopwatch{now.UTC().Round(0), now}
}

func (w stopwatch) elapsed() time.Duration { return time.Since(w.began) }

func (w stopwatch) now() time.Time { return w.started.Add(w.elapsed()) }

// Tracker moves an operation on. It is a value of its owner: one goroutine at a time.
type Tracker struct {
	Operation
	pull Pull
}

// Take notes a step, at the time at, which is no earlier than what was noted before: a clock can be set back between two
// programs that note something. It reports whether a reader could tell the difference, and whether it is more than
// one of many small ones.
func (t *Tracker) Take(p Progress, at time.Time) (changed, milestone bool) {
	at = t.notBefore(at)
	if n := len(t.Stages); n == 0 || t.Stages[n-1].Name != p.Stage {
		if n >= maxStages {
			return false, false
		}
		t.closeStage(at)
		t.Stages = append(t.Stages, Stage{Name: p.Stage, Started: at})
		t.pull = Pull{}
		changed, milestone = true, true
	}
	if p.Event == nil {
		return changed, milestone
	}
	now := &t.Stages[len(t.Stages)-1]
	if t.pull.Add(*p.Event) {
		now.Bytes, now.Total, now.Percent = t.pull.Sum()
		changed = true
	}
	if detail := describe(*p.Event); now.Detail != detail {
		now.Detail, changed = detail, true
	}
	return changed, milestone
}

// Finish ends the operation in state, at the time at.
func (t *Tracker) Finish(state State, r *Result, err error, at time.Time) {
	at = t.notBefore(at)
	t.closeStage(at)
	t.State, t.Result, t.Error = state, r, NewFailure(err)
	if state.Ended() {
		t.Ended = at
	}
}

// notBefore is at, or when the last thing happened where that is later.
func (t *Tracker) notBefore(at time.Time) time.Time {
	last := t.Started
	if n := len(t.Stages); n > 0 {
		last = t.Stages[n-1].Started
		if ended := t.Stages[n-1].Ended; ended.After(last) {
			last = ended
		}
	}
	if at.Before(last) {
		return last
	}
	return at
}

func (t *Tracker) closeStage(at time.Time) {
	n := len(t.Stages)
	if n == 0 || !t.Stages[n-1].Ended.IsZero() {
		return
	}
	last := &t.Stages[n-1]
	last.Ended, last.Detail = at, ""
}
