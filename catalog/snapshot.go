package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Snapshot is the state of every extension at one moment. It is immutable.
type Snapshot struct {
	Entries          []Entry // sorted by id
	Agent            AgentStatus
	LibraryAvailable bool
	GPUBackend       string
	Skipped          []compose.Skip // folders that take no part although somebody put them there

	core      []string // ids of core services
	installed map[string]bool
	enabled   map[string]bool // compose file present, whatever else is wrong
}

// Snapshot reads the folders and puts them together with what is known of the containers. It does not wait for
// the agent.
func (m *Manager) Snapshot() *Snapshot {
	run := m.runtime.Load()
	s := &Snapshot{Agent: run.agent, GPUBackend: m.settings.GPUBackend, installed: map[string]bool{}, enabled: map[string]bool{}}
	b := snapshotBuilder{manager: m, snapshot: s, entries: map[string]Entry{}}
	b.library()
	b.folder(m.settings.ServicesDir, FromCore)
	b.folder(m.settings.UserExtensionsDir, FromUser)
	for _, e := range b.entries {
		s.Entries = append(s.Entries, e)
	}
	slices.SortFunc(s.Entries, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	pending, err := m.journal.Unfinished()
	if err != nil {
		m.log.Warn().Err(err).Msg("unfinished changes cannot be read")
	}
	for i := range s.Entries {
		s.Entries[i].Runtime = s.runtimeOf(s.Entries[i], run, pending[s.Entries[i].ID])
	}
	return s
}

type snapshotBuilder struct {
	manager  *Manager
	snapshot *Snapshot
	entries  map[string]Entry
}

// library adds what the index lists and, over it, what the library's folders say.
func (b *snapshotBuilder) library() {
	index, err := ReadIndex(b.manager.settings.CatalogFile)
	if err != nil {
		b.skip(b.manager.settings.CatalogFile, "", err)
	}
	for _, e := range index.Extensions {
		e.Source, e.Status = FromLibrary, NotInstalled
		if !slices.Contains(e.GPUBackends, "all") && len(e.GPUBackends) > 0 && !slices.Contains(e.GPUBackends, b.snapshot.GPUBackend) {
			e.Status = Incompatible
		}
		b.entries[e.ID] = e
	}
	b.each(b.manager.settings.LibraryDir, func(fsys fs.FS, dir string, man *manifest.Manifest, err error) {
		b.snapshot.LibraryAvailable = true
		if err != nil {
			b.skip(path.Join(b.manager.settings.LibraryDir, dir), dir, err)
			delete(b.entries, dir)
			return
		}
		e := newEntry(man, FromLibrary)
		e.Status = NotInstalled
		if !man.Service.Supports(b.snapshot.GPUBackend) {
			e.Status = Incompatible
		}
		if err := b.manager.checkLibraryEntry(dir); err != nil {
			e.Problem = err.Error()
		}
		e.Installable = e.Status == NotInstalled && e.Problem == ""
		b.entries[e.ID] = e
	})
}

// folder adds built-in or installed extensions. An installed one hides the library's entry of the same id.
func (b *snapshotBuilder) folder(dir string, source Source) {
	b.each(dir, func(fsys fs.FS, name string, man *manifest.Manifest, err error) {
		if err != nil && source == FromUser && manifest.ValidID(name) {
			b.snapshot.installed[name] = true
			b.snapshot.enabled[name] = isFile(fsys, path.Join(name, compose.Fragment))
			b.broken(name, err)
		}
		if err != nil {
			b.skip(path.Join(dir, name), name, err)
			return
		}
		id := man.Service.ID
		if other, taken := b.entries[id]; taken && other.Source == FromCore {
			b.skip(path.Join(dir, name), id, fmt.Errorf("id %q belongs to a built-in extension", id))
			return
		}
		e := newEntry(man, source)
		file := compose.FragmentName(man)
		b.snapshot.installed[id] = true
		b.snapshot.enabled[id] = file != "" && isFile(fsys, path.Join(name, file))
		switch {
		case man.Service.Category == manifest.Core:
			b.snapshot.core = append(b.snapshot.core, id)
			e.Status = Enabled
		case b.snapshot.enabled[id] && man.Service.Supports(b.snapshot.GPUBackend):
			e.Status = Enabled
		case b.snapshot.enabled[id]:
			e.Status = Incompatible
		case file == "": // a program of the host: nothing to enable
			e.Status = Disabled
		default:
			e.Status = Disabled
			if !isFile(fsys, path.Join(name, file+compose.DisabledSuffix)) {
				e.Problem = fmt.Sprintf("has neither %s nor %s%s", file, file, compose.DisabledSuffix)
			}
		}
		e.Toggles = man.Service.Category != manifest.Core && file != ""
		b.entries[id] = e
	})
}

// broken shows an installed extension whose manifest cannot be read, so that its owner can uninstall it.
func (b *snapshotBuilder) broken(id string, err error) {
	e := Entry{
		ID: id, Name: id, Category: string(manifest.Optional), Source: FromUser, Status: Disabled, Problem: err.Error(),
		GPUBackends: []string{}, DependsOn: []string{}, EnvVars: []manifest.EnvVar{}, Tags: []string{},
		Features: []manifest.Feature{}, Aliases: []string{},
	}
	if b.snapshot.enabled[id] {
		e.Status = Enabled
	}
	e.Toggles = true
	b.entries[id] = e
}

// each calls visit for every extension folder of dir, sorted by name.
func (b *snapshotBuilder) each(dir string, visit func(fsys fs.FS, name string, man *manifest.Manifest, err error)) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.skip(dir, "", err)
		}
		return
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		b.skip(dir, "", err)
		return
	}
	for _, d := range entries {
		if strings.HasPrefix(d.Name(), ".") || !d.IsDir() {
			continue
		}
		man, err := b.manager.parsed.Read(root.FS(), d.Name())
		if err == nil {
			err = manifest.CheckFolder(man, d.Name())
		}
		if err == nil && dir != b.manager.settings.ServicesDir && config.ReservedID(d.Name()) {
			err = fmt.Errorf("the id %q is reserved for the platform", d.Name())
		}
		visit(root.FS(), d.Name(), man, err)
	}
}

