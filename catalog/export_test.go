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
