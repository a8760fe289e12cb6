package gpu

import (
	"context"
	"sync"
	"time"
)

const (
	// Fresh is how long a look counts: whoever asks within that time gets the same facts, and nothing is read.
	Fresh = 3 * time.Second
	// lookLimit is how long a look may take. It goes on when who asked for it is gone, so that a driver that takes ten
	// seconds to wake up is known to the next one.
	lookLimit = 15 * time.Second
	// closeWait is how long Close waits for a look. Whoever reads a file of a driver that hangs cannot be interrupted.
	closeWait = time.Second
)

// Reader looks at a machine for many who ask: once at a time, and not more often than every three seconds. It is safe
// for concurrent use.
type Reader struct {
	look   func(context.Context) Facts
	now    func() time.Time
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	facts   Facts
	expires time.Time
	looking chan struct{} // closed when the look in progress ends; nil without one
}

// NewReader reads m. [Reader.Close] ends it.
func NewReader(m *Machine) *Reader { return newReader(m.Look, time.Now) }

func newReader(look func(context.Context) Facts, now func() time.Time) *Reader {
	r := &Reader{look: look, now: now, facts: Facts{Devices: []Device{}}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Read is what shows now, or did within the last three seconds. When ctx ends before a look does it is what was known
// before, as [Facts.At] says, which is zero when nothing was. Callers share the facts and do not change them.
func (r *Reader) Read(ctx context.Context) Facts {
	r.mu.Lock()
	if r.now().Before(r.expires) || r.ctx.Err() != nil {
		defer r.mu.Unlock()
		return r.facts
	}
	if r.looking == nil {
		r.looking = make(chan struct{})
		go r.update(r.looking)
	}
	looking := r.looking
	r.mu.Unlock()
	select {
	case <-looking:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.facts
}

func (r *Reader) update(done chan struct{}) {
	ctx, cancel := context.WithTimeout(r.ctx, lookLimit)
	defer cancel()
	facts := r.look(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.facts, r.expires, r.looking = facts, r.now().Add(Fresh), nil
	close(done)
}

// Close ends a look in progress. Read then answers what was known.
func (r *Reader) Close() {
	r.cancel()
	r.mu.Lock()
	looking := r.looking
	r.mu.Unlock()
	if looking == nil {
		return
	}
	limit := time.NewTimer(closeWait)
	defer limit.Stop()
	select {
	case <-looking:
	case <-limit.C:
	}
}
