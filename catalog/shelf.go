package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// shelves are the three folders of an installation.
type shelves struct{ services, user, library *shelf }

// shelf is a folder of extensions as it was read last: what has not changed is not read again. It is safe for concurrent
// use.
type shelf struct {
	dir string
	// offered says why an install would refuse a folder of the library; nil for a shelf of what is in place.
	offered func(fsys fs.FS, id string) error
	parsed  *manifest.Cache

	mu    sync.Mutex
	known map[string]found // by folder name
}

// found is one folder of the shelf, with what can be said of it alone.
type found struct {
	name     string
	stamp    string // tells this state of the folder from another without reading the files
	manifest *manifest.Manifest
	err      error  // why there is no manifest
	fragment string // name of its main compose file; empty when it has none
	enabled  bool   // the file is there under that name
	disabled bool   // or under the name of what is switched off
	composed bool   // compose.yaml is there, whatever the manifest says
	refused  error  // library: why an install would refuse it
}

// folders looks at every extension folder, and at every link that stands for one, and returns them sorted by name. A
// shelf that does not exist is empty.
func (s *shelf) folders() ([]found, error) {
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fsys := FS(root)
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(d fs.DirEntry) bool {
		return strings.HasPrefix(d.Name(), ".") || !d.IsDir() && d.Type()&fs.ModeSymlink == 0
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]found, len(entries))
	var some errgroup.Group
	some.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range entries {
		some.Go(func() error {
			all[i] = s.look(fsys, d)
			return nil
		})
	}
	_ = some.Wait() // none fails: what cannot be read is found with its reason
	s.known = make(map[string]found, len(all))
	for _, f := range all {
		s.known[f.name] = f
	}
	return all, nil
}

// stamp is that of the folder when the shelf was looked at last; empty when it was not there.
func (s *shelf) stamp(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[name].stamp
}

// look reads a folder, or takes what is known when it has not changed since. The caller holds the lock; known is only
// read.
func (s *shelf) look(fsys fs.FS, d fs.DirEntry) found {
	f := found{name: d.Name()}
	if !d.IsDir() {
		f.err = errors.New("is a symlink: replace it by the folder itself")
		return f
	}
	f.stamp = filesOf(fsys, f.name)
	if known, ok := s.known[f.name]; ok && known.stamp == f.stamp {
		return known
	}
	if f.manifest, f.err = s.parsed.Read(fsys, f.name); f.err == nil {
		if f.err = manifest.CheckFolder(f.manifest, f.name); f.err != nil {
			f.manifest = nil
		}
	}
	f.fragment = compose.Fragment
	if f.manifest != nil {
		f.fragment = compose.FragmentName(f.manifest)
	}
	if f.fragment != "" {
		f.enabled = isFile(fsys, path.Join(f.name, f.fragment))
		f.disabled = isFile(fsys, path.Join(f.name, f.fragment+compose.DisabledSuffix))
	}
	f.composed = isFile(fsys, path.Join(f.name, compose.Fragment))
	if s.offered != nil && f.err == nil {
		f.refused = s.offered(fsys, f.name)
	}
	return f
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Lstat(fsys, name)
	return err == nil && !info.IsDir()
}
