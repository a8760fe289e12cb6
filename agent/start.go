package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const (
	settlePoll   = 100 * time.Millisecond
	rollbackTime = 15 * time.Second
	failureTail  = 10 // log lines in the answer of a failed start
)

// start is the verb: core services are refused.
func (s *Server) start(ctx context.Context, id string) (*catalog.Report, error) {
	w, err := s.world()
	if err != nil {
		return nil, err
	}
	w.close()
	if err := w.refuseCore(id); err != nil {
		return nil, err
	}
	return s.bringUp(ctx, id, s.opts.HealthWait, nil)
}

func (s *Server) restart(ctx context.Context, id string) (*catalog.Report, error) {
	if _, err := s.prepare(ctx, id, toRun); err != nil {
		return nil, err // what cannot be started again is not stopped
	}
	if _, err := s.stopExtension(ctx, id); err != nil {
		return nil, err
	}
	return s.start(ctx, id)
}

// bringUp starts the services of an extension or a core service, and what they depend on, and waits until it is
// known what became of them, at most for the time wait.
func (s *Server) bringUp(ctx context.Context, id string, wait time.Duration, on func(compose.Event)) (*catalog.Report, error) {
	report, err := s.tryUp(ctx, id, wait, on)
	switch {
	case err == nil:
		s.fails.clear(id)
	case !problem.HasCode(err, problem.DockerUnavailable):
		s.fails.set(id, problem.As(err).Detail)
	}
	return report, err
}

func (s *Server) tryUp(ctx context.Context, id string, wait time.Duration, on func(compose.Event)) (*catalog.Report, error) {
	p, err := s.prepare(ctx, id, toRun)
	if err != nil {
		return nil, err
	}
	if report, ok := s.unchanged(ctx, p); ok {
		return report, nil
	}
	before, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkPorts(ctx, p, before); err != nil {
		return nil, err
	}
	file, err := s.approve(p)
	if err != nil {
		return nil, err
	}
	if err := s.ensureImages(ctx, p, file, on); err != nil {
		return nil, err
	}
	if err := s.makeDataDirs(ctx, p); err != nil {
		return nil, err
	}
	release := s.locks.acquire(p.keys())
	err = s.runner.Up(ctx, file, p.services, on)
	release()
	if err != nil {
		return nil, s.upFailed(ctx, p, before, err)
	}
	return s.settle(ctx, p, wait)
}

// keys are the locks of a start: the network, then every service of the closure.
func (p *prepared) keys() []string {
	keys := []string{""} // sorts first: the network
	for name := range p.project.Services {
		keys = append(keys, name)
	}
	return keys
}

// ensureImages pulls or builds what the engine lacks, before any lock is taken.
func (s *Server) ensureImages(ctx context.Context, p *prepared, file string, on func(compose.Event)) error {
	var pull, build []string
	for name, svc := range p.project.Services {
		has, err := s.opts.Engine.HasImage(ctx, svc.Image)
		switch {
		case err != nil:
			return err
		case has:
		case svc.Build != nil:
			build = append(build, name)
		default:
			pull = append(pull, name)
		}
	}
	slices.Sort(pull)
	slices.Sort(build)
	if len(pull) > 0 {
		if err := s.runner.Pull(ctx, file, pull, on); err != nil {
			return wrapFailure(p, "its image cannot be had", failed(problem.StartFailed, p.id, err))
		}
	}
	if len(build) > 0 {
		if err := s.runner.Build(ctx, file, build, on); err != nil {
			return wrapFailure(p, "its image cannot be built", failed(problem.StartFailed, p.id, err))
		}
	}
	return nil
}

// wrapFailure puts what it means before what Docker said.
func wrapFailure(p *prepared, meaning string, err error) error {
	e := problem.As(err)
	if e.Code != problem.StartFailed {
		return err
	}
	reason := strings.TrimPrefix(e.Detail, fmt.Sprintf("extension %q: ", p.id))
	return &problem.Error{Code: e.Code, Detail: fmt.Sprintf("extension %q: %s: %s", p.id, meaning, reason), Items: e.Items, Err: e.Err}
}

