package audit

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// A folder in memory is like the folder on disk to whoever reads it.
func TestHeld_IsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"web/manifest.yaml": "id: web\n", "web/page/index.html": "page", "other/x": "y"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := hold(os.DirFS(dir), "web")
	if data, err := h.keep("web/manifest.yaml", 100); err != nil || string(data) != "id: web\n" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := fstest.TestFS(h, "web/manifest.yaml", "web/page/index.html", "other/x"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web", "manifest.yaml"), []byte("id: changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(h, "web/manifest.yaml"); err != nil || string(data) != "id: web\n" {
		t.Errorf("%q, %v: two readers see two files", data, err)
	}
	if _, err := fs.Lstat(h, "web/none"); err == nil {
		t.Error("a file is there that is not")
	}
}
