package compose_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// realTree is the reference system's extensions over our base files. DREAM_REAL_EXTENSIONS names a folder with
// builtin/ and library/, which are not part of this repository.
func realTree(t testing.TB) compose.Tree {
	t.Helper()
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	var parsed manifest.Cache
	return compose.Tree{
		Install:  compose.Root{FS: os.DirFS("..")},
		Services: compose.Root{FS: os.DirFS(filepath.Join(root, "builtin")), Prefix: "extensions/services"},
		User:     compose.Root{FS: os.DirFS(filepath.Join(root, "library")), Prefix: "data/user-extensions"},
		Manifest: parsed.Read,
	}
}

// declared is what a unit can read when the owner has set nothing.
func declared(m *manifest.Manifest) map[string]string {
	env := map[string]string{}
	for _, v := range m.Service.EnvVars {
		if v.Default != nil {
			env[v.Key] = *v.Default
		}
	}
	return env
}

// unitInput reads the unit's files from its root.
func unitInput(t testing.TB, root compose.Root, u *compose.StackUnit) compose.Input {
	t.Helper()
	in := compose.Input{ID: u.ID, Source: u.Source, Env: declared(u.Manifest), Folder: sub(t, root.FS, u.Dir)}
	if u.Source == compose.User { // what ships with the platform may read every key of the owner's
		in.Declared = u.Manifest.Service.Declares
	}
	for i, name := range u.Files {
		data, err := fs.ReadFile(root.FS, path.Join(u.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		in.Files = append(in.Files, compose.File{Name: u.Paths[i], Content: data})
	}
	return in
}

func realBase(t testing.TB, tree compose.Tree, s *compose.Stack) *compose.Unit {
	t.Helper()
	in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: map[string]string{"DREAM_AGENT_KEY": "k", "DASHBOARD_API_KEY": "k"}}
	for _, name := range s.Base {
		data, err := fs.ReadFile(tree.Install.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: data})
	}
	u := load(t, in)
	u.Place(here, true)
	return u
}

// TestRealExtensions resolves, loads, places and joins all of them for each kind of machine. The golden file has a
// line for each extension and fate: ok, the variables that its owner has to set, or why it takes no part.
func TestRealExtensions(t *testing.T) {
	tree := realTree(t)
	backends := []string{"nvidia", "amd", "cpu", "apple"}
	counts := map[string]int{}
	fates := map[string][]string{} // "id fate" → backends
	for _, backend := range backends {
		s, err := compose.Resolve(tree, compose.Host{Backend: backend})
		if err != nil {
			t.Fatal(err)
		}
		counts[backend] = len(s.Units)
		note := func(id, fate string) { fates[id+": "+fate] = append(fates[id+": "+fate], backend) }
		for _, skip := range s.Skipped {
			note(skip.Path, "skipped: "+strings.TrimSuffix(skip.Reason, "; this machine is "+backend))
		}
		for p, fate := range realFates(t, tree, s) {
			note(p, fate)
		}
	}
	var got bytes.Buffer
	for _, backend := range backends {
		fmt.Fprintf(&got, "# %s: %d of 52 take part\n", backend, counts[backend])
	}
	for _, line := range slices.Sorted(maps.Keys(fates)) {
		suffix := ""
		if len(fates[line]) < len(backends) {
			suffix = " [" + strings.Join(fates[line], " ") + "]"
		}
		fmt.Fprintf(&got, "%s%s\n", line, suffix)
	}
	const file = "testdata/real-extensions.golden"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// realFates says what becomes of each unit of the stack, by its folder.
func realFates(t *testing.T, tree compose.Tree, s *compose.Stack) map[string]string {
	fates := map[string]string{}
	folder := map[string]string{}
	var all []*compose.Unit
	for i := range s.Units {
		u := &s.Units[i]
		root := tree.Services
		if u.Source == compose.User {
			root = tree.User
		}
		folder[u.ID] = root.Prefix + "/" + u.Dir
		if u.Core() {
			fates[folder[u.ID]] = "part of the base"
			continue
		}
		in := unitInput(t, root, u)
		unit, err := compose.Load(t.Context(), in)
		fates[folder[u.ID]] = "ok"
		if problem.HasCode(err, problem.MissingConfig) {
			var missing []string
			for _, item := range problem.As(err).Items {
				missing = append(missing, item.Path)
				in.Env[item.Path] = "set"
			}
			fates[folder[u.ID]] = "missing: " + strings.Join(missing, ",")
			unit, err = compose.Load(t.Context(), in)
		}
		if err != nil {
			fates[folder[u.ID]] = "refused: " + err.Error()
			continue
		}
		unit.Place(here, false)
		all = append(all, unit)
	}
	_, dropped := compose.Join(realBase(t, tree, s), all)
	for _, d := range dropped {
		fates[folder[d.ID]] = "refused: " + strings.TrimPrefix(d.Err.Error(), fmt.Sprintf("extension %q: ", d.ID))
	}
	return fates
}
