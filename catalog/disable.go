package catalog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dreamserver/internal/problem"
)

// disable stops an extension and switches it off. A stop that fails is reported and changes nothing: no running
// container may stand behind a disabled file. Extensions that need this one are named, not stopped.
func (m *Manager) disable(ctx context.Context, t *task) (Result, error) {
	t.enter(stageStop)
	stop := m.agent.Stop(ctx, t.ID)
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	if stop != nil && !away(stop) {
		t.abandon(stop)
		return Result{}, stop
	}
	t.enter(stageDisable)
	if err := m.toggle(ctx, t.entry, false); err != nil {
		if stop == nil {
			t.Leave() // its containers are stopped and its file says enabled: the agent starts it again
		} else {
			t.Cancel()
		}
		return Result{}, err
	}
	r := Result{
		ID: t.ID, Action: "disabled", Dependents: t.snapshot.dependents(t.ID),
		Message: t.entry.Name + " is disabled and its containers are stopped.",
	}
	if stop != nil {
		t.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is disabled, but its containers may still run: %s. They are stopped as soon as the host agent is back.",
			t.entry.Name, trimDot(stop.Error()))
	} else {
		t.Done()
	}
	if len(r.Dependents) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("needed by enabled extensions: %s", strings.Join(r.Dependents, ", ")))
	}
	return r, nil
}

// abandon ends a change of which no file is changed. When the agent may have done its part, it puts the
// containers back to what the files say.
func (t *task) abandon(err error) {
	if problem.HasCode(err, problem.OutcomeUnknown) {
		t.Leave()
	} else {
		t.Cancel()
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

// uninstall removes a disabled extension's containers and its folder.
func (m *Manager) uninstall(ctx context.Context, t *task) (Result, error) {
	t.enter(stageRemove)
	removed := m.agent.Remove(ctx, t.ID)
	ctx = context.WithoutCancel(ctx) // the rest is ours to finish, whether the client still waits or not
	if removed != nil && !away(removed) {
		t.abandon(removed)
		return Result{}, removed
	}
	var forgotten []string
	if t.order.Forget { // its containers are gone, and its manifest is not yet
		var err error
		if forgotten, err = m.forget(ctx, t); err != nil {
			t.Cancel()
			return Result{}, err
		}
	}
	if err := m.remove(ctx, t.entry); err != nil {
		t.Cancel()
		return Result{}, err
	}
	r := Result{
		ID: t.ID, Action: "uninstalled", RestartRequired: removed != nil,
		Message: t.entry.Name + " is uninstalled.",
		CleanupHint: fmt.Sprintf("its data, if it has any, stays: the folder %s of the data directory and the volumes %s_%s.*; delete them by hand when they are not needed",
			t.ID, m.settings.Names.Project, t.ID),
		Forgotten: forgotten,
	}
	if len(forgotten) > 0 {
		r.Message += " Forgotten: " + strings.Join(forgotten, ", ") + "."
		r.CleanupHint += ". Data that was made with forgotten secrets, such as a database's password, does not open with new ones"
	}
	if removed != nil {
		t.Leave()
		r.Message += " Its stopped containers are removed as soon as the host agent is back."
	} else {
		t.Done()
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
