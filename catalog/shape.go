package catalog

import (
	"context"
	"os"
	"path/filepath"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// checkShape judges an extension without the agent: its files with the defaults that its manifest declares. It is
// early feedback only; the agent judges what really runs.
func (m *Manager) checkShape(ctx context.Context, id string, library bool) (Verdict, error) {
	dir := m.settings.UserExtensionsDir
	if library {
		dir = m.settings.LibraryDir
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Verdict{}, storageError(err)
	}
	defer root.Close()
	folder, err := m.folder(root, compose.User, id, m.read())
	if err != nil {
		return Verdict{}, err
	}
	judged, err := security.Judge(ctx, folder)
	if err == nil {
		err = judged.Err()
	}
	if err != nil {
		return Verdict{}, err
	}
	own, err := root.OpenRoot(id + "/.") // a folder: opening a FIFO would wait
	if err != nil {
		return Verdict{}, storageError(err)
	}
	defer own.Close()
	digest, err := TreeDigest(FS(own))
	return Verdict{Verdict: judged, Ungranted: security.Asked(judged.Grants), Digest: digest}, err
}

// folder is an extension's folder below root as the gate sees it.
func (m *Manager) folder(root *os.Root, source compose.Source, id string, s *Snapshot) (security.Folder, error) {
	man, err := m.parsed.Read(FS(root), id)
	if err != nil {
		return security.Folder{}, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	f := security.Folder{
		Root: compose.Root{FS: FS(root)}, Dir: id, OwnDir: filepath.Join(root.Name(), id), Source: source,
		Manifest: man, Settings: m.settings, CoreIDs: s.core, Secrets: security.Secrets{},
	}
	for _, e := range s.Entries {
		if !s.Installed(e.ID) || source == compose.Builtin && e.Source != FromCore {
			continue
		}
		f.OtherIDs = append(f.OtherIDs, e.ID)
		if e.ID != id {
			f.Secrets.Declare(e.ID, e.EnvVars)
		}
	}
	return f, nil
}
