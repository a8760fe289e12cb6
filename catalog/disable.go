package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dreamserver/internal/problem"
)

// Disable stops an extension and switches it off. A stop that fails is reported and changes nothing: no running
// container may stand behind a disabled file. Extensions that need this one are named, not stopped.
func (m *Manager) Disable(ctx context.Context, id string) (Result, error) {
	op, err := m.begin(id, "disable", m.checkDisable)
	if err != nil {
		return Result{}, err
	}
	stop := m.agent.Stop(ctx, id)
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	defer m.Refresh(ctx)
	if stop != nil && !away(stop) {
		op.abandon(stop)
		return Result{}, stop
	}
	if err := m.toggle(ctx, op.entry, false); err != nil {
		if stop == nil {
			op.Leave() // its containers are stopped and its file says enabled: the agent starts it again
		} else {
			op.Cancel()
		}
		return Result{}, err
	}
	r := Result{
		ID: id, Action: "disabled", Dependents: op.snapshot.dependents(id),
		Message: op.entry.Name + " is disabled and its containers are stopped.",
	}
	if stop != nil {
		op.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is disabled, but its containers may still run: %s. They are stopped as soon as the host agent is back.",
			op.entry.Name, trimDot(stop.Error()))
	} else {
		op.Done()
	}
	if len(r.Dependents) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("needed by enabled extensions: %s", strings.Join(r.Dependents, ", ")))
	}
	return r, nil
}

// abandon ends a change of which no file is changed. When the agent may have done its part, it puts the
// containers back to what the files say.
func (op *operation) abandon(err error) {
	if problem.HasCode(err, problem.OutcomeUnknown) {
		op.Leave()
	} else {
		op.Cancel()
	}
}

func (m *Manager) checkDisable(s *Snapshot, e Entry) error {
	switch {
	case !s.Installed(e.ID):
		return checkInstalled(s, e)
	case !s.enabledOnDisk(e.ID):
		return problem.Newf(problem.AlreadyDisabled, "extension %q is already disabled", e.ID)
	}
	return m.checkToggle(e, false)
}

// Uninstall removes a disabled extension's folder and its containers. Its data stays, and its values in .env do, so that
// a new install goes on where it was; with forget they go, but for those that another installed extension reads.
func (m *Manager) Uninstall(ctx context.Context, id string, forget bool) (Result, error) {
	op, err := m.begin(id, "uninstall", m.checkUninstall)
	if err != nil {
		return Result{}, err
	}
	removed := m.agent.Remove(ctx, id)
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	defer m.Refresh(ctx)
	if removed != nil && !away(removed) {
		op.abandon(removed)
		return Result{}, removed
	}
	var forgotten []string
	if forget { // its containers are gone, and its manifest is not yet
		if forgotten, err = m.forget(ctx, op); err != nil {
			op.Cancel()
			return Result{}, err
		}
	}
	if err := m.remove(ctx, op.entry); err != nil {
		op.Cancel()
		return Result{}, err
	}
	r := Result{
		ID: id, Action: "uninstalled", RestartRequired: removed != nil,
		Message: op.entry.Name + " is uninstalled.",
		CleanupHint: fmt.Sprintf("its data, if it has any, stays: the folder %s of the data directory and the volumes %s_%s.*; delete them by hand when they are not needed",
			id, m.settings.Names.Project, id),
		Forgotten: forgotten,
	}
	if len(forgotten) > 0 {
		r.Message += " Forgotten: " + strings.Join(forgotten, ", ") + "."
		r.CleanupHint += ". Data that was made with forgotten secrets, such as a database's password, does not open with new ones"
	}
	if removed != nil {
		op.Leave()
		r.Message += " Its stopped containers are removed as soon as the host agent is back."
	} else {
		op.Done()
	}
	return r, nil
}

func (m *Manager) checkUninstall(s *Snapshot, e Entry) error {
	switch {
	case e.Source == FromCore:
		return problem.Newf(problem.CoreService, "extension %q is built in and cannot be uninstalled: disable it instead", e.ID)
	case !s.Installed(e.ID):
		return checkInstalled(s, e)
	case s.enabledOnDisk(e.ID):
		return problem.Newf(problem.StillEnabled, "Disable extension before uninstalling it: `dream disable %s`", e.ID)
	}
	folder := filepath.Join(m.settings.UserExtensionsDir, e.ID)
	if info, err := os.Lstat(folder); err == nil && !info.IsDir() {
		return problem.Newf(problem.InvalidExtension, "%s is a symlink, not the folder that was installed: remove it by hand", folder)
	}
	return nil
}
