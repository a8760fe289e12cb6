package catalog_test

import (
	"context"
	"iter"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// fakeAgent is a host agent whose every answer can be replaced. Without one, all is well and what is started runs.
type fakeAgent struct {
	ping       func() (catalog.AgentStatus, error)
	check      func(id string, library bool) error
	start      func(id string) (catalog.Report, error)
	progress   func(on func(operation.Progress)) // of a start
	stop       func(id string) error
	remove     func(id string) error
	setBuiltin func(id string, enabled bool) error
	containers func() (catalog.State, error)
	machine    func() (catalog.HostFacts, error)
	stats      func() (catalog.Stats, error)
	compared   func() (catalog.Drift, error)
	storage    func() (catalog.Storage, error)
	unit       func(id string) (health.Unit, error)
	ports      func(ports []int) (catalog.PortUses, error)
	follow     func(ctx context.Context, on func()) error
	config     catalog.Config
	configure  func(id string, change catalog.ConfigChange) (catalog.ConfigResult, error)

	asks, given []manifest.Grant // what an extension asks for; what the last start brought
	judged      string           // digest of the files that were judged
	plan        string           // that the last start brought
	planned     catalog.Plan     // the answer to who asks for one

	changed []catalog.ConfigChange // what was asked for

	hears func(verb string, part operation.Kind) // of what a call is part
}

func (a *fakeAgent) hear(ctx context.Context, verb string) {
	if a.hears != nil {
		a.hears(verb, catalog.ChangeOf(ctx))
	}
}

var errAway = problem.Newf(problem.AgentNoSocket, "the host agent is not running: start it")

// goAway makes every call fail with err.
func (a *fakeAgent) goAway(err error) {
	*a = fakeAgent{
		ping:       func() (catalog.AgentStatus, error) { return catalog.AgentStatus{}, err },
		check:      func(string, bool) error { return err },
		start:      func(string) (catalog.Report, error) { return catalog.Report{}, err },
		stop:       func(string) error { return err },
		remove:     func(string) error { return err },
		setBuiltin: func(string, bool) error { return err },
		containers: func() (catalog.State, error) { return catalog.State{}, err },
		configure:  func(string, catalog.ConfigChange) (catalog.ConfigResult, error) { return catalog.ConfigResult{}, err },
	}
}

func (a *fakeAgent) Ping(context.Context) (catalog.AgentStatus, error) {
	if a.ping != nil {
		return a.ping()
	}
	return catalog.AgentStatus{Available: true, Version: "2.1.0"}, nil
}

func (a *fakeAgent) Check(ctx context.Context, id string, library bool) (catalog.Verdict, error) {
	a.hear(ctx, "check")
	if a.check != nil {
		return catalog.Verdict{}, a.check(id, library)
	}
	return a.verdict(id), nil
}

func (a *fakeAgent) verdict(id string) catalog.Verdict {
	return catalog.Verdict{
		Verdict:   security.Verdict{ID: id, Verdict: security.Accepted, Rating: security.BestRating, Grants: a.asks},
		Ungranted: a.asks, Digest: a.judged,
	}
}

func (a *fakeAgent) Plan(ctx context.Context, req catalog.PlanRequest) (catalog.Plan, error) {
	a.hear(ctx, "plan")
	p := a.planned
	p.ID = req.ID
	return p, nil
}

func (a *fakeAgent) Start(ctx context.Context, id string, with catalog.Starting, on func(operation.Progress)) (catalog.Report, error) {
	a.hear(ctx, "start")
	if a.progress != nil {
		a.progress(on)
	}
	a.given, a.plan = with.Grants, with.Plan
	if a.start != nil {
		return a.start(id)
	}
	return catalog.Report{ID: id}, nil
}

func (a *fakeAgent) Stop(_ context.Context, id string) error {
	if a.stop != nil {
		return a.stop(id)
	}
	return nil
}

func (a *fakeAgent) Restart(ctx context.Context, id string, on func(operation.Progress)) (catalog.Report, error) {
	return a.Start(ctx, id, catalog.Starting{}, on)
}

func (a *fakeAgent) Remove(_ context.Context, id string) error {
	if a.remove != nil {
		return a.remove(id)
	}
	return nil
}

func (a *fakeAgent) SetBuiltin(_ context.Context, id string, enabled bool) error {
	if a.setBuiltin != nil {
		return a.setBuiltin(id, enabled)
	}
	return nil
}

func (a *fakeAgent) Containers(context.Context) (catalog.State, error) {
	if a.containers != nil {
		return a.containers()
	}
	return catalog.State{}, nil
}

// Machine tells nothing where no test needs it: then no snapshot changes for it.
func (a *fakeAgent) Machine(context.Context) (catalog.HostFacts, error) {
	if a.machine != nil {
		return a.machine()
	}
	return catalog.HostFacts{}, errAway
}

func (a *fakeAgent) Host(ctx context.Context) (catalog.HostFacts, error) { return a.Machine(ctx) }

func (a *fakeAgent) Drift(context.Context) (catalog.Drift, error) {
	if a.compared != nil {
		return a.compared()
	}
	return catalog.Drift{}, errAway
}

func (a *fakeAgent) Stats(context.Context) (catalog.Stats, error) {
	if a.stats != nil {
		return a.stats()
	}
	return catalog.Stats{}, errAway
}

func (a *fakeAgent) Ports(_ context.Context, ports []int) (catalog.PortUses, error) {
	if a.ports != nil {
		return a.ports(ports)
	}
	return catalog.PortUses{}, errAway
}

func (a *fakeAgent) Storage(context.Context) (catalog.Storage, error) {
	if a.storage != nil {
		return a.storage()
	}
	return catalog.Storage{}, errAway
}

func (a *fakeAgent) Unit(_ context.Context, id string) (health.Unit, error) {
	if a.unit != nil {
		return a.unit(id)
	}
	return health.Unit{}, errAway
}

func (a *fakeAgent) Config(ctx context.Context, _ string) (catalog.Config, error) {
	_, err := a.Ping(ctx)
	return a.config, err
}

func (a *fakeAgent) Configure(_ context.Context, id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
	a.changed = append(a.changed, change)
	if a.configure != nil {
		return a.configure(id, change)
	}
	return catalog.ConfigResult{Config: a.config, Changed: change.Keys()}, nil
}

func (a *fakeAgent) Follow(ctx context.Context, on func()) error {
	if a.follow != nil {
		return a.follow(ctx, on)
	}
	<-ctx.Done()
	return ctx.Err()
}

func (a *fakeAgent) Logs(_ context.Context, id string, tail int) (catalog.Logs, error) {
	return catalog.Logs{ServiceID: id, Logs: "a line\n", Lines: min(1, tail)}, nil
}

// has makes the agent list these containers.
func (a *fakeAgent) has(containers ...compose.Container) {
	a.containers = func() (catalog.State, error) { return catalog.State{Containers: containers}, nil }
}

// FollowLogs gives one line.
func (a *fakeAgent) FollowLogs(_ context.Context, id string, _ catalog.LogQuery) (iter.Seq2[catalog.LogLine, error], error) {
	return func(yield func(catalog.LogLine, error) bool) {
		yield(catalog.LogLine{Service: id, Text: "a line"}, nil)
	}, nil
}
