package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watchFiles says when something in the folders of extensions, the catalogue's file or the journal is not
// what it was; recorded is for the records of operations. It touches the folders that have changed. Where the system does
// not tell, the slow look finds it.
func (m *Manager) watchFiles(ctx context.Context, changed, recorded chan<- struct{}) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		m.log.Warn().Err(err).Msg("files are not watched: changes show within half a minute")
		return
	}
	defer func() { _ = w.Close() }()
	f := folderWatch{manager: m, watcher: w}
	f.addAll()
	m.shelves.touchAll() // what was written before the watch stood
	poke(changed)
	poke(recorded)
	slow := time.NewTicker(rescan)
	defer slow.Stop()
	again := time.NewTimer(settle)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-slow.C: // a folder of extensions that has been made since
			f.addAll()
			poke(changed)
		case <-again.C:
			f.addAll()
			poke(changed)
		case e, open := <-w.Events:
			if !open {
				return
			}
			if f.follow(e) {
				again.Reset(settle)
			}
			switch {
			case e.Op == fsnotify.Chmod:
			case filepath.Dir(e.Name) == m.settings.OperationsDir && filepath.Base(e.Name) != pendingDir:
				poke(recorded)
			default:
				m.shelves.touch(e.Name)
				poke(changed)
			}
		case err, open := <-w.Errors:
			if !open {
				return
			}
			m.log.Warn().Err(err).Msg("watching files")
			m.shelves.touchAll() // events were lost
			again.Reset(settle)
			poke(changed)
			poke(recorded)
		}
	}
}

// folderWatch is which folders are watched. It belongs to one goroutine.
type folderWatch struct {
	manager *Manager
	watcher *fsnotify.Watcher
	full    bool // the system watches no more, which was said
}

// addAll watches what is not watched yet, and touches the extensions among that.
func (f *folderWatch) addAll() {
	watched := map[string]bool{}
	for _, dir := range f.watcher.WatchList() {
		watched[dir] = true
	}
	add := func(dir string) {
		if !watched[filepath.Clean(dir)] && f.add(dir) {
			f.manager.shelves.touch(filepath.Clean(dir))
		}
	}
	s := f.manager.settings
	for _, root := range []string{s.ServicesDir, s.UserExtensionsDir, s.LibraryDir} {
		add(root)
		for _, d := range readDir(root) {
			if d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
				add(filepath.Join(root, d.Name()))
			}
		}
	}
	add(filepath.Dir(s.CatalogFile))
	add(s.OperationsDir)
	add(filepath.Join(s.OperationsDir, pendingDir))
}

// add reports whether the folder is watched from now on.
func (f *folderWatch) add(dir string) bool {
	err := f.watcher.Add(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !f.full {
		f.full = true
		f.manager.log.Warn().Err(err).Str("folder", dir).Msg("not every folder can be watched: changes in others show within half a minute")
	}
	return err == nil
}

// follow watches a folder that has come. It reports whether all of them are to be gone through: the watch of a folder that
// was given another name ends, perhaps after the one of its new name has begun, which is the same to the system.
func (f *folderWatch) follow(e fsnotify.Event) bool {
	if strings.HasPrefix(filepath.Base(e.Name), ".") {
		return false // nobody looks at those
	}
	if e.Has(fsnotify.Create) {
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			f.add(e.Name)
		}
	}
	if !e.Has(fsnotify.Rename) {
		return false
	}
	parent := filepath.Dir(e.Name)
	for _, one := range f.manager.shelves.all() {
		if parent == filepath.Clean(one.dir) {
			return true
		}
	}
	return false
}

func readDir(dir string) []fs.DirEntry {
	entries, _ := os.ReadDir(dir) // a folder that is not there has nothing to watch
	return entries
}
