package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dreamserver/compose"
	"dreamserver/manifest"
)

// shelves are the three folders of an installation, and what the catalogue's file lists of the last.
type shelves struct {
	services, user, library *shelf
	index                   keptIndex
}

// touch notes that what is at the path is not what it was: a shelf, a folder of one, or something in it.
func (s *shelves) touch(changed string) {
	for _, one := range s.all() {
		dir := filepath.Clean(one.dir)
		below, is := strings.CutPrefix(changed, dir+string(filepath.Separator))
		switch name, _, _ := strings.Cut(below, string(filepath.Separator)); {
		case is && !strings.HasPrefix(name, "."):
			one.touched.add(name)
		case changed == dir:
			one.touched.addAll()
		}
	}
}

// touchAll notes that nothing of what is known counts any more.
func (s *shelves) touchAll() {
	for _, one := range s.all() {
		one.touched.addAll()
	}
	s.index.forget()
}

func (s *shelves) all() []*shelf { return []*shelf{s.services, s.user, s.library} }

// shelf is a folder of extensions as it was looked at last. A look is at what has been touched since, and reads what has
// changed of that. Whoever needs the state of this moment touches it all. It is safe for concurrent use.
type shelf struct {
	dir string
	// offered says why an install would refuse a folder of the library; nil for a shelf of what is in place.
	offered func(fsys fs.FS, id string) error
	parsed  *manifest.Cache
	// enter makes the entry of a folder with a manifest, which depends on nothing but the folder and this program.
	enter   func(f *found) Entry
	touched touched

	mu   sync.Mutex  // one look at a time
	root fs.FileInfo // of the folder that was looked at; nil when there was none
	last []*found    // that were there, sorted by name; a look that finds others makes another list
}

// found is one folder of the shelf, with what can be said of it alone. It is immutable.
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
	entry    *Entry // what comes of the folder alone; nil without a manifest
}

// folders are the extension folders, and the links that stand for one, sorted by name. A shelf that does not exist is
// empty. The list is shared: do not change it.
func (s *shelf) folders() ([]*found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, everything := s.touched.take() // what is touched from here on is for the next look
	if s.root != nil && !everything && len(names) == 0 {
		return s.last, nil
	}
	all, info, err := s.look(names, everything)
	s.root, s.last = info, all
	return all, err
}

// look looks at these folders, or at everything. The caller holds the lock.
func (s *shelf) look(names []string, everything bool) ([]*found, fs.FileInfo, error) {
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	info, err := root.Stat(".")
	if err != nil {
		return nil, nil, err
	}
	fsys := FS(root)
	if !everything && s.root != nil && os.SameFile(info, s.root) {
		if all, ok := s.lookAt(fsys, names); ok {
			return all, info, nil
		}
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, err
	}
	entries = slices.DeleteFunc(entries, func(d fs.DirEntry) bool { return !mayBeExtension(d) })
	all := make([]*found, len(entries))
	var some errgroup.Group
	some.SetLimit(runtime.GOMAXPROCS(0))
	for i, d := range entries {
		some.Go(func() error {
			all[i] = s.find(fsys, d)
			return nil
		})
	}
	_ = some.Wait() // none fails: what cannot be read is found with its reason
	return all, info, nil
}

// lookAt is what was there last, with these folders as they are now. It reports false when it cannot tell.
func (s *shelf) lookAt(fsys fs.FS, names []string) ([]*found, bool) {
	all := slices.Clone(s.last)
	for _, name := range names {
		i, known := position(all, name)
		info, err := fs.Lstat(fsys, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, false
		}
		switch is := err == nil && mayBeExtension(fs.FileInfoToDirEntry(info)); {
		case is && known:
			all[i] = s.find(fsys, fs.FileInfoToDirEntry(info))
		case is:
			all = slices.Insert(all, i, s.find(fsys, fs.FileInfoToDirEntry(info)))
		case known:
			all = slices.Delete(all, i, i+1)
		}
	}
	return all, true
}

func mayBeExtension(d fs.DirEntry) bool {
	return !strings.HasPrefix(d.Name(), ".") && (d.IsDir() || d.Type()&fs.ModeSymlink != 0)
}

func position(all []*found, name string) (int, bool) {
	return slices.BinarySearchFunc(all, name, func(f *found, name string) int { return strings.Compare(f.name, name) })
}

// known is the folder as it was found last; nil when it was not there.
func (s *shelf) known(name string) *found {
	if i, ok := position(s.last, name); ok {
		return s.last[i]
	}
	return nil
}

// find reads a folder, or takes what is known when it has not changed since. The caller holds the lock; what is known is
// only read.
func (s *shelf) find(fsys fs.FS, d fs.DirEntry) *found {
	f := &found{name: d.Name()}
	if !d.IsDir() {
		f.err = errors.New("is a symlink: replace it by the folder itself")
		return f
	}
	f.stamp = filesOf(fsys, f.name)
	if known := s.known(f.name); known != nil && known.stamp == f.stamp {
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
	if f.manifest != nil {
		e := s.enter(f)
		f.entry = &e
	}
	return f
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Lstat(fsys, name)
	return err == nil && !info.IsDir()
}
