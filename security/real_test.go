package security_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// TestRealExtensions judges the reference system's extensions, disabled ones too, on NVIDIA and AMD machines. The
// golden file says what the part-1 table refuses of them. DREAM_REAL_EXTENSIONS names a folder with builtin/ and
// library/, which are not part of this repository.
func TestRealExtensions(t *testing.T) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	var got strings.Builder
	for _, source := range []compose.Source{compose.Builtin, compose.User} {
		dir := map[compose.Source]string{compose.Builtin: "builtin", compose.User: "library"}[source]
		fsys := os.DirFS(filepath.Join(root, dir))
		ids, err := fs.ReadDir(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			m, err := manifest.Read(fsys, id.Name())
			if err != nil {
				t.Fatal(err)
			}
			for _, backend := range []string{"nvidia", "amd"} {
				if compose.FragmentName(m) == "" || !m.Service.Supports(backend) { // a core service, or no container
					continue
				}
				u, skip := compose.Candidate(compose.Root{FS: fsys}, source, id.Name(), m, compose.Host{Backend: backend})
				if skip != nil {
					fmt.Fprintf(&got, "%s/%s %s: %s\n", dir, id.Name(), backend, skip.Reason)
					continue
				}
				fmt.Fprintf(&got, "%s/%s %s: %s\n", dir, id.Name(), backend, verdict(t, fsys, u))
			}
		}
	}
	const file = "testdata/real-extensions.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
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

// verdict is ok or what is refused. Variables that the owner must set have a value.
func verdict(t *testing.T, fsys fs.FS, u *compose.StackUnit) string {
	t.Helper()
	in := compose.Input{ID: u.ID, Source: u.Source, Env: map[string]string{}, Declared: u.Manifest.Service.Declares}
	for _, v := range u.Manifest.Service.EnvVars {
		if v.Default != nil {
			in.Env[v.Key] = *v.Default
		}
	}
	for _, name := range u.Files {
		data, err := fs.ReadFile(fsys, path.Join(u.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: data})
	}
	unit, err := compose.Load(t.Context(), in)
	if problem.HasCode(err, problem.MissingConfig) {
		for _, item := range problem.As(err).Items {
			in.Env[item.Path] = "set"
		}
		unit, err = compose.Load(t.Context(), in)
	}
	if err != nil {
		t.Fatal(err)
	}
	place := compose.Place{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/srv/dream/data", OwnDir: "/state/trees/0123"}
	if u.Source == compose.Builtin {
		place.OwnDir = path.Join("/srv/dream/extensions/services", u.Dir)
	}
	unit.Place(place, false)
	findings, err := security.Scan(security.Subject{
		Unit: unit, DataDir: place.DataDir, OwnDir: place.OwnDir, InstallDir: place.InstallDir, Backends: u.Manifest.Service.GPUBackends,
		CoreIDs: []string{"llama-server", "open-webui", "dashboard", "dashboard-api"}, Prefix: place.Names.Prefix,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) == 0 {
		return "ok"
	}
	var b strings.Builder
	b.WriteString("refused")
	for _, f := range findings {
		fmt.Fprintf(&b, "\n  %s:%d: %s: %s: %s", f.File, f.Line, f.Path, f.Rule, f.Message)
	}
	return b.String()
}
