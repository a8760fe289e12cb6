package agent

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const (
	upParallel = 4 // extensions at a time; creating is serialised by service anyway
	longWait   = 5 * time.Minute
)

// stack answers with the list of files.
func (s *Server) stack(w http.ResponseWriter, r *http.Request) {
	info, err := s.stackInfo(r.Context())
	if err != nil {
		reply(w, err)
		return
	}
	send(w, info)
}

func (s *Server) stackInfo(context.Context) (StackInfo, error) {
	w, err := s.world()
	if err != nil {
		return StackInfo{}, err
	}
	defer w.close()
	return StackInfo{Files: w.stack.Files(), Skipped: append([]compose.Skip{}, w.stack.Skipped...)}, nil // a list, even when empty
}

// up starts the stack, each core service and extension on its own, so that one that fails keeps no other from
// starting. Progress is sent as JSON lines, the report last.
func (s *Server) up(w http.ResponseWriter, r *http.Request) {
	var req UpRequest
	err := readJSON(w, r, &req)
	var targets []string
	var skipped []compose.Skip
	if err == nil {
		targets, skipped, err = s.targets(req.Services)
	}
	if err == nil {
		err = s.opts.Engine.Ping(r.Context())
	}
	if err != nil {
		_, record := s.audit(r.Context(), "up", "")
		record(err)
		reply(w, err)
		return
	}
	out := newLineStream(w)
	report := StackReport{Started: []catalog.Report{}, Failed: map[string]string{}, Skipped: skipped}
	wait := s.opts.HealthWait
	if req.Wait {
		wait = longWait
	}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(upParallel)
	for _, id := range targets {
		g.Go(func() error {
			s.busy.await(r.Context(), id)
			ctx, record := s.audit(r.Context(), "up", id)
			done, err := s.perform(ctx, "start", id, func(ctx context.Context, id string) (*catalog.Report, error) {
				return s.bringUp(ctx, id, bringing{wait: wait, on: func(p operation.Progress) {
					if p.Event != nil {
						out.write(UpMessage{Service: id, Event: p.Event})
					}
				}})
			})
			record(err)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.logFailure("up", id, err)
				report.Failed[id] = problem.As(err).Detail
			} else {
				report.Started = append(report.Started, *done)
			}
			return nil
		})
	}
	_ = g.Wait() // failures are in the report
	slices.SortFunc(report.Started, func(a, b catalog.Report) int { return slices.Index(targets, a.ID) - slices.Index(targets, b.ID) })
	out.write(UpMessage{Report: &report})
}

// targets is what to start: the named ones, else every core service and enabled extension, core first.
func (s *Server) targets(names []string) ([]string, []compose.Skip, error) {
	w, err := s.world()
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	warnings := []compose.Skip{}
	for _, skip := range w.stack.Skipped {
		if skip.Warning {
			warnings = append(warnings, skip)
		}
	}
	if len(names) > 0 {
		for _, name := range names {
			if _, ok := w.stack.Unit(name); !ok && !w.isCore(name) {
				return nil, nil, w.notInStack(name)
			}
		}
		return slices.Compact(slices.Sorted(slices.Values(names))), warnings, nil
	}
	targets := slices.Clone(w.core)
	for _, u := range w.stack.Units {
		if !u.Core() {
			targets = append(targets, u.ID)
		}
	}
	return targets, warnings, nil
}

// down ends starts in progress, then stops and removes everything. While it works nothing is started.
func (s *Server) down(w http.ResponseWriter, r *http.Request) {
	ctx, record := s.audit(r.Context(), "down", "")
	_, err := s.perform(ctx, "down", "", func(ctx context.Context, _ string) (*catalog.Report, error) {
		return nil, s.takeDown(ctx)
	})
	record(err)
	if err != nil {
		s.logFailure("down", "", err)
		reply(w, err)
		return
	}
	send(w, Done{Status: "ok", Action: "down"})
}

func (s *Server) takeDown(ctx context.Context) error {
	open, err := s.busy.closeFor(ctx, "down")
	if err != nil {
		return err
	}
	defer open()
	err = s.runner.Down(ctx, nil)
	if err == nil {
		return nil
	}
	if left, lerr := s.opts.Engine.Containers(ctx); lerr == nil && len(left) == 0 {
		s.log.Warn().Err(err).Msg("all containers are gone; something else of the project stays")
		return nil
	}
	return failed(problem.StopFailed, "", err)
}