func (b *snapshotBuilder) skip(p, id string, err error) {
	b.snapshot.Skipped = append(b.snapshot.Skipped, compose.Skip{ID: id, Path: p, Warning: true, Reason: err.Error()})
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Lstat(fsys, name)
	return err == nil && !info.IsDir()
}

// Find is the entry with this id.
func (s *Snapshot) Find(id string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(s.Entries, id, func(e Entry, id string) int { return cmp.Compare(e.ID, id) })
	if !ok {
		return Entry{}, false
	}
	return s.Entries[i], true
}

// Installed reports whether the extension's files are in place: built in, or installed by somebody.
func (s *Snapshot) Installed(id string) bool { return s.installed[id] }

func (s *Snapshot) enabledOnDisk(id string) bool { return s.enabled[id] }

// List is the entries that pass the filter.
func (s *Snapshot) List(f Filter) []Entry {
	out := []Entry{}
	for _, e := range s.Entries {
		if f.Category != "" && e.Category != f.Category {
			continue
		}
		if f.GPUCompatible != nil && *f.GPUCompatible == (e.Status == Incompatible) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// Count sums up a list.
func Count(entries []Entry) Counts {
	c := Counts{Total: len(entries)}
	for _, e := range entries {
		switch e.Status {
		case Enabled:
			c.Enabled++
		case Disabled:
			c.Disabled++
		case NotInstalled:
			c.NotInstalled++
		case Incompatible:
			c.Incompatible++
		}
	}
	c.Installed = c.Enabled + c.Disabled
	return c
}

// ResolveName finds an extension by id, alias or container name. The error names what comes near.
func (s *Snapshot) ResolveName(name string) (string, error) {
	if _, ok := s.Find(name); ok {
		return name, nil
	}
	for _, e := range s.Entries {
		if slices.Contains(e.Aliases, name) || config.DefaultNames().Prefix+e.ID == name {
			return e.ID, nil
		}
	}
	var near []string
	for _, e := range s.Entries {
		if len(name) > 2 && (strings.Contains(e.ID, name) || strings.Contains(name, e.ID) || strings.HasPrefix(e.ID, name[:2])) {
			near = append(near, e.ID)
		}
	}
	err := problem.Newf(problem.NotFound, "no extension is called %q: `dream list` shows all", name)
	if len(near) > 0 {
		err = problem.Newf(problem.NotFound, "no extension is called %q; did you mean %s?", name, strings.Join(near[:min(3, len(near))], ", "))
	}
	return "", err
}
