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
	folder, err := m.folder(root, compose.User, id, m.read().neighbours())
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

// neighbours are what an extension is judged among: what is in place. It is made once for all that are judged; nobody
// changes it.
type neighbours struct {
	core    []string // ids of core services
	builtin []string // ids of what is built in
	all     []string
	// declared are the secrets of all of them: what is built in is not judged by those.
	declared security.Declared
}

func (s *Snapshot) neighbours() *neighbours {
	n := &neighbours{core: s.core, declared: security.Declared{}}
	for i := range s.Entries {
		e := &s.Entries[i]
		if !s.Installed(e.ID) {
			continue
		}
		n.all = append(n.all, e.ID)
		if e.Source == FromCore {
			n.builtin = append(n.builtin, e.ID)
		}
		n.declared.Add(e.ID, e.EnvVars)
	}
	return n
}

// folder is an extension's folder below root as the gate sees it.
func (m *Manager) folder(root *os.Root, source compose.Source, id string, among *neighbours) (security.Folder, error) {
	man, err := m.parsed.Read(FS(root), id)
	if err != nil {
		return security.Folder{}, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	others := among.all
	if source == compose.Builtin {
		others = among.builtin
	}
	return security.Folder{
		Root: compose.Root{FS: FS(root)}, Dir: id, OwnDir: filepath.Join(root.Name(), id), Source: source,
		Manifest: man, Settings: m.settings, CoreIDs: among.core, OtherIDs: others, Secrets: among.declared.Others(id, man),
	}, nil
}
