package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// snapshotBuilder reads the index and the three folders, one over the other.
type snapshotBuilder struct {
	manager  *Manager
	snapshot *Snapshot
	shown    map[string]shown // by id
}

// shown is an entry, and the folder that it is of; nil for what the index alone has. Both belong to others, too: they are
// read only.
type shown struct {
	entry  *Entry
	folder *found
}

// sorted are the entries by id, and beside them their folders.
func (b *snapshotBuilder) sorted() (entries []Entry, folders []*found) {
	all := slices.SortedFunc(maps.Values(b.shown), func(x, y shown) int { return cmp.Compare(x.entry.ID, y.entry.ID) })
	entries, folders = slices.Grow(entries, len(all)), make([]*found, len(all))
	for i, one := range all {
		entries = append(entries, *one.entry)
		folders[i] = one.folder
	}
	return entries, folders
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
	index, err := b.manager.shelves.index.read(b.manager.settings.CatalogFile)
	if err != nil {
		b.skip(b.manager.settings.CatalogFile, "", err)
	}
	published := map[string]Listing{}
	for _, l := range index.Extensions {
		if !b.snapshot.isReserved(l.ID) {
			published[l.ID] = l
			l.Installable = false // until its folder shows up
			b.offer(Entry{Listing: l, Aliases: []string{}}, nil)
		}
	}
	for _, f := range b.folders(b.manager.shelves.library) {
		b.snapshot.LibraryAvailable = true
		if err := b.unfit(f, FromLibrary); err != nil {
			b.skip(path.Join(b.manager.settings.LibraryDir, f.name), f.name, err)
			delete(b.shown, f.name)
			continue
		}
		e := *f.entry
		e.Digest, e.Rating, e.Grants = published[e.ID].Digest, published[e.ID].Rating, slices.Clone(published[e.ID].Grants)
		if e.Grants == nil {
			e.Grants = []manifest.Grant{}
		}
		if f.refused != nil {
			e.Problem = f.refused.Error()
		}
		e.Installable = e.Problem == "" && e.RunsOn(b.snapshot.GPUBackend)
		b.offer(e, f)
	}
}

// offer adds what is not installed.
func (b *snapshotBuilder) offer(e Entry, f *found) {
	e.Source, e.Status = FromLibrary, NotInstalled
	if !e.RunsOn(b.snapshot.GPUBackend) {
		e.Status = Incompatible
	}
	b.shown[e.ID] = shown{&e, f}
}

// place adds built-in or installed extensions. An installed one hides the library's entry of the same id.
func (b *snapshotBuilder) place(sh *shelf, source Source) {
	for _, f := range b.folders(sh) {
		err := b.unfit(f, source)
		switch other := b.shown[f.name].entry; {
		case source == FromUser && other != nil && other.Source == FromCore:
			b.skip(path.Join(sh.dir, f.name), f.name, fmt.Errorf("id %q belongs to a built-in extension", f.name))
		case err == nil:
			b.installed(f)
		default:
			b.skip(path.Join(sh.dir, f.name), f.name, err)
			if source == FromUser && manifest.ValidID(f.name) {
				b.broken(f, err)
			}
		}
	}
}

// installed adds an extension whose files are in place.
func (b *snapshotBuilder) installed(f *found) {
	s, id := b.snapshot, f.entry.ID
	s.installed[id], s.enabled[id] = true, f.enabled
	if f.manifest.Service.Category == manifest.Core {
		s.core = append(s.core, id)
	}
	b.shown[id] = shown{f.entry, f}
}

// placed is an extension whose files are in place. Its status is the name of its compose file; what keeps an enabled one
// from running is its problem.
func (m *Manager) placed(f *found, source Source) Entry {
	man := f.manifest
	e := newEntry(man, source)
	core := man.Service.Category == manifest.Core
	e.Toggles = !core && f.fragment != ""
	switch {
	case core || f.enabled:
		e.Status = Enabled
	default:
		e.Status = Disabled
		if f.fragment != "" && !f.disabled {
			e.Problem = fmt.Sprintf("has neither %s nor %s%s", f.fragment, f.fragment, compose.DisabledSuffix)
		}
	}
	if err := man.CheckCompatible(m.version); err != nil && source == FromUser {
		e.Problem, e.otherVersion = strings.TrimPrefix(err.Error(), fmt.Sprintf("extension %q ", e.ID)), true
	}
	if backend := m.settings.GPUBackend; !e.RunsOn(backend) && !core {
		e.Problem = fmt.Sprintf("made for %s; this machine's GPU_BACKEND is %s", strings.Join(e.GPUBackends, ", "), backend)
	}
	return e
}

// broken shows an installed extension that cannot be read, so that its owner can disable and uninstall it.
func (b *snapshotBuilder) broken(f *found, err error) {
	id := f.name
	e := Entry{
		Listing: Listing{ID: id, Name: id, Category: string(manifest.Optional), Problem: err.Error()}.normalize(),
		Source:  FromUser, Status: Disabled, Toggles: true, Aliases: []string{},
	}
	b.snapshot.installed[id] = true
	if b.snapshot.enabled[id] = f.composed; f.composed {
		e.Status = Enabled
	}
	b.shown[id] = shown{&e, f}
}

// folders is what the shelf has. One that cannot be read is told, and empty.
func (b *snapshotBuilder) folders(sh *shelf) []*found {
	all, err := sh.folders()
	if err != nil {
		b.skip(sh.dir, "", err)
	}
	return all
}

// unfit says why a folder is no extension of this source.
func (b *snapshotBuilder) unfit(f *found, source Source) error {
	switch {
	case f.err != nil:
		return f.err
	case source == FromCore:
	case b.snapshot.isReserved(f.name):
		return reservedError(f.name)
	case f.manifest.Service.Category == manifest.Core:
		return errors.New("category core is the platform's own: use optional or recommended")
	}
	return nil
}

func (b *snapshotBuilder) skip(p, id string, err error) {
	b.snapshot.Skipped = append(b.snapshot.Skipped, compose.Skip{ID: id, Path: p, Warning: true, Reason: err.Error()})
}
