package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Who calls sudo to make an extension must still be able to edit it.
func TestNew_TheFolderIsTheOwnersWhenRootMakesIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		a := &app{getenv: func(key string) string { return map[string]string{"HOME": dir}[key] }, stdout: io.Discard, stderr: os.Stderr}
		if code := a.run(t.Context(), append(args, "--install-dir", filepath.Join(dir, "install"))); code != exitDone {
			t.Fatalf("%v exits %d", args, code)
		}
	}
	elsewhere := filepath.Join(dir, "elsewhere")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(elsewhere, 4321, 4322); err != nil {
		t.Fatal(err)
	}
	run("init", "--uid", "1234", "--gid", "1235")
	run("new", "page", "--image", "acme/page:1.0")
	run("new", "other", "--image", "acme/page:1.0", "--dir", elsewhere)
	for name, want := range map[string]person{
		"install/data/extensions-library/page": {1234, 1235}, "install/data/extensions-library/page/manifest.yaml": {1234, 1235},
		"elsewhere/other": {4321, 4322}, "elsewhere/other/compose.yaml": {4321, 4322},
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := ownerOf(info); got != want {
			t.Errorf("%s belongs to %v, want %v", name, got, want)
		}
	}
}
