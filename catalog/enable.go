package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func (m *Manager) enable(ctx context.Context, t *task) (Result, error) {
	also, err := m.enableMissing(ctx, t)
	if err == nil {
		_, err = m.verdict(ctx, t, false)
	}
	if err == nil {
		t.enter(stageEnable)
		err = m.toggle(ctx, t.entry, true)
	}
	if err != nil {
		t.Cancel()
		return Result{ID: t.ID, Also: also}, err
	}
	r, err := m.startChanged(ctx, t, "enabled", func(ctx context.Context, e Entry) error { return m.toggle(ctx, e, false) })
	r.Also = also
	return r, err
}

// enableMissing enables what the extension needs, each as an operation of its own, where that was asked for.
func (m *Manager) enableMissing(ctx context.Context, t *task) (also []string, err error) {
	if !t.order.WithDependencies {
		return nil, nil
	}
	missing, err := t.snapshot.missing(t.ID)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	if t.Plan != "" {
		return nil, problem.Newf(problem.InvalidArgument, "extension %q needs %s first: a plan is of one extension; enable those, and plan this one again", t.ID, strings.Join(missing, ", "))
	}
	t.enter(stageDependencies)
	for i, dep := range missing {
		if err := m.enableDependency(ctx, t, dep); err != nil {
			return missing[:i], problem.About(t.ID, err)
		}
	}
	t.snapshot, t.entry, err = m.lookup(t.ID, m.checkEnable)
	return missing, err
}

func (m *Manager) enableDependency(ctx context.Context, t *task, id string) error {
	if _, known := t.snapshot.Find(id); !known {
		return unknownDependency(id)
	}
	o := Order{Kind: operation.Enable, ID: id, parent: t.active.ID()}
	if !t.snapshot.Installed(id) {
		o.Kind = operation.Install
	}
	_, err := m.Do(ctx, o)
	return err
}

func (m *Manager) checkEnable(s *Snapshot, e Entry) error {
	if err := m.checkSwitchOn(s, e); err != nil {
		return err
	}
	return s.checkDependencies(e.ID)
}

// checkSwitchOnAll is checkSwitchOn for who has the dependencies enabled as well.
func (m *Manager) checkSwitchOnAll(s *Snapshot, e Entry) error {
	err := m.checkSwitchOn(s, e)
	if err == nil {
		_, err = s.missing(e.ID)
	}
	return err
}

// checkSwitchOn is everything that can be said of the extension itself before a file is touched.
func (m *Manager) checkSwitchOn(s *Snapshot, e Entry) error {
	switch {
	case e.Status == Enabled:
		return problem.Newf(problem.AlreadyEnabled, "extension %q is already enabled", e.ID)
	case !s.Installed(e.ID):
		return checkInstalled(s, e)
	case !e.Toggles:
		return problem.Newf(problem.Conflict, "extension %q is a program of the host and runs no container: there is nothing to enable", e.ID)
	case !e.RunsOn(s.GPUBackend):
		return problem.Newf(problem.Incompatible, "extension %q runs on %s; this machine's GPU_BACKEND is %s",
			e.ID, strings.Join(e.GPUBackends, ", "), s.GPUBackend)
	case e.otherVersion:
		return problem.Newf(problem.Incompatible, "extension %q %s", e.ID, e.Problem)
	case e.Problem != "":
		return problem.Newf(problem.InvalidExtension, "extension %q: %s", e.ID, e.Problem)
	}
	return m.checkToggle(e, true)
}

// checkToggle looks whether the compose file can be renamed, before anything is started or stopped for it.
func (m *Manager) checkToggle(e Entry, enabled bool) error {
	if e.Source == FromCore {
		return nil // the agent's business
	}
	root, err := os.OpenRoot(m.settings.UserExtensionsDir)
	if err != nil {
		return storageError(err)
	}
	defer root.Close()
	_, err = toggled(root, e.ID, fragment(e), enabled)
	return err
}

// toggle renames the compose file. The agent does it for built-in extensions, whose folder we cannot write.
func (m *Manager) toggle(ctx context.Context, e Entry, enabled bool) error {
	if e.Source == FromCore {
		return m.agent.SetBuiltin(ctx, e.ID, enabled)
	}
	return m.locked(ctx, func(root *os.Root) error { return Toggle(root, e.ID, fragment(e), enabled) })
}

// Toggle renames the compose file called name in the folder dir of root between its enabled and its disabled
// name. A file that is not a regular one is refused: what was checked must be what is renamed. The caller
// holds whatever keeps others from changing the folder.
func Toggle(root *os.Root, dir, name string, enabled bool) error {
	if name == "" {
		return problem.Newf(problem.Conflict, "extension %q runs no container: there is nothing to enable or disable", dir)
	}
	done, err := toggled(root, dir, name, enabled)
	if err != nil || done {
		return err
	}
	from, to := path.Join(dir, name+compose.DisabledSuffix), path.Join(dir, name)
	if !enabled {
		from, to = to, from
	}
	if err := root.Rename(from, to); err != nil {
		return storageError(err)
	}
	return storageError(syncDir(root, dir))
}

// toggled reports whether the compose file has the wanted name already. The error says why it cannot get it.
func toggled(root *os.Root, dir, name string, enabled bool) (done bool, err error) {
	from, to := name+compose.DisabledSuffix, name
	if !enabled {
		from, to = to, from
	}
	info, err := root.Lstat(path.Join(dir, from))
	_, other := root.Lstat(path.Join(dir, to))
	switch {
	case errors.Is(err, fs.ErrNotExist) && other == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, problem.Newf(problem.NotFound, "extension %q has no compose file %s: install it again", dir, from)
	case err != nil:
		return false, storageError(err)
	case !info.Mode().IsRegular():
		return false, problem.Newf(problem.InvalidExtension, "extension %q: %s is a symlink or special file, not a regular file: it was changed by hand, install the extension again",
			dir, from)
	case other == nil:
		return false, problem.Newf(problem.InvalidExtension, "extension %q has both %s and %s: remove one of them",
			dir, name, name+compose.DisabledSuffix)
	}
	return false, nil
}
