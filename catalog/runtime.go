package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// askTimeout bounds one look at the agent: readers want the last known answer soon rather than the best one late.
const askTimeout = 2 * time.Second

// runtimeState is what the agent said last.
type runtimeState struct {
	agent AgentStatus
	state State
	known bool // state was ever read
}

// Refresh asks the agent now and remembers the answer; the snapshot has it, and the files as they are, when it returns.
func (m *Manager) Refresh(ctx context.Context) {
	m.shelves.touchAll()
	m.refresh(ctx)
}

// refresh is Refresh after something has happened to containers: of the files, only those are looked at that are said to
// have changed.
func (m *Manager) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	next := &runtimeState{}
	status, err := m.agent.Ping(ctx)
	next.agent = status
	if err != nil {
		p := problem.As(err)
		next.agent = AgentStatus{Code: string(p.Code), Reason: p.Detail}
	} else if state, err := m.agent.Containers(ctx); err == nil {
		next.state, next.known = state, true
	} else {
		next.agent.Docker = problem.As(err).Detail
	}
	m.runtime.Store(next)
	m.publish()
}

// containersByOwner are the containers by the extension that their service belongs to. Only what is installed owns
// services: the library may hold a longer id that looks like one of them.
func (s *Snapshot) containersByOwner(all []compose.Container) map[string][]compose.Container {
	owned := map[string][]compose.Container{}
	for _, c := range all {
		if id := s.owner(c.Service); id != "" {
			owned[id] = append(owned[id], c)
		}
	}
	return owned
}

// owner is the installed extension whose service it is: as [compose.OwnsService] has it, the longest id that the name
// begins with; empty when it is none's.
func (s *Snapshot) owner(service string) string {
	for id := service; ; {
		if s.installed[id] {
			return id
		}
		i := strings.LastIndexByte(id, '-')
		if i < 0 {
			return ""
		}
		id = id[:i]
	}
}

// runtimeOf sums up the containers of an extension:
//
//	agent away               unknown
//	no container             not_deployed
//	any is broken            failed, or partial while others run
//	any is starting          starting
//	all run or are finished  running
//	none runs                stopped
func runtimeOf(e *Entry, run *runtimeState, own []compose.Container, pending string) Runtime {
	r := Runtime{State: "unknown", Pending: pending, Reason: run.agent.Reason}
	if !run.known {
		return r
	}
	r.Containers = own
	r.Reason = run.state.Failures[e.ID]
	if len(r.Containers) == 0 {
		r.State = "not_deployed"
		return r
	}
	up, starting := 0, 0
	var broken, paused []string
	for _, c := range r.Containers {
		switch {
		case e.Status == Enabled && isBroken(c, r.Reason != ""):
			broken = append(broken, c.Name+" is "+condition(c))
		case healthOf(c) == "starting":
			starting++
		case c.State == "running":
			up++
		case c.State == "paused":
			paused = append(paused, c.Name+" is "+condition(c))
		}
	}
	r.Health = worstHealth(r.Containers)
	for i, c := range r.Containers {
		r.Restarts += c.Restarts
		if i == 0 || c.Service == e.ID {
			r.StartedAt, r.Image = c.StartedAt, c.Image
		}
	}
	switch {
	case len(broken) > 0 && up > 0:
		r.State = "partial"
	case len(broken) > 0:
		r.State = "failed"
	case starting > 0:
		r.State = "starting"
	case up > 0:
		r.State = "running"
	default:
		r.State = "stopped"
	}
	switch {
	case r.Reason != "":
	case len(broken) > 0:
		r.Reason = strings.Join(broken, "; ")
	case r.State == "stopped": // nobody who looks at the extension alone would think of it
		r.Reason = strings.Join(paused, "; ")
	}
	return r
}

// isBroken reports whether a container of an enabled extension is not as it should be. One that exited by itself
// is told from one that was stopped by its code: a stop ends it with SIGTERM (143) or SIGKILL (137). One that was
// only created is broken when its start failed.
func isBroken(c compose.Container, startFailed bool) bool {
	switch c.State {
	case "restarting", "dead":
		return true
	case "exited":
		return !slices.Contains([]int{0, 137, 143}, c.ExitCode)
	case "created":
		return startFailed
	}
	return healthOf(c) == "unhealthy"
}

// condition is how a container is found, in words that end "dream-hello is".
func condition(c compose.Container) string {
	if c.State == "exited" {
		return fmt.Sprintf("exited (code %d)", c.ExitCode)
	}
	return cmp.Or(healthOf(c), c.State)
}

// healthOf is a container's health while it runs. Of one that was paused or has ended, Docker keeps the last.
func healthOf(c compose.Container) string {
	if c.State != "running" {
		return ""
	}
	return c.Health
}

// Up reports whether an enabled extension runs and is not unwell, as far as anybody knows. One that starts is: whether it
// becomes well is known soon. A program of the host has no containers, and while the agent is away nobody knows of any:
// then an answer of the service counts.
func (r Runtime) Up() bool {
	switch r.State {
	case "running", "starting":
		return !slices.Contains([]string{"unhealthy", "down", "not_deployed"}, r.Health)
	case "not_deployed", "unknown":
		return slices.Contains([]string{"healthy", "degraded"}, r.Health)
	}
	return false
}

func worstHealth(containers []compose.Container) string {
	for _, h := range []string{"unhealthy", "starting", "healthy"} {
		if slices.ContainsFunc(containers, func(c compose.Container) bool { return healthOf(c) == h }) {
			return h
		}
	}
	return ""
}
