package catalog

import (
	"context"
	"sync"
	"time"
)

const (
	// keepAsked is how long something is sampled after the last question, so that an idle machine does no work.
	keepAsked = time.Minute
	// firstWait is how long a question waits for the first sample.
	firstWait = 3 * time.Second
)

// onDemand is something that is sampled while somebody asks for it. The zero value is ready, and knows nothing.
type onDemand[T any] struct {
	mu     sync.Mutex
	last   *T
	filled chan struct{} // closed when last is set; nil when nobody waits
	asked  chan struct{} // capacity 1
}

// get is the last sample. Where there is none yet, it waits a little for the first; nil when that does not come.
func (d *onDemand[T]) get(ctx context.Context) *T {
	poke(d.wake())
	d.mu.Lock()
	last := d.last
	if last == nil && d.filled == nil {
		d.filled = make(chan struct{})
	}
	filled := d.filled
	d.mu.Unlock()
	if last != nil {
		return last
	}
	late := time.NewTimer(firstWait)
	defer late.Stop()
	select {
	case <-filled:
	case <-late.C:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *onDemand[T]) set(sample *T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = sample
	if sample != nil && d.filled != nil {
		close(d.filled)
		d.filled = nil
	}
}

func (d *onDemand[T]) wake() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = make(chan struct{}, 1)
	}
	return d.asked
}

// keep samples until ctx ends. sample gets what there was before, nil the first time, and says how long to wait for the
// next. What nobody asks for is forgotten: whoever asks next gets none that is old.
func (d *onDemand[T]) keep(ctx context.Context, sample func(ctx context.Context, before *T) (*T, time.Duration)) {
	defer d.set(nil)
	asked := d.wake()
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		var last *T
		idle := time.NewTimer(keepAsked)
		for wanted := true; wanted; {
			var wait time.Duration
			if last, wait = sample(ctx, last); ctx.Err() != nil {
				return
			}
			d.set(last)
			wanted = awaitNext(ctx, wait, idle, asked)
		}
		idle.Stop()
		d.set(nil)
	}
}

// awaitNext waits until it is time for the next sample, and reports whether anybody wants it.
func awaitNext(ctx context.Context, wait time.Duration, idle *time.Timer, asked <-chan struct{}) bool {
	next := time.NewTimer(wait)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-idle.C:
			return false
		case <-asked:
			idle.Reset(keepAsked)
		case <-next.C:
			return true
		}
	}
}
