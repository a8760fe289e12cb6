package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// Enable switches an installed or built-in extension on and starts it. With withDependencies, what it needs is
// enabled first, and installed if need be; otherwise a missing dependency is refused by name.
func (m *Manager) Enable(ctx context.Context, id string, withDependencies bool) (Result, error) {
	s, e, err := m.lookup(id)
	if err != nil {
		return Result{}, err
	}
	if err := checkEnable(s, e); err != nil {
		return Result{}, err
	}
	missing, err := s.missing(id)
	if err != nil {
		return Result{}, err
	}
	if !withDependencies {
		if err := s.checkDependencies(id); err != nil {
			return Result{}, err
		}
		missing = nil
	}
	for i, dep := range missing {
		if err := m.enableDependency(ctx, s, dep); err != nil {
			return Result{ID: id, Also: missing[:i]}, wrapID(id, err)
		}
	}
	r, err := m.enable(ctx, e)
	r.Also = missing
	return r, err
}

func (m *Manager) enableDependency(ctx context.Context, s *Snapshot, id string) error {
	e, known := s.Find(id)
	var err error
	switch {
	case !known:
		return problem.Newf(problem.MissingDependencies, "Missing dependencies: %s, which is neither installed nor in the library", id)
	case e.Status == NotInstalled:
		_, err = m.Install(ctx, id)
	default:
		_, err = m.Enable(ctx, id, false)
	}
	return err
}

func checkEnable(s *Snapshot, e Entry) error {
	switch {
	case e.Status == Enabled:
		return problem.Newf(problem.AlreadyEnabled, "extension %q is already enabled", e.ID)
	case !s.Installed(e.ID):
		return notInstalled(e.ID)
	case e.Status == Incompatible:
		return problem.Newf(problem.Incompatible, "extension %q does not run on this machine's GPU_BACKEND %s", e.ID, s.GPUBackend)
	case e.Problem != "":
		return problem.Newf(problem.InvalidExtension, "extension %q: %s", e.ID, e.Problem)
	}
	return nil
}

func (m *Manager) enable(ctx context.Context, e Entry) (Result, error) {
	change, err := m.journal.Begin(e.ID, "enable", m.actor)
	if err != nil {
		return Result{}, err
	}
	if err := m.verdict(ctx, e.ID, false); err != nil {
		change.Done()
		return Result{}, err
	}
	if err := m.toggle(ctx, e, true); err != nil {
		change.Done()
		return Result{}, err
	}
	return m.startChanged(ctx, change, e, "enabled", func() error { return m.toggle(ctx, e, false) })
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
	from, to := path.Join(dir, name+compose.DisabledSuffix), path.Join(dir, name)
	if !enabled {
		from, to = to, from
	}
	info, err := root.Lstat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := root.Lstat(to); err == nil {
			return nil // done already
		}
		return problem.Newf(problem.NotFound, "extension %q has no compose file %s: install it again", dir, path.Base(from))
	case err != nil:
		return storageError(err)
	case !info.Mode().IsRegular():
		return problem.Newf(problem.InvalidExtension, "extension %q: %s is a symlink or special file, not a regular file: it was changed by hand, install the extension again",
			dir, path.Base(from))
	}
	if _, err := root.Lstat(to); err == nil {
		return problem.Newf(problem.InvalidExtension, "extension %q has both %s and %s: remove one of them",
			dir, name, name+compose.DisabledSuffix)
	}
	return storageError(errors.Join(root.Rename(from, to), syncDir(root, dir)))
}
