package audit_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"dreamserver/catalog/audit"
	"dreamserver/compose"
)

// tree is a project in memory.
type tree fstest.MapFS

// parse is the tree of an archive.
func parse(t testing.TB, file string) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func treeOf(a *txtar.Archive) tree {
	files := tree{}
	for _, f := range a.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return files
}

// change applies a section of an archive: a file as it is, or after one of these words what to do with it.
func (files tree) change(t testing.TB, section txtar.File) {
	t.Helper()
	verb, name, ok := strings.Cut(section.Name, " ")
	if !ok {
		files[verb] = &fstest.MapFile{Data: section.Data, Mode: 0o644}
		return
	}
	switch verb {
	case "edit": // lines with - are replaced by those with + below them
		files[name] = &fstest.MapFile{Data: []byte(edit(t, string(files[name].Data), string(section.Data))), Mode: 0o644}
	case "remove":
		maps.DeleteFunc(files, func(file string, _ *fstest.MapFile) bool { return file == name || strings.HasPrefix(file, name+"/") })
	case "crlf":
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(files[name].Data), "\n", "\r\n")), Mode: 0o644}
	case "bom":
		files[name] = &fstest.MapFile{Data: append([]byte("\ufeff"), files[name].Data...), Mode: 0o644}
	case "link":
		files[name] = &fstest.MapFile{Data: section.Data, Mode: fs.ModeSymlink | 0o777}
	default:
		t.Fatalf("what is %q?", section.Name)
	}
}

func edit(t testing.TB, text, script string) string {
	t.Helper()
	for change := range strings.SplitSeq("\n"+strings.TrimSuffix(script, "\n"), "\n- ") {
		if change == "" {
			continue
		}
		old, added, _ := strings.Cut(change, "\n")
		before, after, ok := strings.Cut("\n"+text, "\n"+old+"\n")
		if !ok {
			t.Fatalf("there is no line %q", old)
		}
		for line := range strings.Lines(added) {
			before += "\n" + strings.TrimSuffix(strings.TrimPrefix(line, "+ "), "\n")
		}
		text = strings.TrimPrefix(before+"\n"+after, "\n")
	}
	return text
}

// project is the tree as a checkout.
func (files tree) project(t testing.TB) audit.Project {
	t.Helper()
	p := audit.Project{Dir: "/project", Version: "2.1.0", Base: fstest.MapFS(files), Shipped: true}
	for _, dir := range []string{"extensions/services", "extensions/library", "data/user-extensions"} {
		fsys, err := fs.Sub(fstest.MapFS(files), dir)
		if err != nil {
			t.Fatal(err)
		}
		p.Roots = append(p.Roots, audit.Root{FS: fsys, Dir: dir, Path: "/project/" + dir, Source: sourceOf(dir)})
	}
	return p
}

func sourceOf(dir string) compose.Source {
	if dir == "extensions/services" {
		return compose.Builtin
	}
	return compose.User
}

// write puts the tree on disk, as a checkout.
func (files tree) write(t testing.TB) audit.Project {
	t.Helper()
	p, dir := files.project(t), t.TempDir()
	for name, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, f.Mode); err != nil {
			t.Fatal(err)
		}
	}
	p.Dir, p.Base = dir, os.DirFS(dir)
	for i := range p.Roots {
		r := &p.Roots[i]
		r.Path = filepath.Join(dir, r.Dir)
		r.FS = os.DirFS(r.Path)
	}
	return p
}

func run(t testing.TB, p audit.Project, o audit.Options) *audit.Report {
	t.Helper()
	r, err := audit.Run(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
