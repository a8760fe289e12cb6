package catalog

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// live is the snapshot that readers share, and what keeps it up to date.
type live struct {
	current   atomic.Pointer[Snapshot] // nil while nobody keeps it
	mu        sync.Mutex               // one publisher at a time
	next      chan struct{}            // closed when current is replaced; made by who waits first
	unrated   chan struct{}            // extensions wait to be judged
	going     chan struct{}            // a change has begun or ended
	health    fares
	machine   atomic.Pointer[Machine] // nil until the agent was asked
	telemetry atomic.Pointer[Telemetry]
	resources onDemand[Resources]
	storage   onDemand[storageSample]
}

// How long the parts of [Manager.Live] wait.
const (
	rescan    = 30 * time.Second // between looks at files and containers that no event asked for
	ping      = 2 * time.Second  // between questions whether the agent is there
	reconnect = time.Second      // after the agent's events ended
)

// Live keeps the snapshot up to date until ctx ends: when a file changes, whoever changed it; when a container does;
// when the agent comes or goes. What no event tells is found by a slow look at everything.
func (m *Manager) Live(ctx context.Context) {
	m.rememberOperations()
	m.live.mu.Lock()
	m.live.replace(m.read())
	m.live.mu.Unlock()
	poke(m.live.unrated)
	defer m.live.current.Store(nil)

	var parts sync.WaitGroup
	defer parts.Wait()
	changed := make(chan struct{}, 1)
	recorded := make(chan struct{}, 1)
	parts.Go(func() { m.watchFiles(ctx, changed, recorded) })
	parts.Go(func() { whenQuiet(ctx, changed, m.publish) })
	parts.Go(func() { whenQuiet(ctx, recorded, m.rememberOperations) })
	parts.Go(func() { m.followAgent(ctx) })
	parts.Go(func() { m.rateFolders(ctx) })
	parts.Go(func() { m.probeServices(ctx) })
	parts.Go(func() { m.watchMachine(ctx) })
	parts.Go(func() { m.live.resources.keep(ctx, m.sampleResources) })
	parts.Go(func() { m.live.storage.keep(ctx, m.sampleStorage) })
	tick := time.NewTicker(rescan)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.Refresh(ctx)
			m.rememberOperations()
			m.endForgotten()
		case <-m.live.going:
			m.publish()
		}
	}
}

// publish looks at what was touched and gives what has changed to the readers. Where nobody keeps the snapshot, it does nothing.
func (m *Manager) publish() {
	if m.live.current.Load() == nil {
		return
	}
	m.live.mu.Lock()
	defer m.live.mu.Unlock()
	before := m.live.current.Load()
	next, unrated := m.readRated(0)
	if len(unrated) > 0 {
		poke(m.live.unrated)
	}
	if before == nil || same(before, next) {
		return
	}
	m.live.replace(next)
	m.news.tellChange(before, next)
}

// rateFolders judges what nobody has judged yet, some at a time: readers have to wait for none of it.
func (m *Manager) rateFolders(ctx context.Context) {
	atOnce := judgedAtOnce
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.live.unrated:
			_, left := m.readRated(atOnce)
			if len(left) > 0 {
				poke(m.live.unrated)
			}
			atOnce = max(judgedAtOnce, len(left)/8)
			m.publish()
		}
	}
}

// judgedAtOnce is how many extensions are judged before the next snapshot has their ratings. Of many that wait it is
// more: each snapshot looks at all folders.
const judgedAtOnce = 25

// Await waits for a snapshot that is newer than the generation. It is for who follows changes while [Manager.Live] runs;
// the error is that of ctx.
func (m *Manager) Await(ctx context.Context, generation uint64) (*Snapshot, error) {
	for {
		m.live.mu.Lock()
		s := m.live.current.Load()
		if m.live.next == nil {
			m.live.next = make(chan struct{})
		}
		next := m.live.next
		m.live.mu.Unlock()
		if s != nil && s.Generation > generation {
			return s, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// replace gives the snapshot its generation and tells who waits for it. The caller holds the lock.
func (l *live) replace(s *Snapshot) {
	s.Generation = 1
	if before := l.current.Load(); before != nil {
		s.Generation = before.Generation + 1
	}
	l.current.Store(s)
	if l.next != nil {
		close(l.next)
		l.next = nil
	}
}

// same reports whether no reader could tell the two apart.
func same(a, b *Snapshot) bool {
	x, y := *a, *b
	x.Generation, y.Generation = 0, 0
	return reflect.DeepEqual(x, y)
}

// followAgent keeps what is known of the containers. The agent's events say when to ask; each connection begins with the
// whole state, asked for when events are heard already, so that nothing is missed between two. An agent that hangs sends no events, so it is asked whether it
// is there.
func (m *Manager) followAgent(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { m.pingAgent(ctx) })
	for ctx.Err() == nil {
		m.refresh(ctx)
		events := make(chan struct{}, 1)
		listening, cancel := context.WithCancel(ctx)
		var refreshing sync.WaitGroup
		refreshing.Go(func() { m.refreshOn(listening, events) })
		err := m.agent.Follow(listening, func() { poke(events) })
		cancel()
		refreshing.Wait()
		if err != nil && ctx.Err() == nil {
			m.log.Debug().Err(err).Msg("the agent's events ended")
		}
		pause(ctx, reconnect)
	}
}

// refreshOn asks for the containers at an event, and once more for those that come meanwhile.
func (m *Manager) refreshOn(ctx context.Context, events <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			m.refresh(ctx)
			pause(ctx, settle)
		}
	}
}

// pingAgent finds that the agent hangs, or that it is another one now.
func (m *Manager) pingAgent(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, ping)
		asked, cancel := context.WithTimeout(ctx, askTimeout)
		status, err := m.agent.Ping(asked)
		cancel()
		if known := m.runtime.Load().agent; ctx.Err() == nil && ((err == nil) != known.Available || err == nil && status != known) {
			m.refresh(ctx)
		}
	}
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody has poked already
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
