package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
)

func TestLayout_LeavesABuiltInExtensionSwitchedAsItIs(t *testing.T) {
	const shipped, old = "services: {new: {}}\n", "services: {old: {}}\n"
	tests := []struct {
		name   string
		ships  string // the name in the assets
		before map[string]string
		want   map[string]string
	}{
		{
			name: "new, on", ships: "compose.yaml",
			want: map[string]string{"compose.yaml": shipped},
		},
		{
			name: "new, off", ships: "compose.yaml.disabled",
			want: map[string]string{"compose.yaml.disabled": shipped},
		},
		{
			name: "ships on, switched off", ships: "compose.yaml",
			before: map[string]string{"compose.yaml.disabled": old},
			want:   map[string]string{"compose.yaml.disabled": shipped},
		},
		{
			name: "ships off, switched on", ships: "compose.yaml.disabled",
			before: map[string]string{"compose.yaml": old},
			want:   map[string]string{"compose.yaml": shipped},
		},
		{
			name: "on, with the owner's overlay", ships: "compose.yaml",
			before: map[string]string{"compose.yaml": old, "compose.local.yaml": "services: {}\n"},
			want:   map[string]string{"compose.yaml": shipped, "compose.local.yaml": "services: {}\n"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLayout(t, fstest.MapFS{"extensions/services/n8n/" + tt.ships: {Data: []byte(shipped)}})
			folder := filepath.Join(l.settings.ServicesDir, "n8n")
			for name, data := range tt.before {
				write(t, filepath.Join(folder, name), data)
			}
			if err := l.apply(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, contents(t, folder)); diff != "" {
				t.Errorf("files after init (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLayout_MakesScriptsExecutable(t *testing.T) {
	l := newLayout(t, fstest.MapFS{"extensions/library/x/build.sh": {Data: []byte("#!/bin/sh\n"), Mode: 0o444}})
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(l.settings.LibraryDir, "x", "build.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), fs.FileMode(0o755); got != want {
		t.Errorf("mode is %v, want %v", got, want)
	}
}

func TestLayout_ReplacesALinkByTheShippedFile(t *testing.T) {
	l := newLayout(t, fstest.MapFS{"docker-compose.base.yml": {Data: []byte("services: {}\n")}})
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "keep")
	at := filepath.Join(l.settings.InstallDir, "docker-compose.base.yml")
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, at); err != nil {
		t.Fatal(err)
	}
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(at)
	if err != nil || !info.Mode().IsRegular() {
		t.Errorf("%s is %v, %v, want a regular file", at, info.Mode(), err)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "keep" {
		t.Errorf("the link's target holds %q, %v, want it untouched", got, err)
	}
}

func TestLayout_FollowsTheOwnersLinkToAnotherDisk(t *testing.T) {
	l := newLayout(t, fstest.MapFS{"extensions/library/x/manifest.yaml": {Data: []byte("x")}})
	disk := t.TempDir()
	if err := os.MkdirAll(l.settings.InstallDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(disk, l.settings.DataDir); err != nil {
		t.Fatal(err)
	}
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(disk, "extensions-library", "x", "manifest.yaml")); err != nil {
		t.Error(err)
	}
}

func newLayout(t *testing.T, assets fs.FS) *layout {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "install")
	s, err := config.Load(func(key string) string { return map[string]string{"DREAM_INSTALL_DIR": dir}[key] })
	if err != nil {
		t.Fatal(err)
	}
	return &layout{assets: assets, settings: s, root: os.Geteuid() == 0, uid: os.Geteuid(), gid: os.Getegid()}
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(data)
	}
	return out
}
