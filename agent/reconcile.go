package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"dreamserver/catalog"
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
	ctx, record := s.audit(catalog.WithActor(ctx, ownActor), op, id)
	if err == nil {
		_, err = s.perform(ctx, op, id, do)
	}
	switch {
	case problem.HasCode(err, problem.Busy, problem.ShuttingDown, problem.DockerUnavailable):
		change.Leave()
		return
	case op == "" || problem.HasCode(err, problem.Unavailable, problem.DataReadOnly, problem.DiskFull):
		change.Leave() // the installation is broken, not the extension
		s.logFailure("pending "+change.Kind, id, err)
		return
	}
	change.Done()
	record(err) // not of what is left for later: it comes back every few seconds
	if err != nil {
		s.logFailure("pending "+op, id, err)
		return
	}
	s.log.Info().Str("extension", id).Str("change", change.Kind).Str("op", op).Msg("an unfinished change is applied")
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
		return "start", s.startGranted(Request{Grants: change.Grants}), nil
	case slices.Contains(w.ids, id):
		return "stop", s.stopExtension, nil
	}
	return "remove", s.removeExtension, nil
}
