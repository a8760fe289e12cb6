package catalog

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"dreamserver/compose"
	"dreamserver/manifest"
	"dreamserver/security"
)

// ratings remembers the verdicts on folders, as long as their files stay what they are. The zero value is ready.
type ratings struct {
	mu    sync.Mutex
	known map[string]rated // by path
}

type rated struct {
	files  string // names, sizes and times of change
	rating int
	grants []manifest.Grant
}

// rate gives each extension its rating and the grants that it uses. It is for people to look at: what may run is
// judged when it starts.
func (m *Manager) rate(s *Snapshot) {
	roots := map[Source]string{FromCore: m.settings.ServicesDir, FromUser: m.settings.UserExtensionsDir, FromLibrary: m.settings.LibraryDir}
	for source, dir := range roots {
		root, err := os.OpenRoot(dir)
		if err != nil {
			continue // the snapshot says so
		}
		for i, e := range s.Entries {
			if e.Source == source && (e.Category != string(manifest.Core) || e.Toggles) {
				if _, err := root.Lstat(e.ID); err != nil {
					continue // only the index has it, with what it was published with
				}
				r := m.ratings.of(m, s, root, e)
				s.Entries[i].Rating, s.Entries[i].Grants = r.rating, r.grants
			}
		}
		root.Close()
	}
}

func (k *ratings) of(m *Manager, s *Snapshot, root *os.Root, e Entry) rated {
	at, files := root.Name()+"/"+e.ID, filesOf(FS(root), e.ID)
	k.mu.Lock()
	r, ok := k.known[at]
	k.mu.Unlock()
	if ok && r.files == files {
		return r
	}
	r = rated{files: files, rating: security.WorstRating, grants: []manifest.Grant{}}
	source := compose.User
	if e.Source == FromCore {
		source = compose.Builtin
	}
	if f, err := m.folder(root, source, e.ID, s); err == nil {
		if v, err := security.Judge(context.Background(), f); err == nil {
			r.rating, r.grants = v.Rating, v.Grants
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]rated{}
	}
	k.known[at] = r
	return r
}

// filesOf tells one state of a folder from another without reading the files.
func filesOf(fsys fs.FS, dir string) string {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "%q %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
