package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/catalog/audit"
)

// What is exchanged after the audit is not written: the folder of installed extensions has other writers.
func TestMend_LeavesWhatIsNoFileAnyMore(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	text := "schema_version: dream.services.v1\r\nservice: {id: web, name: Web, port: 80, health: /, type: host-systemd}\r\n"
	for _, id := range []string{"web", "ide", "gone"} {
		at := filepath.Join(dir, "extensions", "services", id, "manifest.yaml")
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		must(t, os.WriteFile(at, []byte(strings.Replace(text, "id: web", "id: "+id, 1)), 0o640))
	}
	must(t, os.WriteFile(outside, []byte(text), 0o600))
	a := &app{getenv: func(string) string { return "" }, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	project, closeProject, err := a.project(dir)
	must(t, err)
	defer closeProject()
	report, err := audit.Run(t.Context(), project, audit.Options{})
	must(t, err)

	file := func(id string) string { return filepath.Join(dir, "extensions", "services", id, "manifest.yaml") }
	must(t, os.Remove(file("ide")))
	must(t, os.Symlink(outside, file("ide")))
	must(t, os.Remove(file("gone")))
	fixed, err := mend(report, project, false)
	if len(fixed) != 1 || fixed[0].Code != "text-crlf" || string(fixed[0].Path) != "extensions/services/web/manifest.yaml" {
		t.Errorf("fixed: %+v", fixed)
	}
	for _, want := range []string{
		"extensions/services/gone/manifest.yaml stays as it is: ", "extensions/services/ide/manifest.yaml stays as it is: it is no regular file any more",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != text {
		t.Errorf("%q, %v: a link led out of the project", data, err)
	}
	data, err := os.ReadFile(file("web"))
	must(t, err)
	if info, err := os.Stat(file("web")); err != nil || bytes.Contains(data, []byte("\r")) || info.Mode().Perm() != 0o640 {
		t.Errorf("%q, %v, %v", data, info.Mode(), err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
