package manifest_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"dreamserver/manifest"
)

// TestRealExtensions reads the manifests of the reference system, which are not part of this repository.
// DREAM_REAL_EXTENSIONS names a folder with builtin/ and library/.
func TestRealExtensions(t *testing.T) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	fsys := os.DirFS(root)
	dirs, err := fs.Glob(fsys, "*/*")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, dir := range dirs {
		m, err := manifest.Read(fsys, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		read++
		if err != nil {
			t.Errorf("Read(%s): %v", dir, err)
			continue
		}
		if err := manifest.CheckFolder(m, path.Base(dir)); err != nil {
			t.Errorf("CheckFolder(%s): %v", dir, err)
		}
		if err := m.CheckCompatible("2.1.0-dev"); err != nil {
			t.Errorf("CheckCompatible(%s): %v", dir, err)
		}
		for _, w := range m.Warnings {
			if !strings.Contains(w.Message, "is not run: hooks") {
				t.Errorf("warning: %v", w)
			}
		}
	}
	if want := 52; read != want {
		t.Errorf("read %d manifests, want %d", read, want)
	}
}
