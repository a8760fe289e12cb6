package compose

import (
	"io/fs"
	"path"
	"slices"

	"dreamserver/config"
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

// has reports whether the folder has a regular file of this name.
func (r Root) has(name string) bool {
	if r.FS == nil {
		return false
	}
	info, err := fs.Stat(r.FS, name)
	return err == nil && info.Mode().IsRegular()
}

// Tree is where [Resolve] looks. A Root without FS counts as an empty folder.
type Tree struct {
	Install  Root // base files and the operator's override
	Services Root // built-in extensions
	User     Root // installed extensions
	// Reserved are ids that no installed extension may have, beside those of the platform's own folders.
	Reserved []string
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

// HostOf is the machine that the settings describe.
func HostOf(s config.Settings) Host {
	return Host{Backend: s.GPUBackend, Tier: s.Tier, Mode: s.Mode, GPUCount: s.GPUCount}
}

// Source says whose a unit is, and with it how much it may do.
type Source string

// The sources of a unit.
const (
	Builtin Source = "builtin" // shipped with the platform, read-only to the API
	User    Source = "user"    // installed from the library
	Owner   Source = "owner"   // the operator's own override of the whole
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
