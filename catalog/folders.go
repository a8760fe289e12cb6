package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// snapshotBuilder reads the index and the three folders, one over the other.
type snapshotBuilder struct {
	manager  *Manager
	snapshot *Snapshot
	entries  map[string]Entry
}

// reserved reads the ids that are kept for built-in extensions, those that this installation lacks too.
func (b *snapshotBuilder) reserved() {
	file := filepath.Join(b.manager.settings.InstallDir, "config", "core-service-ids.json")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		b.snapshot.reserved, err = config.ReadCoreIDs(data)
	}
	if err != nil {
		b.skip(file, "", err)
	}
}

// library adds what the index lists and, over it, what the library's folders say.
func (b *snapshotBuilder) library() {
	index, err := ReadIndex(b.manager.settings.CatalogFile)
	if err != nil {
		b.skip(b.manager.settings.CatalogFile, "", err)
	}
	published := map[string]string{}
	for _, l := range index.Extensions {
		if !b.snapshot.isReserved(l.ID) {
			published[l.ID] = l.Digest
			l.Installable = false // until its folder shows up
			b.offer(Entry{Listing: l, Aliases: []string{}})
		}
	}
	b.each(b.manager.settings.LibraryDir, FromLibrary, func(_ fs.FS, dir string, man *manifest.Manifest, err error) {
		b.snapshot.LibraryAvailable = true
		if err != nil {
			b.skip(path.Join(b.manager.settings.LibraryDir, dir), dir, err)
			delete(b.entries, dir)
			return
		}
		e := newEntry(man, FromLibrary)
		e.Digest = published[e.ID]
		if err := b.manager.checkLibraryEntry(dir); err != nil {
			e.Problem = err.Error()
		}
		e.Installable = e.Problem == "" && e.RunsOn(b.snapshot.GPUBackend)
		b.offer(e)
	})
}

// offer adds what is not installed.
func (b *snapshotBuilder) offer(e Entry) {
	e.Source, e.Status = FromLibrary, NotInstalled
	if !e.RunsOn(b.snapshot.GPUBackend) {
		e.Status = Incompatible
	}
	b.entries[e.ID] = e
}

// folder adds built-in or installed extensions. An installed one hides the library's entry of the same id.
func (b *snapshotBuilder) folder(dir string, source Source) {
	b.each(dir, source, func(fsys fs.FS, name string, man *manifest.Manifest, err error) {
		if other := b.entries[name]; source == FromUser && other.Source == FromCore {
			b.skip(path.Join(dir, name), name, fmt.Errorf("id %q belongs to a built-in extension", name))
			return
		}
		if err == nil {
			b.installed(fsys, man, source)
			return
		}
		b.skip(path.Join(dir, name), name, err)
		if source == FromUser && manifest.ValidID(name) {
			b.broken(fsys, name, err)
		}
	})
}

// installed adds an extension whose files are in place. Its status is the name of its compose file; what keeps
// an enabled one from running is its problem.
func (b *snapshotBuilder) installed(fsys fs.FS, man *manifest.Manifest, source Source) {
	e := newEntry(man, source)
	file, s := compose.FragmentName(man), b.snapshot
	core := man.Service.Category == manifest.Core
	s.installed[e.ID] = true
	s.enabled[e.ID] = file != "" && isFile(fsys, path.Join(e.ID, file))
	e.Toggles = !core && file != ""
	switch {
	case core:
		s.core = append(s.core, e.ID)
		e.Status = Enabled
	case s.enabled[e.ID]:
		e.Status = Enabled
	default:
		e.Status = Disabled
		if file != "" && !isFile(fsys, path.Join(e.ID, file+compose.DisabledSuffix)) {
			e.Problem = fmt.Sprintf("has neither %s nor %s%s", file, file, compose.DisabledSuffix)
		}
	}
	if err := man.CheckCompatible(b.manager.version); err != nil && source == FromUser {
		e.Problem, e.otherVersion = strings.TrimPrefix(err.Error(), fmt.Sprintf("extension %q ", e.ID)), true
	}
	if !e.RunsOn(s.GPUBackend) && !core {
		e.Problem = fmt.Sprintf("made for %s; this machine's GPU_BACKEND is %s", strings.Join(e.GPUBackends, ", "), s.GPUBackend)
	}
	b.entries[e.ID] = e
}

// broken shows an installed extension that cannot be read, so that its owner can disable and uninstall it.
func (b *snapshotBuilder) broken(fsys fs.FS, id string, err error) {
	e := Entry{
		Listing: Listing{ID: id, Name: id, Category: string(manifest.Optional), Problem: err.Error()}.normalize(),
		Source:  FromUser, Status: Disabled, Toggles: true, Aliases: []string{},
	}
	b.snapshot.installed[id] = true
	if b.snapshot.enabled[id] = isFile(fsys, path.Join(id, compose.Fragment)); b.snapshot.enabled[id] {
		e.Status = Enabled
	}
	b.entries[id] = e
}

// each calls visit for every extension folder of dir, sorted by name, and for every link that stands for one.
func (b *snapshotBuilder) each(dir string, source Source, visit func(fsys fs.FS, name string, man *manifest.Manifest, err error)) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.skip(dir, "", err)
		}
		return
	}
	defer root.Close()
	fsys := FS(root)
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		b.skip(dir, "", err)
		return
	}
	for _, d := range entries {
		switch {
		case strings.HasPrefix(d.Name(), "."):
		case d.Type()&fs.ModeSymlink != 0:
			visit(fsys, d.Name(), nil, errors.New("is a symlink: replace it by the folder itself"))
		case d.IsDir():
			man, err := b.read(fsys, d.Name(), source)
			visit(fsys, d.Name(), man, err)
		}
	}
}

// read reads the manifest of a folder and refuses what no extension of the source may be.
func (b *snapshotBuilder) read(fsys fs.FS, name string, source Source) (*manifest.Manifest, error) {
	man, err := b.manager.parsed.Read(fsys, name)
	if err == nil {
		err = manifest.CheckFolder(man, name)
	}
	switch {
	case err != nil:
		return nil, err
	case source == FromCore:
	case b.snapshot.isReserved(name):
		return nil, reservedError(name)
	case man.Service.Category == manifest.Core:
		return nil, errors.New("category core is the platform's own: use optional or recommended")
	}
	return man, nil
}

func (b *snapshotBuilder) skip(p, id string, err error) {
	b.snapshot.Skipped = append(b.snapshot.Skipped, compose.Skip{ID: id, Path: p, Warning: true, Reason: err.Error()})
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Lstat(fsys, name)
	return err == nil && !info.IsDir()
}
