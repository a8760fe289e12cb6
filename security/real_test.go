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
	"dreamserver/manifest"
	"dreamserver/security"
)

// TestRealExtensions judges the reference system's extensions, disabled ones too, in every variant. The golden file
// is the list behind docs/security.md. DREAM_REAL_EXTENSIONS names a folder with builtin/ and
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
			if compose.FragmentName(m) != "" { // else a core service, or no container
				fmt.Fprintf(&got, "%s/%s %s\n", dir, id.Name(), verdict(t, fsys, source, id.Name(), m))
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

// verdict is what Judge says, in a few lines.
func verdict(t *testing.T, fsys fs.FS, source compose.Source, dir string, m *manifest.Manifest) string {
	t.Helper()
	own := "/srv/dream/data/extensions-library/" + dir
	if source == compose.Builtin {
		own = "/srv/dream/extensions/services/" + dir
	}
	v, err := security.Judge(t.Context(), security.Folder{
		Root: compose.Root{FS: withShippedFiles{fsys}}, Dir: dir, OwnDir: own, Source: source, Manifest: m,
		Settings: config.Settings{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/srv/dream/data"},
		CoreIDs:  []string{"llama-server", "open-webui", "dashboard", "dashboard-api"},
	})
	if err != nil {
		return "cannot run: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, rating %d, grants %v", v.Verdict, v.Rating, v.Grants)
	for _, f := range security.Errors(v.Findings) {
		fmt.Fprintf(&b, "\n  %s: %s: %s", f.Where(), f.Rule, f.Message)
	}
	return b.String()
}

// withShippedFiles has every file that a fragment may mount: the folders hold manifests and compose files alone.
type withShippedFiles struct{ fs.FS }

func (f withShippedFiles) Sub(dir string) (fs.FS, error) {
	sub, err := fs.Sub(f.FS, dir)
	return withShippedFiles{sub}, err
}

func (f withShippedFiles) Lstat(name string) (fs.FileInfo, error) {
	info, err := fs.Lstat(f.FS, name)
	if err != nil && !compose.IsFragment(path.Base(name)) {
		return fs.Stat(f.FS, ".")
	}
	return info, err
}

func (f withShippedFiles) ReadLink(name string) (string, error) { return fs.ReadLink(f.FS, name) }
