package catalog

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"dreamserver/catalog/health"
	"dreamserver/config"
)

// fares is how the services fared last. The zero value knows nothing.
type fares struct {
	states atomic.Pointer[map[string]health.State]
	prober atomic.Pointer[health.Prober] // at work; else nil
}

// tell puts what is known into an enabled extension. Docker's own word stays where nobody asks the service.
func (f *fares) tell(e *Entry) {
	states := f.states.Load()
	if states == nil || e.Status != Enabled {
		return
	}
	if s, ok := (*states)[e.ID]; ok {
		e.Runtime.Health, e.Runtime.HealthSince, e.Runtime.HealthReason = string(s.Status), s.Since, s.Reason
	}
}

// ProbeTimes are how long each enabled service took to answer its last probe, by id. Those that did not answer, or were not
// asked, are left out. It is empty where [Manager.Live] does not run.
func (m *Manager) ProbeTimes() map[string]time.Duration {
	times := map[string]time.Duration{}
	if p := m.live.health.prober.Load(); p != nil {
		for id, s := range p.States() {
			if s.ResponseTime > 0 {
				times[id] = s.ResponseTime
			}
		}
	}
	return times
}

// probeServices asks the enabled services how they fare, in the background, and has the snapshot say so.
func (m *Manager) probeServices(ctx context.Context) {
	p := health.New(health.Options{Host: m.agent})
	m.live.health.prober.Store(p)
	defer m.live.health.prober.Store(nil)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer m.live.health.states.Store(nil)
	parts.Go(func() { p.Run(ctx) })
	parts.Go(func() { m.aimProbes(ctx, p) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Changes():
			pause(ctx, settle)
			states := p.States()
			m.live.health.states.Store(&states)
			m.publish()
		}
	}
}

// aimProbes tells the prober which services there are, and what their containers do, after each change.
func (m *Manager) aimProbes(ctx context.Context, p *health.Prober) {
	inside := insideContainer(m.settings)
	for generation := uint64(0); ; {
		s, err := m.Await(ctx, generation)
		if err != nil {
			return // it is the end
		}
		generation = s.Generation
		run := m.runtime.Load()
		targets := []health.Target{}
		for _, e := range s.Entries {
			if e.Status != Enabled || e.service == nil || e.Problem != "" {
				continue
			}
			targets = append(targets, health.Facts{
				Service: *e.service, Desired: health.On, Containers: e.Runtime.Containers,
				Known: run.known && run.agent.Available && run.agent.Docker == "", Env: m.settings.Env, Inside: inside,
			}.Target())
		}
		p.Set(targets)
	}
}

// insideContainer reports whether this program runs on the services' network: there it listens for other containers,
// and on the host on loopback alone.
func insideContainer(s config.Settings) bool {
	ip := net.ParseIP(s.APIHost)
	return ip != nil && !ip.IsLoopback()
}
