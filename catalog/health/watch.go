package health

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// watched is one target and what came of it. Its fields are guarded by the prober's lock. It has one goroutine, which
// alone probes: a target that goes and comes back is probed by the same.
type watched struct {
	nudged chan struct{} // capacity 1

	target Target
	result Result
	state  State
	gone   bool // not a target any more; its goroutine takes it out

	run      int                // counts the runs of its container: a result of another run is thrown away
	started  time.Time          // when this run began, if that was seen; otherwise zero
	answered bool               // in this run
	bad      int                // results in a row that were
	abort    context.CancelFunc // ends the probe in progress; nil when there is none
}

func (w *watched) nudge() {
	select {
	case w.nudged <- struct{}{}:
	default:
	}
}

// restart forgets what was found out, and gives up finding out more of it.
func (w *watched) restart() {
	w.run++
	w.result, w.answered, w.bad = Result{Outcome: Pending}, false, 0
	w.state.ResponseTime, w.state.Checked = 0, time.Time{}
	if w.abort != nil {
		w.abort()
	}
	w.nudge()
}

func (w *watched) leave() {
	w.gone = true
	w.state = State{}
	w.restart()
}

// update takes over what is known of a target now, and reports whether its state changed. The caller holds the lock.
func (p *Prober) update(w *watched, t Target, now time.Time) bool {
	before, came := w.target, w.gone
	t.Timeout = cmp.Or(t.Timeout, 5*time.Second)
	w.target, w.gone = t, false
	switch {
	case came || !before.sameRun(&t):
		w.restart()
		w.started = time.Time{}
		if !came && before.Known && t.runs() && (!before.runs() || before.Container.ID != t.Container.ID) {
			w.started = now
		}
	case before.Known != t.Known || before.check() != t.check():
		w.nudge() // it is judged by a fresh result
	}
	if t.OnHost && p.opts.Host == nil {
		w.result = Result{Outcome: NoProbe, Words: noHost}
	}
	return p.judge(w, now) || came
}

// judge brings the state up to date, and reports whether its status or reason changed. The caller holds the lock.
func (p *Prober) judge(w *watched, now time.Time) bool {
	before := w.state
	w.state = before.become(Judge(w.target, w.result, p.young(w, now)), now)
	return before.Status != w.state.Status || before.Reason != w.state.Reason
}

// young reports whether the container runs for less than the grace period and the service has not answered since. A
// start in the future is one before the clock was set back, and may be of any age.
func (p *Prober) young(w *watched, now time.Time) bool {
	if w.answered || !w.target.runs() {
		return false
	}
	started := w.target.Container.StartedAt
	if started.IsZero() {
		started = w.started
	}
	age := now.Sub(started)
	return !started.IsZero() && age >= 0 && age < p.opts.Grace
}

// watch probes one target, again and again, until ctx ends or the target is gone.
func (p *Prober) watch(ctx context.Context, w *watched) {
	timer := time.NewTimer(math.MaxInt64) // what is new has been nudged
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.nudged:
			if early := minGap - time.Since(last); early > 0 {
				timer.Reset(early)
				continue
			}
		}
		p.mu.Lock()
		if w.gone {
			delete(p.watched, w.target.ID)
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		last = time.Now()
		if again, ok := p.probe(ctx, w); ok {
			timer.Reset(again)
		} else {
			timer.Stop() // nothing to ask until somebody nudges
		}
	}
}

// probe asks the target once, if it can be asked, and says when to ask again.
func (p *Prober) probe(ctx context.Context, w *watched) (again time.Duration, ok bool) {
	p.mu.Lock()
	t, run := w.target, w.run
	if !t.asks() || t.OnHost && p.opts.Host == nil {
		p.mu.Unlock()
		return 0, false
	}
	ctx, w.abort = context.WithCancel(ctx)
	defer w.abort()
	p.mu.Unlock()

	result := p.ask(ctx, t)

	p.mu.Lock()
	defer p.mu.Unlock()
	if w.run != run || ctx.Err() != nil {
		return minGap, true // whoever changed it has nudged as well
	}
	now := time.Now()
	result.At = now
	w.result = result
	w.answered = w.answered || result.Outcome == Answered
	w.state.ResponseTime, w.state.Checked = result.Took, now
	if p.judge(w, now) {
		p.tell()
	}
	starting := w.state.Status == Starting
	if starting || w.state.Status == Healthy || result.Outcome == Answered {
		w.bad = 0
	} else {
		w.bad++
	}
	return p.opts.pause(starting, w.bad, rand.Float64()), true //nolint:gosec // spreads probes, keeps no secret
}

// ask waits for its turn, and asks.
func (p *Prober) ask(ctx context.Context, t Target) Result {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Result{Outcome: Unable}
	}
	if t.OnHost {
		return askHost(ctx, p.opts.Host, t)
	}
	return askHTTP(ctx, p.client, t)
}
