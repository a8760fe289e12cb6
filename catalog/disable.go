package catalog

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"dreamserver/internal/problem"
)

// Disable stops an extension and switches it off. A stop that fails is reported and changes nothing: no running
// container may stand behind a disabled file. Extensions that need this one are named, not stopped.
func (m *Manager) Disable(ctx context.Context, id string) (Result, error) {
	s, e, err := m.lookup(id)
	if err != nil {
		return Result{}, err
	}
	if e.Status != Enabled {
		if e.Status == Disabled {
			return Result{}, problem.Newf(problem.AlreadyDisabled, "extension %q is already disabled", id)
		}
		return Result{}, notInstalled(id)
	}
	change, err := m.journal.Begin(id, "disable", m.actor)
	if err != nil {
		return Result{}, err
	}
	away := m.agent.Stop(ctx, id)
	if away != nil && !problem.AgentAway(away) {
		change.Done()
		return Result{}, away
	}
	if err := m.toggle(ctx, e, false); err != nil {
		change.Leave() // its containers are stopped and its file says enabled: the agent starts it again
		return Result{}, err
	}
	m.Refresh(ctx)
	r := Result{ID: id, Action: "disabled", Dependents: s.dependents(id), Message: e.Name + " is disabled and its containers are stopped."}
	if away != nil {
		change.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is disabled, but its containers may still run: %s. They are stopped as soon as the host agent is back.",
			e.Name, trimDot(away.Error()))
	} else {
		change.Done()
	}
	if len(r.Dependents) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("needed by enabled extensions: %s", strings.Join(r.Dependents, ", ")))
	}
	return r, nil
}

// Uninstall removes a disabled extension's folder and its containers. Its data stays.
func (m *Manager) Uninstall(ctx context.Context, id string) (Result, error) {
	s, e, err := m.lookup(id)
	switch {
	case err != nil:
		return Result{}, err
	case e.Source == FromCore:
		return Result{}, problem.Newf(problem.CoreService, "extension %q is built in and cannot be uninstalled: disable it instead", id)
	case !s.Installed(id):
		return Result{}, notInstalled(id)
	case s.enabledOnDisk(id):
		return Result{}, problem.Newf(problem.StillEnabled, "Disable extension before uninstalling it: `dream disable %s`", id)
	}
	change, err := m.journal.Begin(id, "uninstall", m.actor)
	if err != nil {
		return Result{}, err
	}
	away := m.agent.Remove(ctx, id)
	if away != nil && !problem.AgentAway(away) {
		change.Done()
		return Result{}, away
	}
	if err := m.remove(ctx, id); err != nil {
		change.Done()
		return Result{}, err
	}
	m.Refresh(ctx)
	r := Result{
		ID: id, Action: "uninstalled", RestartRequired: away != nil,
		Message: e.Name + " is uninstalled.",
		CleanupHint: fmt.Sprintf("its data stays in %s and in volumes named %s_%s.*; delete them by hand when they are not needed",
			filepath.Join(m.settings.DataDir, id), m.settings.Names.Project, id),
	}
	if away != nil {
		change.Leave()
		r.Message += " Its stopped containers are removed as soon as the host agent is back."
	} else {
		change.Done()
	}
	return r, nil
}
