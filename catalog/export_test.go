package catalog

import (
	"context"
	"time"
)

// OnDemand is onDemand of a number.
type OnDemand struct{ d onDemand[int] }

// Get is get.
func (o *OnDemand) Get(ctx context.Context) *int { return o.d.get(ctx) }

// Keep is keep.
func (o *OnDemand) Keep(ctx context.Context, sample func(context.Context, *int) (*int, time.Duration)) {
	o.d.keep(ctx, sample)
}

// Last is the sample that is kept.
func (o *OnDemand) Last() *int { return o.d.last }

// Tell tells those who listen.
func (m *Manager) Tell(t EventType, data any) { m.news.tell(t, data) }

// WhenQuiet is whenQuiet.
func WhenQuiet(ctx context.Context, changed <-chan struct{}, read func()) {
	whenQuiet(ctx, changed, read)
}

// Touched is touched.
type Touched struct{ t touched }

// Add is add; * is for everything.
func (t *Touched) Add(name string) {
	if name == "*" {
		t.t.addAll()
		return
	}
	t.t.add(name)
}

// Take is take.
func (t *Touched) Take() (names []string, everything bool) { return t.t.take() }

// MaxTouched is maxTouched.
const MaxTouched = maxTouched

// Touch notes that what is at the path is not what it was, as an event does.
func (m *Manager) Touch(path string) { m.shelves.touch(path) }

// Look is what the folders come to that were touched since the last look, with the others as they were.
func (m *Manager) Look() *Snapshot {
	s, _ := m.readRated(0)
	return s
}

// Same is same.
func Same(a, b *Snapshot) bool { return same(a, b) }
