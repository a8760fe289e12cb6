package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/catalog/scaffold"
	"dreamserver/config"
	"dreamserver/internal/problem"
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

// What the scan refuses stays only where a compose file was converted, whose report says what to mend.
func TestNew_LeavesNothingBehindThatIsRefused(t *testing.T) {
	for _, converted := range []bool{false, true} {
		dir := t.TempDir()
		done := made{ID: "bad", Folder: filepath.Join(dir, "bad"), converted: converted, Files: []scaffold.File{
			{Name: "manifest.yaml", Content: []byte("schema_version: dream.services.v1\nservice: {id: bad, name: Bad, port: 80, health: /, gpu_backends: [all], compose_file: compose.yaml}\n")},
			{Name: "compose.yaml", Content: []byte("services: {bad: {image: \"a/b:1\", privileged: true}}\n")},
		}}
		err := home{dir: dir, settings: config.Settings{Names: config.DefaultNames(), UID: -1, GID: -1}}.write(t.Context(), &done)
		if refused := problem.HasCode(err, problem.ScanRefused) && strings.Contains(err.Error(), "services.bad.privileged"); refused == converted || err != nil && converted {
			t.Errorf("converted %t: %v", converted, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if want := map[bool]string{false: "", true: "bad"}[converted]; strings.Join(names, " ") != want {
			t.Errorf("converted %t: the folder holds %q, want %q", converted, names, want)
		}
	}
}
