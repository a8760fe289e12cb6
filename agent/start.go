package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// rollbackTime is how long undoing a start may take when the agent shuts down.
const rollbackTime = 15 * time.Second

// start is the verb: core services are refused.
func (s *Server) start(ctx context.Context, id string, with catalog.Starting, on stage) (*catalog.Report, error) {
	w, err := s.folders()
	if err != nil {
		return nil, err
	}
	w.close()
	if err := w.refuseCore(id); err != nil {
		return nil, err
	}
	return s.bringUp(ctx, id, bringing{wait: s.opts.HealthWait, with: with, on: on})
}

func (s *Server) restart(ctx context.Context, id string, on stage) (*catalog.Report, error) {
	on.enter("check")
	p, err := s.prepare(ctx, id, toRun(nil))
	if err != nil {
		return nil, err // what cannot be started again is not stopped
	}
	defer p.done() // the start uses its copies again
	on.enter("stop")
	if _, err := s.stopExtension(ctx, id); err != nil {
		return nil, err
	}
	return s.start(ctx, id, catalog.Starting{}, on)
}

// bringing is how services are brought up.
type bringing struct {
	wait time.Duration // for what becomes of them
	with catalog.Starting
	on   stage
}

// bringUp starts the services of an extension or a core service, and what they depend on, and waits until it is
// known what became of them.
func (s *Server) bringUp(ctx context.Context, id string, how bringing) (*catalog.Report, error) {
	ran := s.hasRun(id)
	report, err := s.tryUp(ctx, id, how)
	if err != nil && !ran {
		s.withdraw(ctx, id)
	}
	switch {
	case err == nil:
		s.fails.clear(id)
	case errors.Is(context.Cause(ctx), errInterrupted): // no failure: it was told to stop
	case !problem.HasCode(err, problem.DockerUnavailable, problem.ShuttingDown, problem.NotFound, problem.NotEnabled):
		s.fails.set(id, problem.As(err).Detail)
	}
	return report, err
}

func (s *Server) tryUp(ctx context.Context, id string, how bringing) (_ *catalog.Report, err error) {
	how.on.enter("check")
	p, err := s.prepareToRun(ctx, id, how.with)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = discreet(err, p.secrets) // docker compose may quote what it was given
		p.done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
		defer cancel()
		s.sweepReplaced(ctx)
	}()
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
	if err := s.ensureImages(ctx, p, file, how.on); err != nil {
		return nil, err
	}
	if err := s.retire(ctx, p, before); err != nil {
		return nil, err
	}
	if err := s.makeDataDirs(ctx, p); err != nil {
		return nil, err
	}
	unsure, there, err := s.making(ctx, p)
	if err != nil {
		return nil, err
	}
	how.on.enter("create")
	err = s.create(ctx, p, file, before, how.on.within("create"))
	s.noteMade(ctx, p, there, unsure)
	if err != nil {
		defer s.unlink(ctx, p.id)
		return nil, s.upFailed(ctx, p, before, err)
	}
	how.on.enter("wait")
	return s.settle(ctx, p, how.wait)
}

// create makes and starts the containers. docker compose waits in there for the healthchecks of dependencies, so
// only what would collide is locked meanwhile: the extension's own services, and those of others that do not run
// yet; a dependency that runs is shared. The network has a lock of its own for the moment of its creation: before
// anything of the project runs.
func (s *Server) create(ctx context.Context, p *prepared, file string, before []compose.Container, on func(compose.Event)) error {
	if len(before) == 0 {
		release := s.locks.acquire([]string{""}, nil)
		err := s.runner.Create(ctx, file, p.services, on)
		release()
		if err != nil {
			return err
		}
	}
	runs := func(service string) bool {
		return slices.ContainsFunc(before, func(c compose.Container) bool { return c.Service == service && c.State == "running" })
	}
	all := slices.Collect(maps.Keys(p.project.Services))
	alone := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return runs(name) && !slices.Contains(p.services, name) })
	release := s.locks.acquire(alone, all)
	err := s.runner.Up(ctx, file, p.services, on)
	release()
	if err == nil || !strings.Contains(err.Error(), "Conflict. The container name") {
		return err
	}
	// Two starts have made a changed dependency anew at once. The other one is through with it now.
	defer s.locks.acquire(all, nil)()
	return s.runner.Up(ctx, file, p.services, on)
}

// unlink removes the networks that a start which failed has made and no container uses: Docker has a few dozen.
func (s *Server) unlink(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if err := s.opts.Engine.RemoveNetworks(ctx, id+"."); err != nil {
		s.log.Warn().Err(err).Str("extension", id).Msg("its networks stay")
	}
}

// ensureImages pulls or builds what the engine lacks, before any lock is taken.
func (s *Server) ensureImages(ctx context.Context, p *prepared, file string, on stage) error {
	var pull, build []string
	for name, svc := range p.project.Services {
		image, err := s.opts.Engine.ImageID(ctx, svc.Image)
		switch {
		case err != nil:
			return err
		case image != "":
		case svc.Build != nil:
			build = append(build, name)
		default:
			pull = append(pull, name)
		}
	}
	slices.Sort(pull)
	slices.Sort(build)
	if len(pull) > 0 {
		on.enter("pull")
		if err := s.pull(ctx, p, file, pull, on.within("pull")); err != nil {
			return err
		}
	}
	if len(build) > 0 {
		on.enter("build")
		if err := s.runner.Build(ctx, file, build, on.within("build")); err != nil {
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
		return problem.Newf(problem.ShuttingDown, "extension %q: the host agent is shutting down: the start was undone", p.id)
	}
	err := failed(problem.StartFailed, p.id, cause)
	if own, lerr := s.inspectAll(ctx, p); lerr == nil {
		if _, broken := s.judgeAll(own); len(broken) > 0 && problem.HasCode(err, problem.StartFailed) {
			return problem.As(err).With(s.explain(ctx, p, broken)...)
		}
	}
	return err
}
