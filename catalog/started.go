package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/errdefs"

	"dreamserver/internal/problem"
)

// startChanged starts an extension whose files have just changed, and decides what a failure leaves:
//
//	the agent is away          the files stay; it starts the extension when it is back
//	nobody knows               the files stay; the agent finishes the change
//	a container was created    the files stay, so that its log can be read and it can be started again
//	nothing was created        undo: the change never was
func (m *Manager) startChanged(ctx context.Context, op *operation, done string, undo func(context.Context, Entry) error) (Result, error) {
	report, err := m.agent.Start(ctx, op.ID, op.Grants)
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	defer m.Refresh(ctx)
	r := Result{ID: op.ID, Action: done}
	switch {
	case err == nil:
		op.Done()
		r.Message, r.Warnings = report.sentence(op.entry.Name, done), report.Notes
		return r, nil
	case away(err):
		op.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is %s, but not started: %s. It is started as soon as the host agent is back.", op.entry.Name, done, trimDot(err.Error()))
		return r, nil
	case problem.HasCode(err, problem.OutcomeUnknown):
		op.Leave()
		return r, err
	case !refused(err) && m.hasContainers(ctx, op.ID):
		op.Done()
		return r, err
	}
	switch undone := undo(ctx, op.entry); {
	case undone != nil:
		op.Leave()
		return r, errors.Join(err, fmt.Errorf("undo: %w", undone))
	case problem.HasCode(err, problem.DockerUnavailable): // what Docker did before it went away, the agent removes
		op.Leave()
	default:
		op.Cancel()
	}
	return r, err
}

// refused reports whether the agent said no before it did anything. Containers that are there then are old ones.
func refused(err error) bool {
	return errdefs.IsInvalidArgument(err) || errdefs.IsConflict(err) || errdefs.IsNotFound(err) || errdefs.IsPermissionDenied(err)
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

// hasContainers reports whether the extension has containers. When nobody can tell, nothing is undone.
func (m *Manager) hasContainers(ctx context.Context, id string) bool {
	state, err := m.agent.Containers(ctx)
	if err != nil {
		return !problem.HasCode(err, problem.DockerUnavailable)
	}
	return len(m.read().containersOf(id, state.Containers)) > 0
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
