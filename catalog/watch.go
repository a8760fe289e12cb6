package catalog

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// watchFiles says when something in the folders of extensions, the catalogue's file or the journal is not
// what it was; recorded is for the records of operations. Where the system does not tell, the slow look finds it.
func (m *Manager) watchFiles(ctx context.Context, changed, recorded chan<- struct{}) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		m.log.Warn().Err(err).Msg("files are not watched: changes show within half a minute")
		return
	}
	defer func() { _ = w.Close() }()
	roots := []string{m.settings.ServicesDir, m.settings.UserExtensionsDir, m.settings.LibraryDir}
	full := false
	add := func(dir string) {
		if err := w.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !full {
			full = true
			m.log.Warn().Err(err).Str("folder", dir).Msg("not every folder can be watched: changes in others show within half a minute")
		}
	}
	for _, root := range roots {
		add(root)
		for _, d := range readDir(root) {
			if d.IsDir() {
				add(filepath.Join(root, d.Name()))
			}
		}
	}
	add(filepath.Dir(m.settings.CatalogFile))
	add(m.settings.OperationsDir)
	add(filepath.Join(m.settings.OperationsDir, pendingDir))
	poke(changed) // what was written before the watch stood
	poke(recorded)
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-w.Events:
			if !open {
				return
			}
			if e.Has(fsnotify.Create) && !strings.HasPrefix(filepath.Base(e.Name), ".") {
				if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
					add(e.Name)
				}
			}
			switch {
			case e.Op == fsnotify.Chmod:
			case filepath.Dir(e.Name) == m.settings.OperationsDir && filepath.Base(e.Name) != pendingDir:
				poke(recorded)
			default:
				poke(changed)
			}
		case err, open := <-w.Errors:
			if !open {
				return
			}
			m.log.Warn().Err(err).Msg("watching files")
			poke(changed) // events were lost: everything is looked at
			poke(recorded)
		}
	}
}

func readDir(dir string) []fs.DirEntry {
	entries, _ := os.ReadDir(dir) // a folder that is not there has nothing to watch
	return entries
}
