package catalog

import (
	"context"
	"errors"
	"os"
	"strings"

	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// install copies an extension from the library, enabled, and starts it. One that asks for more than it is given is
// refused with [problem.GrantsRequired] or [problem.MissingConfig], which name it. When the start fails before a
// container exists, everything is undone but the values, which are there for the next try; see the package's table in
// docs/decisions. When the agent cannot be reached, the files are in place and the result says so; values that came
// with the request could not be kept then, and it is refused.
func (m *Manager) install(ctx context.Context, t *task) (Result, error) {
	if values := t.order.Given.Values; len(values) > 0 {
		t.enter(stageConfigure)
		if _, err := m.agent.Configure(ctx, t.ID, ConfigChange{Values: values}); err != nil {
			t.Cancel()
			return Result{}, err
		}
	}
	v, err := m.verdict(ctx, t, true)
	if err == nil {
		t.enter(stageCopy)
		err = m.copyIn(ctx, t.entry, v.Digest)
	}
	if err != nil {
		t.Cancel()
		return Result{}, err
	}
	return m.startChanged(ctx, t, "installed", m.remove)
}

// checkInstall is everything that can be said before a file is touched.
func (m *Manager) checkInstall(s *Snapshot, e Entry) error {
	switch {
	case e.Source == FromCore:
		return problem.Newf(problem.AlreadyInstalled, "extension %q is built in and already installed: enable it with `dream enable %s`", e.ID, e.ID)
	case s.Installed(e.ID):
		return alreadyInstalled(e.ID, e.Status == Disabled)
	case s.isReserved(e.ID):
		return reservedError(e.ID)
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
	_, err = readOffer(FS(root), id, m.version, m.parsed.Read)
	return err
}

// verdict asks the agent's gate. While the agent is away, the shape is checked here; the agent decides at start.
func (m *Manager) verdict(ctx context.Context, t *task, library bool) (Verdict, error) {
	t.enter(stageCheck)
	v, err := m.agent.Check(ctx, t.ID, library)
	switch {
	case !away(err), t.Plan != "": // whether it is what was planned, the agent alone can tell
	case t.entry.Source == FromCore: // shipped with the platform: nobody else can have changed it
		return v, nil
	default:
		v, err = m.checkShape(ctx, t.ID, library)
	}
	if missing := manifest.Without(v.Ungranted, t.Grants); err == nil && len(missing) > 0 {
		err = security.GrantsRequired(t.ID, missing, false)
	}
	return v, err
}

// alreadyInstalled names the way for who has changed the extension in the library.
func alreadyInstalled(id string, disabled bool) error {
	again := "dream uninstall " + id + " && dream install " + id
	if !disabled {
		again = "dream disable " + id + " && " + again
	}
	return problem.Newf(problem.AlreadyInstalled, "extension %q is already installed: if the library has changed, `%s` takes its files anew; its data stays", id, again)
}

// copyIn stages the library's folder and renames it into place, if it is still what was judged.
func (m *Manager) copyIn(ctx context.Context, e Entry, judged string) error {
	return m.locked(ctx, func(root *os.Root) error {
		if _, err := root.Lstat(e.ID); err == nil {
			return alreadyInstalled(e.ID, false)
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
		err = CopyTree(FS(src), root, staged, m.settings.UID, m.settings.GID)
		if err == nil {
			err = isTree(root, staged, judged)
		}
		if err == nil {
			err = storageError(root.Rename(staged, e.ID))
		}
		if err == nil {
			err = storageError(syncDir(root, "."))
		}
		if err != nil { // the folder is ours, or is not there
			return errors.Join(problem.About(e.ID, err), root.RemoveAll(staged), root.RemoveAll(e.ID))
		}
		return nil
	})
}

// isTree refuses a staged folder that is not what was judged. An agent of an older version does not tell what that was.
func isTree(root *os.Root, dir, digest string) error {
	staged, err := root.OpenRoot(dir + "/.") // a folder: opening a FIFO would wait
	if err != nil {
		return storageError(err)
	}
	defer staged.Close()
	got, err := TreeDigest(FS(staged))
	if err == nil && digest != "" && got != digest {
		err = problem.Newf(problem.InvalidExtension, "its files in the library have changed while they were checked: try again")
	}
	return err
}
