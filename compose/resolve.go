package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dreamserver/config"
	"dreamserver/manifest"
)

// Resolve lists the compose files of the stack in merge order: base, GPU overlay, built-in extensions, user
// extensions, override. It reads folder names and manifests and nothing else; the same tree gives the same
// stack. A folder that cannot take part is in Skipped and stops nothing. The error is for a tree without base
// files or a host that does not exist.
func Resolve(t Tree, h Host) (*Stack, error) {
	h, err := h.normalize()
	if err != nil {
		return nil, err
	}
	s := &Stack{}
	if err := s.addBase(t.Install, h); err != nil {
		return nil, err
	}
	r := resolver{tree: t, host: h, stack: s, seen: map[string]string{}}
	r.addAll(t.Services, Builtin)
	r.addAll(t.User, User)
	if t.Install.has(OverrideFile) {
		s.Override = t.Install.path(OverrideFile)
	}
	return s, nil
}

type resolver struct {
	tree  Tree
	host  Host
	stack *Stack
	seen  map[string]string // id → path of the folder that has it
}

func (r *resolver) addAll(root Root, source Source) {
	if root.FS == nil {
		return
	}
	entries, err := fs.ReadDir(root.FS, ".")
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.skip(root.path(), "", true, fmt.Sprintf("cannot be listed: %v", err))
		}
		return
	}
	for _, e := range entries { // ReadDir sorts by name
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		switch {
		case e.IsDir():
			r.add(root, source, e.Name())
		case e.Type()&fs.ModeSymlink != 0:
			r.skip(root.path(e.Name()), e.Name(), true, "is a symlink: replace it by the folder itself")
		}
	}
}

func (r *resolver) add(root Root, source Source, dir string) {
	read := r.tree.Manifest
	if read == nil {
		read = manifest.Read
	}
	m, err := read(root.FS, dir)
	if err == nil && source == User {
		err = manifest.CheckFolder(m, dir)
	}
	if err != nil {
		if source == Builtin {
			r.seen[dir] = root.path(dir) // broken, and still nobody else's name
		}
		r.skip(root.path(dir), dir, true, err.Error())
		return
	}
	id := m.Service.ID
	if other, taken := r.seen[id]; taken {
		r.skip(root.path(dir), dir, true, fmt.Sprintf("id %q is taken by %s: give it another", id, other))
		return
	}
	if reason := Impostor(m, r.tree.Reserved); source == User && reason != "" {
		r.skip(root.path(dir), id, true, reason)
		return
	}
	r.seen[id] = root.path(dir)
	if !m.Service.Supports(r.host.Backend) {
		r.skip(root.path(dir), id, false, fmt.Sprintf("made for %s; this machine is %s",
			strings.Join(m.Service.GPUBackends, ", "), r.host.Backend))
		return
	}
	u := StackUnit{ID: id, Source: source, Manifest: m, Dir: dir}
	if skip := u.addFragment(root); skip != nil {
		r.skip(root.path(dir), id, skip.Warning, skip.Reason)
		return
	}
	if skip := u.addOverlays(root, r.host); skip != nil {
		r.skip(root.path(dir), id, skip.Warning, skip.Reason)
		return
	}
	if len(u.Files) > 0 {
		r.stack.Units = append(r.stack.Units, u)
	}
}

// Candidate is the unit that the folder dir would be if it were enabled: for judging before it is installed or
// enabled. The Skip says why there is none.
func Candidate(root Root, source Source, dir string, m *manifest.Manifest, h Host) (*StackUnit, *Skip) {
	h, err := h.normalize()
	if err != nil {
		return nil, &Skip{ID: dir, Warning: true, Reason: err.Error()}
	}
	u := &StackUnit{ID: m.Service.ID, Source: source, Manifest: m, Dir: dir}
	if skip := u.addFragment(root); skip != nil {
		name := FragmentName(m) + DisabledSuffix
		if info, err := fs.Lstat(root.FS, path.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			return nil, skip
		}
		u.addFile(root, name)
	}
	if skip := u.addOverlays(root, h); skip != nil {
		return nil, skip
	}
	return u, nil
}

func (r *resolver) skip(p, id string, warning bool, reason string) {
	r.stack.Skipped = append(r.stack.Skipped, Skip{ID: id, Path: p, Warning: warning, Reason: reason})
}

// Impostor says why an installed extension may not be what its manifest claims; empty when it may. Whoever can
// write the folder of installed extensions can write any manifest: a reserved id would give the extension one of
// our own data folders, and category core the place of a core service.
func Impostor(m *manifest.Manifest, reserved []string) string {
	switch id := m.Service.ID; {
	case config.ReservedID(id) || slices.Contains(reserved, id):
		return fmt.Sprintf("the id %q is reserved for the platform", id)
	case m.Service.Category == manifest.Core:
		return "category core is the platform's own: use optional or recommended"
	}
	return ""
}
