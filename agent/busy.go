package agent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"dreamserver/internal/problem"
)

// errInterrupted is why a start ends early: somebody wants the extension, or everything, off.
var errInterrupted = errors.New("interrupted by a stop")

// busyTable allows one change to an extension at a time. Turning something off does not wait for its start: it
// ends it. The zero value is ready.
type busyTable struct {
	mu      sync.Mutex
	running map[string]*running // by id
	closed  string              // what keeps new changes out; empty when nothing does
}

// running is a change in progress.
type running struct {
	op     string
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when it has ended
}

// take claims the extension for op. A stop or a removal first ends a start that is in progress and waits for its
// end, at most until ctx ends, and a removal waits for a stop: who cancels a start of another program stops it, and that
// program removes what it made. Otherwise the error names the operation that has the extension.
func (b *busyTable) take(ctx context.Context, id, op string, cancel context.CancelCauseFunc) (release func(), err error) {
	for {
		release, other := b.tryTake(id, op, cancel)
		switch {
		case release != nil:
			return release, nil
		case other == nil:
			return nil, problem.Newf(problem.Busy, "%s is in progress: wait until it is done", b.closed)
		case turnsOff(op) && !turnsOff(other.op):
			other.cancel(errInterrupted)
		case op == "remove" && other.op == "stop":
		default:
			return nil, problem.Newf(problem.Busy, "%s%s is in progress: wait until it is done", of(id), other.op)
		}
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, problem.Newf(problem.Busy, "%s%s is in progress and does not end: try again", of(id), other.op)
		}
	}
}

// await waits until no start of the extension is in progress, at most until ctx ends: whoever wants it started joins.
func (b *busyTable) await(ctx context.Context, id string) {
	b.mu.Lock()
	other := b.running[id]
	b.mu.Unlock()
	if other == nil || turnsOff(other.op) {
		return
	}
	select {
	case <-other.done:
	case <-ctx.Done():
	}
}

// changing are the extensions of which a change is in progress.
func (b *busyTable) changing() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.running))
}

// tryTake returns the change that is in the way, or nil for both when the table is closed.
func (b *busyTable) tryTake(id, op string, cancel context.CancelCauseFunc) (release func(), other *running) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed != "" {
		return nil, nil
	}
	if other := b.running[id]; other != nil {
		return nil, other
	}
	if b.running == nil {
		b.running = map[string]*running{}
	}
	own := &running{op: op, cancel: cancel, done: make(chan struct{})}
	b.running[id] = own
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.running, id)
		close(own.done)
	}, nil
}

func turnsOff(op string) bool { return slices.Contains([]string{"stop", "remove", "down"}, op) }

// closeFor keeps new changes out for op, which is in the table itself, ends starts in progress, and waits until
// nothing else is in progress, at most until ctx ends.
func (b *busyTable) closeFor(ctx context.Context, op string) (open func(), err error) {
	b.mu.Lock()
	if b.closed != "" {
		defer b.mu.Unlock()
		return nil, problem.Newf(problem.Busy, "%s is in progress: wait until it is done", b.closed)
	}
	b.closed = op
	var others []*running
	for _, r := range b.running {
		if r.op == op {
			continue
		}
		others = append(others, r)
		if !turnsOff(r.op) {
			r.cancel(errInterrupted)
		}
	}
	b.mu.Unlock()
	open = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.closed = ""
	}
	for _, r := range others {
		select {
		case <-r.done:
		case <-ctx.Done():
			open()
			return nil, problem.Newf(problem.Busy, "%s is in progress and does not end: try again", r.op)
		}
	}
	return open, nil
}
