package catalog

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"dreamserver/compose"
	"dreamserver/manifest"
	"dreamserver/security"
)

// ratings remembers the verdicts on folders, as long as their files stay what they are. The zero value is ready.
type ratings struct {
	mu sync.Mutex
	of map[string]rated // by path
}

type rated struct {
	files  string // names, sizes and times of change
	rating int
	grants []manifest.Grant
	why    []security.Finding // that the rating comes from; one for each rule
}

// rate gives each extension its rating and the grants that it uses, and returns the ids of those that are not judged
// yet. It is for people to look at: what may run is judged when it starts. judge says how many may be judged now; the
// others have what they had before their files changed, or were published with, if anything. Folders are those of the
// entries, in their order.
func (m *Manager) rate(s *Snapshot, folders []*found, judge int) (unrated []string) {
	dirs := map[Source]string{FromCore: m.shelves.services.dir, FromUser: m.shelves.user.dir, FromLibrary: m.shelves.library.dir}
	var among *neighbours // made for who is judged first
	for i, f := range folders {
		e := &s.Entries[i]
		if f == nil || f.stamp == "" || e.Category == string(manifest.Core) && !e.Toggles {
			continue // what only the index has was published with its rating
		}
		dir := dirs[e.Source]
		at := dir + "/" + e.ID
		r, known := m.ratings.known(at, f.stamp)
		switch {
		case known:
		case judge > 0:
			judge--
			if among == nil {
				among = s.neighbours()
			}
			r = m.ratings.keep(at, m.judgeEntry(dir, among, e, f.stamp))
		default:
			unrated = append(unrated, e.ID)
			if r.files == "" {
				continue
			}
		}
		e.Rating, e.Grants, e.Findings = r.rating, r.grants, r.why
	}
	return unrated
}

func (m *Manager) judgeEntry(dir string, among *neighbours, e *Entry, files string) rated {
	r := rated{files: files, rating: security.WorstRating, grants: []manifest.Grant{}}
	root, err := os.OpenRoot(dir)
	if err != nil {
		r.files = "" // it is gone, and nothing is remembered of it
		return r
	}
	defer root.Close()
	source := compose.User
	if e.Source == FromCore {
		source = compose.Builtin
	}
	if f, err := m.folder(root, source, e.ID, among); err == nil {
		if v, err := security.Judge(context.Background(), f); err == nil {
			r.rating, r.grants, r.why = v.Rating, v.Grants, oneOfEach(v.Findings)
		}
	}
	return r
}

// oneOfEach is the first finding of each rule, the refusals before the rest: what several services have costs once.
func oneOfEach(findings []security.Finding) []security.Finding {
	var of []security.Finding
	for _, severity := range []string{security.Error, security.Note} {
		for _, f := range findings {
			if f.Severity == severity && !slices.ContainsFunc(of, func(o security.Finding) bool { return o.Rule == f.Rule }) {
				of = append(of, f)
			}
		}
	}
	return of
}

func (k *ratings) known(at, files string) (rated, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.of[at]
	return r, ok && r.files == files
}

func (k *ratings) keep(at string, r rated) rated {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[string]rated{}
	}
	k.of[at] = r
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
			inode := uint64(0)
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				inode = st.Ino
			}
			fmt.Fprintf(&b, "%q %d %d %d\n", e.Name(), info.Size(), info.ModTime().UnixNano(), inode)
		}
	}
	return b.String()
}
