package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dreamserver/manifest"
)

// Root is a folder of the installation: how to read it, and how compose finds it.
type Root struct {
	FS fs.FS
	// Prefix is the folder's path as docker compose sees it, relative to the install directory or absolute.
	// Empty means the install directory itself.
	Prefix string
}

func (r Root) path(elem ...string) string { return path.Join(append([]string{r.Prefix}, elem...)...) }

// Tree is where [Resolve] looks. A Root without FS counts as an empty folder.
type Tree struct {
	Install  Root // base files and the operator's override
	Services Root // built-in extensions
	User     Root // installed extensions
	// Manifest reads the manifest of a folder; nil means [manifest.Read].
	Manifest func(fsys fs.FS, dir string) (*manifest.Manifest, error)
}

// Host is what the choice of files depends on.
type Host struct {
	Backend  string   // one of [Backends]; sycl counts as intel
	Tier     string   // 1…4, or a name that implies a backend: AP_…, SH_…, ARC…
	Mode     string   // one of [Modes]; empty means local
	GPUCount int      // above 1 adds the multi-GPU overlays
	Overlays []string // base files chosen by hand; when all exist they are the base
}

// Source says whose a unit is, and with it how much it may do.
type Source string

// The sources of a unit.
const (
	Builtin Source = "builtin" // shipped with the platform, read-only to the API
	User    Source = "user"    // installed from the library
)

// StackUnit is one extension's part of the stack, in the order of its files.
type StackUnit struct {
	ID       string
	Source   Source
	Manifest *manifest.Manifest
	Dir      string   // the folder's name below its root
	Files    []string // plain names: the fragment, then its overlays
	Paths    []string // the same as docker compose sees them
}

// Core reports whether the unit only adds to a service that the base files define.
func (u *StackUnit) Core() bool { return u.Manifest.Service.Category == manifest.Core }

// Skip is a folder that takes no part, and why.
type Skip struct {
	ID      string `json:"id"`
	Path    string `json:"path"`
	Warning bool   `json:"warning"` // false for what is normal: disabled, made for another GPU
	Reason  string `json:"reason"`
}

// Stack is the ordered list of compose files.
type Stack struct {
	Base     []string // never empty
	Primary  string   // the last base file before multi-GPU: the one that names the kind of machine
	Units    []StackUnit
	Override string // empty when there is none
	Skipped  []Skip
}

// Files lists all files in merge order.
func (s *Stack) Files() []string {
	files := slices.Clone(s.Base)
	for _, u := range s.Units {
		files = append(files, u.Paths...)
	}
	if s.Override != "" {
		files = append(files, s.Override)
	}
	return files
}

// Unit is the unit of the extension id.
func (s *Stack) Unit(id string) (*StackUnit, bool) {
	for i := range s.Units {
		if s.Units[i].ID == id {
			return &s.Units[i], true
		}
	}
	return nil, false
}

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

func (r Root) has(name string) bool {
	if r.FS == nil {
		return false
	}
	info, err := fs.Stat(r.FS, name)
	return err == nil && info.Mode().IsRegular()
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
		r.skip(root.path(dir), dir, true, err.Error())
		return
	}
	id := m.Service.ID
	if other, taken := r.seen[id]; taken {
		r.skip(root.path(dir), dir, true, fmt.Sprintf("id %q is taken by %s: give it another", id, other))
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

// FragmentName is the name of the extension's main compose file when enabled; empty when it has none because
// its containers are part of the base or it is no container.
func FragmentName(m *manifest.Manifest) string {
	switch {
	case m.Service.ComposeFile != "":
		return m.Service.ComposeFile
	case m.Service.Category == manifest.Core || m.Service.Type != manifest.Docker:
		return ""
	}
	return Fragment
}

// addFragment adds the main compose file. A service without one may still have overlays.
func (u *StackUnit) addFragment(root Root) *Skip {
	name := FragmentName(u.Manifest)
	if name == "" {
		return nil
	}
	info, err := fs.Lstat(root.FS, path.Join(u.Dir, name))
	switch {
	case err == nil && info.Mode().IsRegular():
		u.addFile(root, name)
		return nil
	case err == nil:
		return irregular(name, info)
	case root.has(path.Join(u.Dir, name+DisabledSuffix)):
		return &Skip{Reason: "disabled"}
	case errors.Is(err, fs.ErrNotExist):
		return &Skip{Warning: true, Reason: fmt.Sprintf("%s does not exist, nor does %s%s", name, name, DisabledSuffix)}
	}
	return &Skip{Warning: true, Reason: err.Error()}
}

// addOverlays adds what the folder has for this machine. Of several names in one row the first that exists counts.
func (u *StackUnit) addOverlays(root Root, h Host) *Skip {
	rows := [][]string{{"compose." + h.Backend}}
	if localOverlay(h.Mode) {
		rows = append(rows, []string{"compose.local"})
	}
	if h.GPUCount > 1 {
		rows = append(rows, []string{"compose.multigpu-" + h.Backend, "compose.multigpu"})
	}
	for _, stems := range rows {
		if skip := u.addOverlay(root, stems); skip != nil {
			return skip
		}
	}
	return nil
}

func (u *StackUnit) addOverlay(root Root, stems []string) *Skip {
	for _, stem := range stems {
		for _, name := range []string{stem + ".yaml", stem + ".yml"} {
			info, err := fs.Lstat(root.FS, path.Join(u.Dir, name))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return &Skip{Warning: true, Reason: err.Error()}
			case !info.Mode().IsRegular():
				return irregular(name, info)
			}
			if !slices.Contains(u.Files, name) { // compose_file may name an overlay
				u.addFile(root, name)
			}
			return nil
		}
	}
	return nil
}

// irregular refuses a compose file that is no file: a link could point at any file that the reader may read.
func irregular(name string, info fs.FileInfo) *Skip {
	return &Skip{Warning: true, Reason: fmt.Sprintf("%s is a %s, not a regular file", name, kindOf(info.Mode()))}
}

func (u *StackUnit) addFile(root Root, name string) {
	u.Files = append(u.Files, name)
	u.Paths = append(u.Paths, root.path(u.Dir, name))
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symlink"
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}
