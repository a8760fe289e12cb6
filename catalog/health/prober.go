package health

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Options are how a [Prober] works. The zero value is ready.
type Options struct {
	// Interval is the pause between two probes of a healthy service; 0 means 10 s.
	Interval time.Duration
	// MaxInterval is the longest pause, reached while a service stays down; 0 means 1 min.
	MaxInterval time.Duration
	// Concurrent is how many services are probed at the same time; 0 means 64.
	Concurrent int
	// Grace is how long a container that has no healthcheck may take until it answers; 0 means 1 min.
	Grace time.Duration
	// Host is asked for programs of the host; nil when there is nobody to ask.
	Host Host
}

func (o Options) withDefaults() Options {
	if o.Interval <= 0 {
		o.Interval = 10 * time.Second
	}
	if o.MaxInterval <= 0 {
		o.MaxInterval = time.Minute
	}
	o.MaxInterval = max(o.MaxInterval, o.Interval)
	if o.Concurrent <= 0 {
		o.Concurrent = 64
	}
	if o.Grace <= 0 {
		o.Grace = time.Minute
	}
	return o
}

// Prober keeps the state of a set of services, and asks them. It is safe for concurrent use. Its goroutines, one for
// each service, belong to [Prober.Run].
type Prober struct {
	opts    Options
	client  *http.Client
	slots   chan struct{} // one for each probe in progress
	changes chan struct{} // capacity 1
	group   sync.WaitGroup

	mu      sync.Mutex
	watched map[string]*watched
	begin   func(*watched) // starts a goroutine; nil before Run, and after
	ran     bool
}

// New makes a prober without targets.
func New(o Options) *Prober { return newProber(o, newTransport()) }

func newProber(o Options, t http.RoundTripper) *Prober {
	o = o.withDefaults()
	return &Prober{
		opts: o, client: newClient(t), slots: make(chan struct{}, o.Concurrent), changes: make(chan struct{}, 1),
		watched: map[string]*watched{},
	}
}

// Run probes the targets until ctx ends, and returns when the last probe has. It can be called once.
func (p *Prober) Run(ctx context.Context) {
	p.mu.Lock()
	if p.ran {
		p.mu.Unlock()
		panic("health: Prober.Run is called twice")
	}
	p.ran = true
	p.begin = func(w *watched) { p.group.Go(func() { p.watch(ctx, w) }) }
	for _, w := range p.watched {
		p.begin(w)
	}
	p.mu.Unlock()

	<-ctx.Done()
	p.mu.Lock()
	p.begin = nil // from here on nobody joins the group
	p.mu.Unlock()
	p.group.Wait()
	p.client.CloseIdleConnections()
}

// Set replaces the targets. What is known of them is judged at once; a target that is new, or whose container or
// address changed, is probed at once, and a probe of what it was before is given up. Of several targets with one id
// the last counts. The prober keeps the targets; the caller does not change them afterwards.
func (p *Prober) Set(targets []Target) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := make(map[string]bool, len(targets))
	changed := false
	for _, t := range targets {
		keep[t.ID] = true
		w, known := p.watched[t.ID]
		if !known {
			w = &watched{nudged: make(chan struct{}, 1), gone: true}
			p.watched[t.ID] = w
			if p.begin != nil {
				p.begin(w)
			}
		}
		changed = p.update(w, t, now) || changed
	}
	for id, w := range p.watched {
		if keep[id] {
			continue
		}
		if !w.gone {
			changed = true
			w.leave()
		}
		if p.begin == nil { // no goroutine will take it out
			delete(p.watched, id)
		}
	}
	if changed {
		p.tell()
	}
}

// Nudge has the service probed as soon as possible: now, or when the probe in progress ends. Unknown ids are ignored.
func (p *Prober) Nudge(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.watched[id]; w != nil {
		w.nudge()
	}
}

// States are the states of all targets by id. The map is the caller's.
func (p *Prober) States() map[string]State {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]State, len(p.watched))
	for id, w := range p.watched {
		if !w.gone {
			out[id] = w.state
		}
	}
	return out
}

// Changes gets a value after a status or a reason has changed, or a target came or went: then it is time to look at
// [Prober.States] again. Changes that come before anybody looks are one value, so that nobody is waited for. It is for
// one reader.
func (p *Prober) Changes() <-chan struct{} { return p.changes }

func (p *Prober) tell() {
	select {
	case p.changes <- struct{}{}:
	default:
	}
}
