package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"dreamserver/compose"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

// folder is one extension's folder: what is in it, and what is wrong with it. One goroutine at a time has it.
type folder struct {
	root *Root
	dir  string
	link bool // it is a link, and not looked into
	fsys *held

	file     string // the manifest's path in the root
	data     []byte
	document *manifest.Document
	service  value              // the section; without a node when there is none
	manifest *manifest.Manifest // nil when the contract refuses it
	id       string             // as the manifest has it, else the folder's name

	fragments []*fragment
	documents compose.Documents // of the fragments, for whoever reads them next

	issues []Issue
	global bool            // nothing can be made of the manifest
	known  map[string]bool // key paths of the manifest that have a finding
	report Service
}

// read reads the manifest and the compose files.
func (f *folder) read() {
	f.id, f.known, f.documents = f.dir, map[string]bool{}, compose.Documents{}
	if f.link {
		f.spoilt("files-refused", 0, "is a link: replace it by the folder itself")
		return
	}
	f.fsys = hold(f.root.FS, f.dir)
	var err error
	f.file, err = manifest.FileName(f.fsys, f.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.spoilt("manifest-missing", 0, "has no manifest.yaml, manifest.yml or manifest.json")
		return
	case err != nil:
		f.refusedManifest(err)
		return
	}
	f.data, err = f.fsys.keep(f.file, manifest.MaxBytes)
	if err == nil {
		f.document, err = manifest.ParseDocument(f.file, f.data)
	}
	if err != nil {
		f.refusedManifest(err)
		return
	}
	f.service = root(f.document.Root).at("service")
	if !f.service.isMapping() {
		f.spoilt("service-section-missing", f.service.line, "service is not a mapping")
		return
	}
	f.id = cmp.Or(f.service.at("id").text(), f.dir)
	f.contract()
	f.readFragments()
}

// readFile reads one byte more than the file may have when there is more, so that it is refused and not cut.
func readFile(fsys fs.FS, name string, most int) ([]byte, error) {
	info, err := fs.Lstat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path.Base(name))
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s was exchanged while it was read: try again", path.Base(name))
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, int64(most)+1))
}

// refusedManifest is a manifest that nothing can be made of.
func (f *folder) refusedManifest(err error) {
	code, line, message := "manifest-invalid", 0, err.Error()
	if e, ok := errors.AsType[*manifest.Error](err); ok {
		line, message = e.Issues[0].Line, e.Issues[0].Message
		if len(f.data) <= manifest.MaxBytes && isAnotherShape(f.data) {
			code = "manifest-shape-invalid"
		}
	}
	f.spoilt(code, line, message)
}

// isAnotherShape reports whether the text is YAML, and its root is no mapping.
func isAnotherShape(data []byte) bool {
	docs, err := yamldoc.Documents(data)
	return err == nil && (len(docs) == 0 || len(docs) == 1 && !root(yamldoc.Resolve(docs[0].Content[0])).isMapping())
}

// spoilt is a finding on a folder that is no service.
func (f *folder) spoilt(code string, line int, message string) {
	f.global = true
	r := ruleOf(code)
	f.issues = append(f.issues, Issue{
		Severity: r.Severity, Code: code, Message: f.dir + ": " + message, Path: nullable(f.path(cmp.Or(path.Base(f.file), "."))), Line: line, Fix: r.Fix,
	})
}

// path is a file of the folder as the report names it.
func (f *folder) path(name string) string { return path.Join(f.root.Dir, f.dir, name) }

func (f *folder) builtin() bool { return f.root.Source == compose.Builtin }

func (f *folder) category() string {
	return cmp.Or(f.service.at("category").text(), string(manifest.Optional))
}

func (f *folder) typ() string { return cmp.Or(f.service.at("type").text(), string(manifest.Docker)) }
func (f *folder) core() bool  { return f.category() == string(manifest.Core) }

func (f *folder) backends() []string {
	b := f.service.at("gpu_backends")
	if !b.given() {
		return manifest.DefaultGPUBackends()
	}
	var all []string
	for _, v := range b.texts() {
		all = append(all, v.text())
	}
	return all
}

func (f *folder) aliases() []string {
	var all []string
	for _, v := range f.service.at("aliases").texts() {
		all = append(all, v.text())
	}
	return all
}

// features are those that are mappings.
func (f *folder) features() []value {
	if f.document == nil {
		return nil
	}
	return slices.DeleteFunc(root(f.document.Root).at("features").items(), func(v value) bool { return !v.isMapping() })
}

// find is a finding at a key of the manifest.
func (f *folder) find(code string, at value, format string, args ...any) {
	f.known[at.path] = true
	f.add(code, path.Base(f.file), at.line, "", at.path+" "+fmt.Sprintf(format, args...))
}

// add is a finding in a file of the folder. Without a fix it has that of its rule.
func (f *folder) add(code, file string, line int, fix, message string) {
	r := ruleOf(code)
	f.issues = append(f.issues, Issue{
		Severity: r.Severity, Code: code, Message: message, Service: nullable(f.id), Path: nullable(f.path(file)), Line: line, Fix: cmp.Or(fix, r.Fix),
	})
}

// has reports whether one of the codes was found.
func (f *folder) has(codes ...string) bool {
	return slices.ContainsFunc(f.issues, func(i Issue) bool { return slices.Contains(codes, i.Code) })
}

// check finds what is wrong with the extension beside all others.
func (f *folder) check(ctx context.Context, a *audit) {
	f.checkText()
	if f.global {
		return
	}
	f.checkService(a)
	f.checkNames(a.tables)
	f.checkFeatures(a.tables)
	if f.checkFragments(a) {
		f.checkDefinitions()
		f.checkBackends()
		f.checkVariables()
	}
	f.checkPorts(a.tables)
	f.checkDeclarations(a.tables)
	f.checkGate(ctx, a)
}

// judge checks the extension, writes its part of the report, and lets go of the files: a thousand of them fill memory.
func (f *folder) judge(ctx context.Context, a *audit) {
	f.check(ctx, a)
	main := f.main()
	f.report = Service{
		ID: f.id, Directory: f.path("."), Category: f.category(), Type: f.typ(),
		Enabled: main != nil && !main.disabled, Issues: append([]Issue{}, f.issues...),
	}
	f.data, f.document, f.service, f.fragments, f.documents, f.fsys = nil, nil, value{}, nil, nil, nil
}

func quote(s string) string {
	const limit = 60
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit]) + "..."
	}
	return strconv.Quote(s)
}
