package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// reconcile finishes changes that were made to files while the agent was away, and changes whose program was
// killed, without anyone asking: an enabled extension is started, a disabled one stopped, the containers of one
// that is gone removed.
//
// Each change is finished on its own, so that one that takes long, such as the start of something whose dependency
// never gets healthy, holds up no other.
func (s *Server) reconcile(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	tick := time.NewTicker(s.opts.ReconcileEvery)
	defer tick.Stop()
	for {
		s.finishPending(ctx, &working)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// finishPending begins to finish what nobody works on. Whoever works on a change holds its record, so the next look
// does not see it.
func (s *Server) finishPending(ctx context.Context, working *sync.WaitGroup) {
	pending, err := s.journal.Unfinished()
	if err != nil {
		s.log.Warn().Err(err).Msg("unfinished changes cannot be read")
		return
	}
	if len(pending) == 0 {
		return
	}
	if err := s.opts.Engine.Ping(ctx); err != nil {
		s.log.Warn().Err(err).Int("pending", len(pending)).Msg("unfinished changes wait for Docker")
		return
	}
	for id := range pending {
		if ctx.Err() != nil {
			return
		}
		change, err := s.journal.Claim(id)
		if err != nil || change == nil {
			continue // somebody else has it
		}
		working.Go(func() { s.finish(ctx, change) })
	}
}

func (s *Server) finish(ctx context.Context, change *catalog.Change) {
	id := change.ID
	op, do, err := s.wantedState(id, change)
	ctx, record := s.audit(catalog.WithChange(catalog.WithActor(ctx, ownActor), change.Kind), op, id)
	if err == nil {
		_, err = s.perform(ctx, op, id, do)
	}
	switch {
	case problem.HasCode(err, problem.Busy, problem.ShuttingDown, problem.DockerUnavailable, problem.PolicyLocked, problem.PolicyUnavailable):
		change.Leave()
		return
	case op == "" || problem.HasCode(err, problem.Unavailable, problem.DataReadOnly, problem.DiskFull):
		change.Leave() // the installation is broken, not the extension
		s.logFailure("pending "+string(change.Kind), id, err)
		return
	}
	s.tellEnd(change, op, err) // before the extension is free
	change.Done()
	record(err) // not of what is left for later: it comes back every few seconds
	if err != nil {
		s.logFailure("pending "+op, id, err)
		return
	}
	s.log.Info().Str("extension", id).Str("change", string(change.Kind)).Str("op", op).Msg("an unfinished change is applied")
}

// tellEnd ends the operation that the change was part of.
func (s *Server) tellEnd(change *catalog.Change, op string, err error) {
	if change.Operation == "" {
		return
	}
	kind := change.Kind
	state, result := operation.Failed, (*operation.Result)(nil)
	switch {
	case err != nil:
	case op == reaches(kind):
		state = operation.Succeeded
		result = &operation.Result{
			ID: change.ID, Action: kind.Participle(), Message: fmt.Sprintf("%s is %s: the host agent has finished the %s.", change.ID, kind.Participle(), kind),
		}
	default:
		err = problem.Newf(problem.Interrupted, "extension %q: the %s was interrupted, and the host agent has undone it: try again", change.ID, kind)
	}
	if err := s.records.Finish(change.Operation, state, result, err); err != nil {
		s.log.Warn().Err(err).Str("operation", change.Operation).Msg("the end of the operation is not on disk")
	}
}

// reaches is the verb that brings about what a change of this kind is for.
func reaches(kind operation.Kind) string {
	switch {
	case kind.TurnsOn():
		return "start"
	case kind == operation.Uninstall:
		return "remove"
	}
	return "stop"
}

// wantedState is what the files ask for now, whatever the change was, except that a stop is still a stop.
func (s *Server) wantedState(id string, change *catalog.Change) (string, verb, error) {
	w, err := s.world()
	if err != nil {
		return "", nil, err
	}
	defer w.close()
	_, enabled := w.stack.Unit(id)
	switch {
	case enabled && change.Kind != "stop":
		return "start", s.startWith(Request{Grants: change.Grants, Plan: change.Plan}, nil), nil
	case slices.Contains(w.ids, id):
		return "stop", s.stopExtension, nil
	}
	return "remove", s.removeExtension, nil
}
