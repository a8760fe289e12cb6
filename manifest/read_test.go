package manifest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"dreamserver/manifest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }

func TestFileName(t *testing.T) {
	tests := []struct {
		name    string
		fsys    fstest.MapFS
		want    string
		wantErr string
	}{
		{name: "yaml before yml", fsys: fstest.MapFS{"x/manifest.yaml": file(""), "x/manifest.yml": file("")}, want: "x/manifest.yaml"},
		{name: "yml before json", fsys: fstest.MapFS{"x/manifest.yml": file(""), "x/manifest.json": file("")}, want: "x/manifest.yml"},
		{name: "json", fsys: fstest.MapFS{"x/manifest.json": file("")}, want: "x/manifest.json"},
		{name: "none", fsys: fstest.MapFS{"x/compose.yaml": file("")}, wantErr: "x: no manifest.yaml, manifest.yml or manifest.json: file does not exist"},
		{
			name: "link", fsys: fstest.MapFS{"x/manifest.yaml": {Data: []byte("../secret"), Mode: fs.ModeSymlink}, "x/manifest.yml": file("")},
			wantErr: "x/manifest.yaml: is a symbolic link: put a regular file there",
		},
		{name: "folder", fsys: fstest.MapFS{"x/manifest.yaml/a": file("")}, wantErr: "x/manifest.yaml: is a folder: put a regular file there"},
		{name: "device", fsys: fstest.MapFS{"x/manifest.yaml": {Mode: fs.ModeDevice}}, wantErr: "x/manifest.yaml: is a special file: put a regular file there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := manifest.FileName(tt.fsys, "x")
			wantErr := tt.wantErr
			if wantErr == "" {
				wantErr = "<nil>"
			}
			if got != tt.want || fmt.Sprint(err) != wantErr {
				t.Errorf("FileName = %q, %v; want %q, %s", got, err, tt.want, wantErr)
			}
		})
	}
}

func TestFileName_SaysWhenThereIsNone(t *testing.T) {
	if _, err := manifest.FileName(os.DirFS(t.TempDir()), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("FileName error: %v, want fs.ErrNotExist", err)
	}
}

func TestRead_RefusesALinkOnDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "root", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../outside", filepath.Join(dir, "root", "x", "manifest.yaml")); err != nil {
		t.Fatal(err)
	}
	_, err := manifest.Read(os.DirFS(filepath.Join(dir, "root")), "x")
	wantError(t, err, "x/manifest.yaml: is a symbolic link: put a regular file there")
}

func TestRead_NamesFileAndLine(t *testing.T) {
	fsys := fstest.MapFS{"extensions/x/manifest.yaml": file(strings.Replace(minimal, "3000", "abc", 1))}
	_, err := manifest.Read(fsys, "extensions/x")
	wantError(t, err, `extensions/x/manifest.yaml:5: service.port: "abc" is not a number: write a port between 1 and 65535, or 0 for none`)
}

func TestRead_BoundsWhatItReads(t *testing.T) {
	fsys := fstest.MapFS{"x/manifest.yaml": file(strings.Repeat("#\n", 3<<20))}
	_, err := manifest.Read(fsys, "x")
	wantError(t, err, "x/manifest.yaml: is larger than the 262144 bytes that a manifest may have: keep long texts in other files")
}

func TestCheckFolder(t *testing.T) {
	m := &manifest.Manifest{Service: manifest.Service{ID: "notes"}}
	if err := manifest.CheckFolder(m, "notes"); err != nil {
		t.Errorf("CheckFolder(notes): %v, want nil", err)
	}
	err := manifest.CheckFolder(m, "note")
	if want := `service.id "notes" is not the name of its folder, "note": rename one of them`; fmt.Sprint(err) != want {
		t.Errorf("CheckFolder(note): %v, want %s", err, want)
	}
}

func TestCache_ParsesAContentOnceAndSeesEveryChange(t *testing.T) {
	fsys := fstest.MapFS{"x/manifest.yaml": file(minimal), "y/manifest.yaml": file("- a\n")}
	var c manifest.Cache
	first, err := c.Read(fsys, "x")
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := c.Read(fsys, "x"); second != first {
		t.Error("the same content was parsed twice")
	}
	fsys["x/manifest.yaml"] = file(strings.Replace(minimal, "3000", "3001", 1))
	if third, err := c.Read(fsys, "x"); err != nil || third.Service.Port != 3001 {
		t.Errorf("after a change Read = %+v, %v; want port 3001", third, err)
	}
	for range 2 { // the second answer is from memory
		_, err := c.Read(fsys, "y")
		wantError(t, err, "y/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys")
	}
	if _, err := c.Read(fsys, "z"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read(z): %v, want fs.ErrNotExist", err)
	}
}

func TestCache_IsSafeAndBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("parses thousands of manifests")
	}
	var c manifest.Cache
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 1500 {
				text := fmt.Sprintf("%s# %d\n", minimal, i*(worker%2+1))
				if _, err := c.Read(fstest.MapFS{"x/manifest.yaml": file(text)}, "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCheckCompatible(t *testing.T) {
	tests := []struct{ lowest, highest, version, want string }{
		{"", "", "2.1.0", ""},
		{"2.0.0", "", "2.0.0", ""},
		{"2.0.0", "", "2.1.0-dev", ""},
		{"2.1.0", "", "2.1.0-dev+0123456789ab.dirty", ""},
		{"v2.1", "", "v2.1.0", ""},
		{"2.1.x", "", "2.1.0", ""},
		{"2.2.0", "", "2.1.0-dev", `extension "notes" needs Dream Server 2.2.0 or newer, and this is 2.1.0-dev: update Dream Server first`},
		{"3", "", "2.9.9", `extension "notes" needs Dream Server 3 or newer, and this is 2.9.9: update Dream Server first`},
		{"9.0.0", "", "dev", ""},
		{"9.0.0", "", "", ""},
		{"9.0.0", "", "(devel)", ""},
		{"9.0.0", "", "0.1.0-dev", ""},
		{"", "2.1", "2.1.9", ""},
		{"", "2.1.x", "2.1.9", ""},
		{"", "2", "2.9.0", ""},
		{"", "2.x", "2.9.0", ""},
		{"", "2.1.0", "2.1.0-dev", ""},
		{"", "2.1.0", "2.1.1", `extension "notes" was made for Dream Server up to 2.1.0, and this is 2.1.1: look for a newer version of the extension`},
		{"", "2.1.x", "2.2.0", `extension "notes" was made for Dream Server up to 2.1.x, and this is 2.2.0: look for a newer version of the extension`},
		{"", "2", "3.0.0-rc.1", `extension "notes" was made for Dream Server up to 2, and this is 3.0.0-rc.1: look for a newer version of the extension`},
		{"two", "", "2.1.0", `extension "notes": compatibility.dream_min: "two" is not a version: write one such as 2.1.0`},
	}
	for _, tt := range tests {
		m := &manifest.Manifest{
			Compatibility: manifest.Compatibility{DreamMin: tt.lowest, DreamMax: tt.highest},
			Service:       manifest.Service{ID: "notes"},
		}
		got := ""
		if err := m.CheckCompatible(tt.version); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q..%q on %q: %q, want %q", tt.lowest, tt.highest, tt.version, got, tt.want)
		}
	}
}