// upFailed explains an up that did not exit 0. When the agent is shutting down, containers that this start
// created are removed again.
func (s *Server) upFailed(ctx context.Context, p *prepared, before []compose.Container, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if s.stop.Err() != nil {
		created := slices.DeleteFunc(slices.Clone(p.services), func(svc string) bool {
			return slices.ContainsFunc(before, func(c compose.Container) bool { return c.Service == svc })
		})
		if len(created) > 0 {
			if err := s.runner.Remove(ctx, created, nil); err != nil {
				s.log.Error().Err(err).Str("extension", p.id).Msg("rollback failed")
			}
		}
		return problem.Newf(problem.ShuttingDown, "extension %q: the host agent is shutting down; the start was undone and is tried again when it is back", p.id)
	}
	err := failed(problem.StartFailed, p.id, cause)
	if own, lerr := s.inspectAll(ctx, p); lerr == nil {
		if _, broken := judgeAll(own, s.opts.Grace); len(broken) > 0 && problem.HasCode(err, problem.StartFailed) {
			return problem.As(err).With(s.explain(ctx, p, broken)...)
		}
	}
	return err
}

// settle looks at the containers until each is up, has finished its work, or is broken. `up -d` exits 0 for a
// container that dies a second later.
func (s *Server) settle(ctx context.Context, p *prepared, wait time.Duration) (*catalog.Report, error) {
	deadline := time.Now().Add(wait)
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		own, err := s.inspectAll(ctx, p)
		if err != nil {
			return nil, err
		}
		waiting, broken := judgeAll(own, s.opts.Grace)
		switch {
		case len(broken) > 0:
			return nil, s.startFailed(ctx, p, broken)
		case len(waiting) == 0 || time.Now().After(deadline):
			if len(waiting) == 0 {
				s.rememberAll(ctx, p)
			}
			return &catalog.Report{ID: p.id, Containers: own, Waiting: waiting, Notes: p.notes}, nil
		}
		select {
		case <-ctx.Done():
			return nil, problem.Newf(problem.StartFailed, "extension %q: ended while waiting for its containers: %w", p.id, ctx.Err())
		case <-tick.C:
		}
	}
}

func (s *Server) rememberAll(ctx context.Context, p *prepared) {
	all, err := s.opts.Engine.Containers(ctx)
	if err == nil {
		err = s.remember(p, all)
	}
	if err != nil { // only costs the next start its short cut
		s.log.Warn().Err(err).Str("extension", p.id).Msg("the start is not remembered")
	}
}

// inspectAll looks at the containers of the extension's own services.
func (s *Server) inspectAll(ctx context.Context, p *prepared) ([]compose.Container, error) {
	all, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, err
	}
	var own []compose.Container
	for _, c := range all {
		if !slices.Contains(p.services, c.Service) {
			continue
		}
		full, err := s.opts.Engine.Inspect(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		full.Ports = c.Ports
		own = append(own, full)
	}
	return own, nil
}

// brokenContainer is one that did not come up, and why.
type brokenContainer struct {
	compose.Container
	reason string
}

func judgeAll(own []compose.Container, grace time.Duration) (waiting []string, broken []brokenContainer) {
	for _, c := range own {
		switch outcome, reason := c.Judge(time.Now(), grace); outcome {
		case compose.Broken:
			broken = append(broken, brokenContainer{c, reason})
		case compose.Starting:
			waiting = append(waiting, c.Service)
		}
	}
	return waiting, broken
}

// startFailed is the answer for containers that were created and did not come up.
func (s *Server) startFailed(ctx context.Context, p *prepared, broken []brokenContainer) error {
	items := s.explain(ctx, p, broken)
	reasons := make([]string, 0, len(broken))
	for _, b := range broken {
		reasons = append(reasons, b.Name+" "+b.reason)
	}
	detail := fmt.Sprintf("extension %q was started and failed: %s", p.id, strings.Join(reasons, "; "))
	for _, item := range items {
		if item.Rule == "log" {
			detail += "\nThe last lines of its log:\n" + item.Message
		}
	}
	return (&problem.Error{Code: problem.StartFailed, Detail: strings.TrimSpace(detail)}).With(items...)
}

// explain lists each broken container and the end of the log.
func (s *Server) explain(ctx context.Context, p *prepared, broken []brokenContainer) []problem.Item {
	var items []problem.Item
	containers := make([]compose.Container, 0, len(broken))
	for _, b := range broken {
		containers = append(containers, b.Container)
		items = append(items, problem.Item{
			Rule: "container", Severity: "error", Service: b.Service, Message: b.Name + " " + b.reason,
			Fix: fmt.Sprintf("read its log with `dream logs %s`, mend it, and run `dream start %s`", p.id, p.id),
		})
	}
	if lines, err := s.opts.Engine.Logs(ctx, containers, failureTail); err == nil && len(lines) > 0 {
		items = append(items, problem.Item{Rule: "log", Message: strings.TrimRight(compose.FormatLog(lines), "\n")})
	}
	return items
}
