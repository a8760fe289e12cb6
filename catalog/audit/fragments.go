package audit

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

// fragment is one compose file of a folder.
type fragment struct {
	name     string
	disabled bool   // it is the main file, switched off
	main     bool   // it is the main file
	backend  string // of an overlay for one kind of machine, else empty
	data     []byte
	root     value
	code     string // what is wrong with its form, if anything
	line     int
	message  string
}

// spot is a place in one of the folder's files.
type spot struct {
	value
	file string
}

// addAt is a finding at a place of any file.
func (f *folder) addAt(code string, at spot, message string) {
	if at.file == "" {
		at.file = path.Base(f.file)
	}
	f.add(code, at.file, at.line, "", message)
}

// composeFile is the main compose file's name as the manifest has it; empty when it does not.
func (f *folder) composeFile() string { return f.service.at("compose_file").text() }

// readFragments reads what looks like a compose file, the main one first.
func (f *folder) readFragments() {
	entries, err := fs.ReadDir(f.fsys, f.dir)
	if err != nil {
		return // what cannot be listed has no compose file
	}
	mainName := f.composeFile()
	if mainName == "" && !f.core() && f.typ() == string(manifest.Docker) {
		mainName = compose.Fragment
	}
	for _, e := range entries {
		name := e.Name()
		x := &fragment{name: name, disabled: mainName != "" && name == mainName+compose.DisabledSuffix}
		x.main = x.disabled || mainName != "" && name == mainName
		if !x.main && (!compose.IsFragment(name) || strings.HasSuffix(name, compose.DisabledSuffix)) || !e.Type().IsRegular() {
			continue
		}
		x.backend = overlayBackend(name)
		x.read(f.fsys, path.Join(f.dir, name), f.documents)
		f.fragments = append(f.fragments, x)
	}
	slices.SortStableFunc(f.fragments, func(a, b *fragment) int { return cmp.Compare(a.rank(), b.rank()) })
}

// rank puts the main file first, the enabled one before the disabled one.
func (x *fragment) rank() int {
	switch {
	case x.main && !x.disabled:
		return 0
	case x.main:
		return 1
	}
	return 2
}

// overlayBackend is the backend that a file such as compose.nvidia.yaml is for.
func overlayBackend(name string) string {
	for _, b := range compose.Backends() {
		if name == "compose."+b+".yaml" || name == "compose."+b+".yml" {
			return b
		}
	}
	return ""
}

func (x *fragment) read(fsys *held, name string, documents compose.Documents) {
	var err error
	x.data, err = fsys.keep(name, yamldoc.MaxBytes)
	if err != nil {
		x.code, x.message = "compose-invalid", err.Error()
		return
	}
	doc, err := documents.Parse(name, x.data)
	if err != nil {
		x.code, x.message = "compose-invalid", err.Error()
		if e, ok := errors.AsType[*yamldoc.Error](err); ok {
			x.line, x.message = e.Line, e.Message
		}
		if len(x.data) <= yamldoc.MaxBytes && isAnotherShape(x.data) {
			x.code = "compose-shape-invalid"
		}
		return
	}
	x.root = root(doc)
	if s := x.root.at("services"); s.node != nil && !s.isMapping() {
		x.code, x.line, x.message = "compose-services-invalid", s.line, "services is not a mapping of names to services"
	}
}

// main is the main compose file that counts; nil when there is none.
func (f *folder) main() *fragment {
	if len(f.fragments) > 0 && f.fragments[0].main {
		return f.fragments[0]
	}
	return nil
}

// overlay is the overlay for a backend, or nil.
func (f *folder) overlay(backend string) *fragment {
	for _, x := range f.fragments {
		if x.backend == backend && !x.main {
			return x
		}
	}
	return nil
}

// checkFragments looks at which compose files there are, and reports whether they can be looked into.
func (f *folder) checkFragments(a *audit) bool {
	named, key := f.composeFile(), f.service.at("compose_file")
	switch {
	case f.typ() == string(manifest.HostSystemd):
		if named != "" {
			f.find("compose-file-unexpected", key, "is %s, and the service is no container", quote(named))
		}
		return false
	case named == "" && !f.core():
		f.find("compose-file-missing", key, "is missing")
		if f.main() != nil {
			f.issues[len(f.issues)-1].Fix = "write compose_file: " + compose.Fragment
		}
		return false
	case named != "" && f.main() == nil:
		f.find("compose-file-missing", key, "is %s, which is there neither enabled nor as %s", quote(named), quote(named+compose.DisabledSuffix))
		return false
	}
	f.checkState(a)
	sound := true
	for _, x := range f.fragments {
		if x.code != "" {
			f.add(x.code, x.name, x.line, "", x.message)
			sound = false
		}
	}
	return sound
}

// checkState compares the main file's name, which is the extension's state, with what it should be.
func (f *folder) checkState(a *audit) {
	if len(f.fragments) > 1 && f.fragments[1].main {
		f.add("compose-state-ambiguous", f.fragments[1].name, 0, "", f.fragments[0].name+" is there, too: the extension is on")
		return
	}
	x := f.main()
	if x == nil || !a.Shipped || !f.builtin() {
		return
	}
	switch category := f.category(); {
	case category == string(manifest.Recommended) && x.disabled:
		f.add("compose-state-unexpected", x.name, 0, "", "the extension is recommended, and ships switched off")
	case category == string(manifest.Optional) && !x.disabled:
		f.add("compose-state-unexpected", x.name, 0, "", "the extension is optional, and ships switched on")
	}
}
