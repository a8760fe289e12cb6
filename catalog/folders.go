package catalog

import (
	"errors"
	"fmt"
	"io/fs"
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
	published := map[string]Listing{}
	for _, l := range index.Extensions {
		if !b.snapshot.isReserved(l.ID) {
			published[l.ID] = l
			l.Installable = false // until its folder shows up
			b.offer(Entry{Listing: l, Aliases: []string{}})
		}
	}
	for _, f := range b.folders(b.manager.shelves.library) {
		b.snapshot.LibraryAvailable = true
		if err := b.unfit(f, FromLibrary); err != nil {
			b.skip(path.Join(b.manager.settings.LibraryDir, f.name), f.name, err)
			delete(b.entries, f.name)
			continue
		}
		e := newEntry(f.manifest, FromLibrary)
		e.Digest, e.Rating, e.Grants = published[e.ID].Digest, published[e.ID].Rating, slices.Clone(published[e.ID].Grants)
		if e.Grants == nil {
			e.Grants = []manifest.Grant{}
		}
		if f.refused != nil {
			e.Problem = f.refused.Error()
		}
		e.Installable = e.Problem == "" && e.RunsOn(b.snapshot.GPUBackend)
		b.offer(e)
	}
}

// offer adds what is not installed.
func (b *snapshotBuilder) offer(e Entry) {
	e.Source, e.Status = FromLibrary, NotInstalled
	if !e.RunsOn(b.snapshot.GPUBackend) {
		e.Status = Incompatible
	}
	b.entries[e.ID] = e
}

// place adds built-in or installed extensions. An installed one hides the library's entry of the same id.
func (b *snapshotBuilder) place(sh *shelf, source Source) {
	for _, f := range b.folders(sh) {
		err := b.unfit(f, source)
		switch other := b.entries[f.name]; {
		case source == FromUser && other.Source == FromCore:
			b.skip(path.Join(sh.dir, f.name), f.name, fmt.Errorf("id %q belongs to a built-in extension", f.name))
		case err == nil:
			b.installed(f, source)
		default:
			b.skip(path.Join(sh.dir, f.name), f.name, err)
			if source == FromUser && manifest.ValidID(f.name) {
				b.broken(f, err)
			}
		}
	}
}

// installed adds an extension whose files are in place. Its status is the name of its compose file; what keeps
// an enabled one from running is its problem.
func (b *snapshotBuilder) installed(f found, source Source) {
	man, s := f.manifest, b.snapshot
	e := newEntry(man, source)
	core := man.Service.Category == manifest.Core
	s.installed[e.ID] = true
	s.enabled[e.ID] = f.enabled
	e.Toggles = !core && f.fragment != ""
	switch {
	case core:
		s.core = append(s.core, e.ID)
		e.Status = Enabled
	case s.enabled[e.ID]:
		e.Status = Enabled
	default:
		e.Status = Disabled
		if f.fragment != "" && !f.disabled {
			e.Problem = fmt.Sprintf("has neither %s nor %s%s", f.fragment, f.fragment, compose.DisabledSuffix)
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
func (b *snapshotBuilder) broken(f found, err error) {
	id := f.name
	e := Entry{
		Listing: Listing{ID: id, Name: id, Category: string(manifest.Optional), Problem: err.Error()}.normalize(),
		Source:  FromUser, Status: Disabled, Toggles: true, Aliases: []string{},
	}
	b.snapshot.installed[id] = true
	if b.snapshot.enabled[id] = f.composed; f.composed {
		e.Status = Enabled
	}
	b.entries[id] = e
}

// folders is what the shelf has. One that cannot be read is told, and empty.
func (b *snapshotBuilder) folders(sh *shelf) []found {
	all, err := sh.folders()
	if err != nil {
		b.skip(sh.dir, "", err)
	}
	return all
}

// unfit says why a folder is no extension of this source.
func (b *snapshotBuilder) unfit(f found, source Source) error {
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
