package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// startChanged starts an extension whose files have just changed, and decides what a failure leaves:
//
//	the agent is away          the files stay; it starts the extension when it is back
//	nobody knows               the files stay; the agent finishes the change
//	a container was created    the files stay, so that its log can be read and it can be started again
//	nothing was created        undo: the change never was
//	it was cancelled           undo, its containers too
func (m *Manager) startChanged(ctx context.Context, t *task, done string, undo func(context.Context, Entry) error) (Result, error) {
	report, err := m.bringUp(ctx, t, func(ctx context.Context, on func(operation.Progress)) (Report, error) {
		return m.agent.Start(ctx, t.ID, Starting{Grants: t.Grants, Plan: t.Plan}, on)
	})
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	r := Result{ID: t.ID, Action: done}
	switch {
	case t.ended:
		return r, m.undoAll(ctx, t, undo, err)
	case err == nil:
		t.Done()
		r.Message, r.Warnings = report.sentence(t.entry.Name, done), report.Notes
		return r, nil
	case away(err) && t.Plan == "": // the agent alone knows whether it is what was planned
		t.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is %s, but not started: %s. It is started as soon as the host agent is back.", t.entry.Name, done, trimDot(err.Error()))
		return r, nil
	case problem.HasCode(err, problem.OutcomeUnknown):
		t.Leave()
		return r, err
	case !refused(err) && !away(err) && m.hasContainers(ctx, t.ID):
		t.Done()
		return r, err
	}
	t.enter(stageUndo)
	switch undone := undo(ctx, t.entry); {
	case undone != nil:
		t.Leave()
		return r, errors.Join(err, fmt.Errorf("undo: %w", undone))
	case problem.HasCode(err, problem.DockerUnavailable): // what Docker did before it went away, the agent removes
		t.Leave()
	default:
		t.Cancel()
	}
	return r, err
}

// undoAll undoes a change that was cancelled, and removes the containers that it may have made.
func (m *Manager) undoAll(ctx context.Context, t *task, undo func(context.Context, Entry) error, cause error) error {
	t.enter(stageUndo)
	undone := undo(ctx, t.entry)
	if undone == nil {
		undone = m.agent.Remove(ctx, t.ID)
	}
	if undone != nil {
		t.Leave() // the agent removes what is left
		return errors.Join(cause, fmt.Errorf("undo: %w", undone))
	}
	t.Cancel()
	return cause
}

// startFunc asks the agent to start something.
type startFunc func(ctx context.Context, on func(operation.Progress)) (Report, error)

// bringUp has the agent start something, and stop it again when the task is cancelled meanwhile: a start that is told to
// stop ends.
func (m *Manager) bringUp(ctx context.Context, t *task, do startFunc) (Report, error) {
	if t.ended = t.cancelled(ctx); t.ended {
		return Report{}, errCancelled
	}
	whole := context.WithoutCancel(ctx)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { m.endIfCancelled(ctx, t, ended) })
	report, err := do(whole, t.active.Take)
	close(ended)
	watching.Wait()
	if err == nil && t.cancelled(ctx) { // too late to be ended on the way
		if err = m.agent.Stop(whole, t.ID); err == nil {
			err = errCancelled
		}
	}
	t.ended = err != nil && t.cancelled(ctx)
	return report, err
}

// stopAgain is how long a start that was told to stop has to end before it is told again: the word may have come before
// the agent had begun.
const stopAgain = time.Second

// endIfCancelled has the agent stop what it starts when the task is cancelled before the start has ended.
func (m *Manager) endIfCancelled(ctx context.Context, t *task, ended <-chan struct{}) {
	tick := time.NewTicker(stopAgain)
	defer tick.Stop()
	cancelled := ctx.Done()
	for {
		select {
		case <-ended:
			return
		case <-cancelled:
			cancelled = nil
		case <-tick.C: // another program leaves its word on disk
		}
		if t.cancelled(ctx) {
			_ = m.agent.Stop(context.WithoutCancel(ctx), t.ID) // what it does not end is undone afterwards
		}
	}
}

// refused reports whether the agent said no before it did anything. Containers that are there then are old ones.
func refused(err error) bool {
	return errdefs.IsInvalidArgument(err) || errdefs.IsConflict(err) || errdefs.IsNotFound(err) || errdefs.IsPermissionDenied(err) ||
		problem.HasCode(err, problem.PolicyLocked, problem.PolicyUnavailable)
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

// hasContainers reports whether the extension has containers. When nobody can tell, nothing is undone.
func (m *Manager) hasContainers(ctx context.Context, id string) bool {
	state, err := m.agent.Containers(ctx)
	if err != nil {
		return !problem.HasCode(err, problem.DockerUnavailable)
	}
	return len(m.read().containersByOwner(state.Containers)[id]) > 0
}

// remove takes an installed folder away: renamed first, so that no reader sees half of it. What then cannot be
// deleted is swept by the next change.
func (m *Manager) remove(ctx context.Context, e Entry) error {
	return m.locked(ctx, func(root *os.Root) error {
		trash := trashPrefix + e.ID
		if err := root.Rename(e.ID, trash); err != nil {
			return storageError(err)
		}
		if err := errors.Join(syncDir(root, "."), root.RemoveAll(trash)); err != nil {
			m.log.Warn().Err(err).Str("extension", e.ID).Msg("not all of its files are deleted")
		}
		return nil
	})
}
