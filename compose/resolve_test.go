package compose_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"dreamserver/compose"
	"dreamserver/manifest"
)

var update = flag.Bool("update", false, "write what the code does into testdata")

// An archive in testdata/resolve is a tree of files. Each pair of "host <case>" and "want <case>" in it is a machine
// and the stack that the tree gives there. A host has lines of a key and its value: backend, tier, mode, gpu_count,
// overlays and reserved (separated by commas), link (path target), user (the folder of the tree and its path for
// compose).
func TestResolve(t *testing.T) {
	files, err := filepath.Glob("testdata/resolve/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree, hosts, wants := split(archive)
		for name, host := range hosts {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				got := render(compose.Resolve(layOut(t, tree, host)))
				if *update {
					wants[name].Data = []byte(got)
				} else if diff := cmp.Diff(string(wants[name].Data), got); diff != "" {
					t.Errorf("Resolve (-want +got):\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// split tells the tree from the cases. The wants point into the archive.
func split(a *txtar.Archive) (tree []txtar.File, hosts map[string]string, wants map[string]*txtar.File) {
	hosts, wants = map[string]string{}, map[string]*txtar.File{}
	for i, f := range a.Files {
		kind, name, _ := strings.Cut(f.Name, " ")
		switch kind {
		case "host":
			hosts[name] = string(f.Data)
		case "want":
			wants[name] = &a.Files[i]
		default:
			tree = append(tree, f)
		}
	}
	return tree, hosts, wants
}

// layOut puts the files of the tree where an installation has them.
func layOut(t *testing.T, tree []txtar.File, host string) (compose.Tree, compose.Host) {
	t.Helper()
	install := fstest.MapFS{}
	for _, f := range tree {
		install[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	h := compose.Host{Backend: "cpu"}
	userDir, userPath := "data/user-extensions", "data/user-extensions"
	var reserved []string
	for line := range strings.Lines(host) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "backend":
			h.Backend = value
		case "tier":
			h.Tier = value
		case "mode":
			h.Mode = value
		case "gpu_count":
			h.GPUCount, _ = strconv.Atoi(value)
		case "overlays":
			h.Overlays = strings.Split(value, ",")
		case "link":
			name, target, _ := strings.Cut(value, " ")
			install[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		case "reserved":
			reserved = strings.Split(value, ",")
		case "user":
			userDir, userPath, _ = strings.Cut(value, " ")
		default:
			t.Fatalf("host: %q is no key", key)
		}
	}
	return compose.Tree{
		Install:  compose.Root{FS: install},
		Services: compose.Root{FS: sub(t, install, "extensions/services"), Prefix: "extensions/services"},
		User:     compose.Root{FS: sub(t, install, userDir), Prefix: userPath},
		Reserved: reserved,
	}, h
}

func sub(t testing.TB, fsys fs.FS, dir string) fs.FS {
	t.Helper()
	s, err := fs.Sub(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// render is a stack as a person reads it: the files, then what was skipped.
func render(s *compose.Stack, err error) string {
	if err != nil {
		return fmt.Sprintf("! %v\n", err)
	}
	var b strings.Builder
	for _, f := range s.Files() {
		fmt.Fprintln(&b, f)
	}
	fmt.Fprintf(&b, "# primary %s\n", s.Primary)
	for _, skip := range s.Skipped {
		level := "skipped"
		if skip.Warning {
			level = "warning"
		}
		fmt.Fprintf(&b, "# %s %s: %s\n", level, skip.Path, strings.ReplaceAll(skip.Reason, "\n", "; "))
	}
	return b.String()
}

func TestResolve_DoesNotDependOnTheOrderOfListing(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/resolve/extensions.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tree, hosts, _ := split(archive)
	want, host := layOut(t, tree, hosts["nvidia"])
	wantStack := render(compose.Resolve(want, host))
	rapid.Check(t, func(rt *rapid.T) {
		shuffled := want
		for _, root := range []*compose.Root{&shuffled.Install, &shuffled.Services, &shuffled.User} {
			root.FS = shuffledFS{root.FS, rt}
		}
		if diff := cmp.Diff(wantStack, render(compose.Resolve(shuffled, host))); diff != "" {
			rt.Errorf("Resolve in another order (-want +got):\n%s", diff)
		}
	})
}

// shuffledFS lists folders in any order, as a file system may.
type shuffledFS struct {
	fs.FS
	t *rapid.T
}

func (s shuffledFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if dir, ok := f.(fs.ReadDirFile); ok {
		return shuffledDir{dir, s.t}, err
	}
	return f, err
}

func (s shuffledFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(s.FS, name) }

func (s shuffledFS) ReadLink(name string) (string, error) { return fs.ReadLink(s.FS, name) }

type shuffledDir struct {
	fs.ReadDirFile
	t *rapid.T
}

func (d shuffledDir) ReadDir(n int) ([]fs.DirEntry, error) {
	entries, err := d.ReadDirFile.ReadDir(n)
	return rapid.Permutation(entries).Draw(d.t, "entries"), err
}

func TestStack_FindsAUnit(t *testing.T) {
	s := compose.Stack{Units: []compose.StackUnit{{ID: "a"}, {ID: "b", Dir: "x"}}}
	if u, ok := s.Unit("b"); !ok || u.Dir != "x" {
		t.Errorf("Unit(b) = %v, %t; want the one in x", u, ok)
	}
	if u, ok := s.Unit("c"); ok {
		t.Errorf("Unit(c) = %v, want none", u)
	}
}

func TestCandidate(t *testing.T) {
	regular := &fstest.MapFile{Mode: 0o644}
	link := &fstest.MapFile{Data: []byte("../secret"), Mode: fs.ModeSymlink | 0o777}
	tests := []struct {
		name    string
		service manifest.Service
		fsys    fstest.MapFS
		host    compose.Host
		want    []string
		skip    string
	}{
		{name: "enabled", fsys: fstest.MapFS{"x/compose.yaml": regular, "x/compose.amd.yaml": regular}, want: []string{"u/x/compose.yaml"}},
		{name: "disabled", fsys: fstest.MapFS{"x/compose.yaml.disabled": regular}, want: []string{"u/x/compose.yaml.disabled"}},
		{
			name: "disabled, with overlay", host: compose.Host{Backend: "amd"},
			fsys: fstest.MapFS{"x/compose.yaml.disabled": regular, "x/compose.amd.yaml": regular},
			want: []string{"u/x/compose.yaml.disabled", "u/x/compose.amd.yaml"},
		},
		{name: "other name", service: manifest.Service{ComposeFile: "stack.yml"}, fsys: fstest.MapFS{"x/stack.yml": regular}, want: []string{"u/x/stack.yml"}},
		{name: "neither", fsys: fstest.MapFS{"x/manifest.yaml": regular}, skip: "compose.yaml does not exist, nor does compose.yaml.disabled"},
		{name: "link", fsys: fstest.MapFS{"x/compose.yaml": link}, skip: "compose.yaml is a symlink, not a regular file"},
		{name: "link to what is disabled", fsys: fstest.MapFS{"x/compose.yaml.disabled": link}, skip: "compose.yaml does not exist, nor does compose.yaml.disabled"},
		{name: "linked overlay", fsys: fstest.MapFS{"x/compose.yaml": regular, "x/compose.cpu.yaml": link}, skip: "compose.cpu.yaml is a symlink, not a regular file"},
		{name: "no such machine", host: compose.Host{Backend: "cuda"}, skip: `GPU_BACKEND="cuda" is unknown: use one of nvidia, amd, intel, apple, cpu`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.host.Backend == "" {
				tt.host.Backend = "cpu"
			}
			m := &manifest.Manifest{Service: tt.service}
			m.Service.ID, m.Service.Type = "x", manifest.Docker
			u, skip := compose.Candidate(compose.Root{FS: tt.fsys, Prefix: "u"}, compose.User, "x", m, tt.host)
			switch {
			case skip != nil:
				if skip.Reason != tt.skip {
					t.Errorf("skipped because %s, want %q", skip.Reason, tt.skip)
				}
			case tt.skip != "" || !slices.Equal(u.Paths, tt.want):
				t.Errorf("files %q, want %q, or the reason %q", u.Paths, tt.want, tt.skip)
			}
		})
	}
}

func TestResolve_ReadsManifestsAsItIsTold(t *testing.T) {
	var read []string
	tree := compose.Tree{
		Install: compose.Root{FS: fstest.MapFS{"docker-compose.base.yml": {}}},
		User:    compose.Root{FS: fstest.MapFS{"b/compose.yaml": {}, "a/compose.yaml": {}}, Prefix: "/u"},
		Manifest: func(_ fs.FS, dir string) (*manifest.Manifest, error) {
			read = append(read, dir)
			return &manifest.Manifest{Service: manifest.Service{ID: path.Base(dir), GPUBackends: []string{"all"}, Type: manifest.Docker}}, nil
		},
	}
	s, err := compose.Resolve(tree, compose.Host{Backend: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b"}; !slices.Equal(read, want) {
		t.Errorf("read manifests %q, want %q", read, want)
	}
	if want := []string{"docker-compose.base.yml", "/u/a/compose.yaml", "/u/b/compose.yaml"}; !slices.Equal(s.Files(), want) {
		t.Errorf("files %q, want %q", s.Files(), want)
	}
}
