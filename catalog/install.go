package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Install copies an extension from the library, enabled, and starts it. When the start fails before a container
// exists, everything is undone; see the package's table in docs/decisions. When the agent cannot be reached, the
// files are in place and the result says so.
func (m *Manager) Install(ctx context.Context, id string) (Result, error) {
	s, e, err := m.lookup(id)
	if err != nil {
		return Result{}, err
	}
	if err := m.checkInstall(s, e); err != nil {
		return Result{}, err
	}
	change, err := m.journal.Begin(id, "install", m.actor)
	if err != nil {
		return Result{}, err
	}
	if err := m.verdict(ctx, id, true); err != nil {
		change.Done()
		return Result{}, err
	}
	if err := m.copyIn(ctx, e); err != nil {
		change.Done()
		return Result{}, err
	}
	return m.startChanged(ctx, change, e, "installed", func() error { return m.remove(ctx, id) })
}

// checkInstall is everything that can be said before a file is touched.
func (m *Manager) checkInstall(s *Snapshot, e Entry) error {
	switch {
	case e.Source == FromCore:
		return problem.Newf(problem.AlreadyInstalled, "extension %q is built in and already installed: enable it with `dream enable %s`", e.ID, e.ID)
	case s.Installed(e.ID):
		return problem.Newf(problem.AlreadyInstalled, "extension %q is already installed", e.ID)
	case !s.LibraryAvailable:
		return problem.Newf(problem.LibraryUnavailable, "the extensions library %s is missing or empty: run `dream init`", m.settings.LibraryDir)
	case e.Status == Incompatible:
		return problem.Newf(problem.Incompatible, "extension %q runs on %s; this machine's GPU_BACKEND is %s",
			e.ID, strings.Join(e.GPUBackends, ", "), s.GPUBackend)
	}
	if err := m.checkLibraryEntry(e.ID); err != nil {
		return err
	}
	return s.checkDependencies(e.ID)
}

// checkLibraryEntry reads the library's folder as the installer will.
func (m *Manager) checkLibraryEntry(id string) error {
	root, err := os.OpenRoot(m.settings.LibraryDir)
	if err != nil {
		return storageError(err)
	}
	defer root.Close()
	info, err := root.Lstat(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.NotFound, "extension %q is not in the library", id)
	case err != nil:
		return storageError(err)
	case info.Mode()&fs.ModeSymlink != 0:
		return problem.Newf(problem.InvalidExtension, "the library's entry %q is a symlink: replace it by the folder itself", id)
	case !info.IsDir():
		return problem.Newf(problem.InvalidExtension, "the library's entry %q is not a folder", id)
	}
	man, err := m.parsed.Read(root.FS(), id)
	if err == nil {
		err = manifest.CheckFolder(man, id)
	}
	if err == nil {
		err = man.CheckCompatible(m.version)
	}
	if err != nil {
		return problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	name := compose.FragmentName(man)
	if name == "" {
		return problem.Newf(problem.InvalidExtension, "extension %q has no compose file: nothing could run", id)
	}
	file, err := root.Lstat(path.Join(id, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.InvalidExtension, "extension %q has no %s: it cannot be installed", id, name)
	case err != nil:
		return storageError(err)
	case !file.Mode().IsRegular():
		return problem.Newf(problem.InvalidExtension, "extension %q: %s is not a regular file (symlink, folder or device)", id, name)
	}
	return nil
}

// verdict asks the agent's gate. While the agent is away, the shape is checked here; the agent decides at start.
func (m *Manager) verdict(ctx context.Context, id string, library bool) error {
	_, err := m.agent.Check(ctx, id, library)
	if problem.AgentAway(err) {
		return m.checkShape(ctx, id, library)
	}
	return err
}

// copyIn stages the library's folder and renames it into place.
func (m *Manager) copyIn(ctx context.Context, e Entry) error {
	return m.locked(ctx, func(root *os.Root) error {
		if _, err := root.Lstat(e.ID); err == nil {
			return problem.Newf(problem.AlreadyInstalled, "extension %q is already installed", e.ID)
		}
		library, err := os.OpenRoot(m.settings.LibraryDir)
		if err != nil {
			return storageError(err)
		}
		defer library.Close()
		src, err := library.OpenRoot(e.ID)
		if err != nil {
			return storageError(err)
		}
		defer src.Close()
		staged := stagePrefix + e.ID
		err = CopyTree(src.FS(), root, staged, m.settings.UID, m.settings.GID)
		if err == nil {
			err = storageError(errors.Join(root.Rename(staged, e.ID), syncDir(root, ".")))
		}
		if err != nil {
			return errors.Join(wrapID(e.ID, err), root.RemoveAll(staged))
		}
		return nil
	})
}

func wrapID(id string, err error) error {
	if e := problem.As(err); e.Code != problem.Internal {
		return &problem.Error{Code: e.Code, Detail: fmt.Sprintf("extension %q: %s", id, e.Detail), Items: e.Items, Err: e.Err}
	}
	return fmt.Errorf("extension %q: %w", id, err)
}

// startChanged starts an extension whose files have just changed, and decides what a failure leaves.
func (m *Manager) startChanged(ctx context.Context, change *Change, e Entry, done string, undo func() error) (Result, error) {
	report, err := m.agent.Start(ctx, e.ID)
	defer m.Refresh(ctx)
	r := Result{ID: e.ID, Action: done}
	switch {
	case err == nil:
		change.Done()
		r.Message, r.Warnings = report.sentence(e.Name, done), report.Notes
		return r, nil
	case problem.AgentAway(err):
		change.Leave()
		r.RestartRequired = true
		r.Message = fmt.Sprintf("%s is %s, but not started: %s. It is started as soon as the host agent is back.", e.Name, done, trimDot(err.Error()))
		return r, nil
	case problem.HasCode(err, problem.OutcomeUnknown):
		change.Leave()
		return r, err
	case m.hasContainers(ctx, e.ID):
		change.Done()
		return r, err
	}
	defer change.Done()
	if undone := undo(); undone != nil {
		return r, errors.Join(err, fmt.Errorf("undo: %w", undone))
	}
	return r, err
}

func trimDot(s string) string { return strings.TrimSuffix(s, ".") }

// hasContainers reports whether the extension has containers. When nobody can tell, nothing is undone.
func (m *Manager) hasContainers(ctx context.Context, id string) bool {
	state, err := m.agent.Containers(ctx)
	if err != nil {
		return !problem.HasCode(err, problem.DockerUnavailable)
	}
	return len(m.Snapshot().containersOf(id, state.Containers)) > 0
}

// remove takes an installed folder away: renamed first, so that no reader sees half of it.
func (m *Manager) remove(ctx context.Context, id string) error {
	return m.locked(ctx, func(root *os.Root) error {
		trash := trashPrefix + id
		if err := root.Rename(id, trash); err != nil {
			return storageError(err)
		}
		return storageError(errors.Join(syncDir(root, "."), root.RemoveAll(trash)))
	})
}
