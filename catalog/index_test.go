package catalog_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofrs/flock"

	"dreamserver/catalog"
	"dreamserver/config"
)

// shippedLibrary is the library of this checkout.
func shippedLibrary() catalog.Library {
	return catalog.Library{FS: os.DirFS("../extensions/library"), Services: os.DirFS("../extensions/services"), Version: config.Version()}
}

func TestBuildIndex_IsTheShippedIndex(t *testing.T) {
	index, err := catalog.BuildIndex(t.Context(), shippedLibrary(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("../config/extensions-catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	if stale := index.Stale(shipped); len(stale) > 0 {
		t.Errorf("config/extensions-catalog.json is stale, run `go generate .`: %q", stale)
	}
	for _, l := range index.Extensions {
		if !l.Installable || l.Problem != "" || l.Rating < 4 || len(l.Digest) != 64 {
			t.Errorf("%s: installable %t, problem %q, rating %d, digest %q", l.ID, l.Installable, l.Problem, l.Rating, l.Digest)
		}
	}
}

func TestBuildIndex_IsSortedAndComplete(t *testing.T) {
	library := fstest.MapFS{
		"b/manifest.yaml": {Data: []byte(manifestOf("b", "depends_on: [a]", "external_port_default: 9000", "grants: [lan-bind]"))},
		"b/compose.yaml":  {Data: []byte("services:\n  b:\n    image: example/b:1\n    ports: [\"0.0.0.0:9000:80\"]\n")},
		"a/manifest.json": {Data: []byte(`{"schema_version": "dream.services.v1", "tags": ["x"], "service": {"id": "a", "name": "A", "port": 1, "health": "/"}}`)},
		".git/config":     {},
		"README.md":       {},
		"a/compose.yaml":  {Data: []byte(fragmentOf("a"))},
	}
	index, err := catalog.BuildIndex(t.Context(), catalog.Library{FS: library}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "index", `{"generated_at":"2026-01-02T02:04:05Z","schema_version":"1.0.0","extensions":[`+
		`{"id":"a","name":"A","description":"","category":"optional","gpu_backends":["amd","nvidia"],"compose_file":"","depends_on":[],"port":1,`+
		`"external_port_default":1,"health_endpoint":"/","env_vars":[],"tags":["x"],"features":[],"rating":4,"grants":[],`+
		`"digest":"`+digestOf(t, library, "a")+`","installable":true},`+
		`{"id":"b","name":"The b","description":"","category":"optional","gpu_backends":["all"],"compose_file":"","depends_on":["a"],"port":8080,`+
		`"external_port_default":9000,"health_endpoint":"/","env_vars":[],"tags":[],"features":[],"rating":2,"grants":["lan-bind"],`+
		`"digest":"`+digestOf(t, library, "b")+`","installable":true}]}`, string(data))
}

// The reference's own library makes an index that has every extension and every key of the reference's own file.
func TestBuildIndex_HasTheEntriesAndKeysOfTheRealFile(t *testing.T) {
	dir := os.Getenv("DREAM_REAL_EXTENSIONS")
	if dir == "" {
		t.Skip("DREAM_REAL_EXTENSIONS names no folder")
	}
	read := func(data []byte, err error) map[string]map[string]any {
		t.Helper()
		var file struct {
			Extensions []map[string]any `json:"extensions"`
		}
		if err := errors.Join(err, json.Unmarshal(data, &file)); err != nil {
			t.Fatal(err)
		}
		entries := map[string]map[string]any{}
		for _, e := range file.Extensions {
			entries[e["id"].(string)] = e
		}
		return entries
	}
	index, err := catalog.BuildIndex(t.Context(), catalog.Library{FS: os.DirFS(filepath.Join(dir, "library")), Version: config.Version()}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := read(index.Encode()), read(os.ReadFile(filepath.Join(dir, "extensions-catalog.json")))
	if len(theirs) == 0 {
		t.Fatal("the real file lists nothing")
	}
	for id, entry := range theirs {
		for key := range entry {
			if _, ok := ours[id][key]; !ok {
				t.Errorf("%s lacks %s", id, key)
			}
		}
	}
}

func digestOf(t *testing.T, library fs.FS, id string) string {
	t.Helper()
	folder, err := fs.Sub(library, id)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := catalog.TreeDigest(folder)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// What the installer refuses is listed, with the words of the installer.
func TestBuildIndex_SaysWhatAnInstallWouldSay(t *testing.T) {
	for _, tt := range []struct{ name, manifest, compose, want string }{
		{"no compose file", manifestOf("app"), "", `extension "app" has no compose.yaml: it cannot be installed`},
		{"for another version", manifestOf("app") + "compatibility: {dream_min: 99.0.0}\n", fragmentOf("app"), ""},
		{"refused by the gate", manifestOf("app"), "services:\n  app:\n    image: example/app:1\n    privileged: true\n", ""},
		{"for want of what nobody has", manifestOf("app", "depends_on: [nope]"), fragmentOf("app"), "Missing dependencies: nope, which is neither installed nor in the library"},
		{"for want of what cannot be set", manifestOf("app", "env_vars: [{key: COMPOSE_FILE, required: true}]"), fragmentOf("app"), `extension "app" requires the variable COMPOSE_FILE, which is reserved for the platform: give it another name`},
		{"no compose at all", manifestOf("app"), "services: [\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, "-- data/extensions-library/app/manifest.yaml --\n"+tt.manifest)
			if tt.compose != "" {
				in.write("data/extensions-library/app/compose.yaml", []byte(tt.compose))
			}
			lib := catalog.Library{FS: os.DirFS(in.settings.LibraryDir), Services: os.DirFS(in.settings.ServicesDir), Version: "2.1.0"}
			index, err := catalog.BuildIndex(t.Context(), lib, time.Time{})
			in.must(err)
			in.agent.goAway(errAway) // then the manager judges by itself
			_, refusal := in.do("install app")
			if refusal == nil {
				t.Fatal("the installer takes it")
			}
			if got := index.Extensions[0]; got.Installable || got.Problem != refusal.Error() || tt.want != "" && got.Problem != tt.want {
				t.Errorf("installable %t, problem %q\nthe installer says     %q", got.Installable, got.Problem, refusal)
			}
		})
	}
}

func TestBuildIndex_NamesEveryFolderThatCannotBeListed(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a": manifestOf("other"), "b": "", "c": manifestOf("c"), "d": "schema_version: dream.services.v1\nservice: {id: [d], name: D, port: 1}\n",
		"data": manifestOf("data"), "e": manifestOf("e"), "f": manifestOf("f", "category: core"),
	} {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o755), os.WriteFile(filepath.Join(dir, name, "manifest.yaml"), []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("c", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	services := fstest.MapFS{"e/manifest.yaml": {Data: []byte(manifestOf("e"))}}
	index, err := catalog.BuildIndex(t.Context(), catalog.Library{FS: os.DirFS(dir), Services: services}, time.Time{})
	want := `catalogue index: extension "a": service.id "other" is not the name of its folder, "a": rename one of them
catalogue index: extension "b": b/manifest.yaml: is empty: write schema_version and service
catalogue index: extension "d": d/manifest.yaml:2: service.id: is a list, not text: write text
catalogue index: extension "data": the id "data" is reserved for the platform: give it another
catalogue index: extension "e": the id "e" is reserved for the platform: give it another
catalogue index: extension "f": category core is the platform's own: use optional or recommended
catalogue index: the library's entry "link" is a symlink: replace it by the folder itself`
	if err == nil {
		t.Fatal("no error")
	}
	wantEqual(t, "error", want, err.Error())
	if len(index.Extensions) != 1 {
		t.Errorf("the whole folders are not listed: %+v", index.Extensions)
	}
}

func TestIndex_StaleSaysWhatDiffers(t *testing.T) {
	library := fstest.MapFS{}
	for _, id := range []string{"a", "b"} {
		library[id+"/manifest.yaml"] = &fstest.MapFile{Data: []byte(manifestOf(id))}
		library[id+"/compose.yaml"] = &fstest.MapFile{Data: []byte(fragmentOf(id))}
	}
	build := func(now time.Time) catalog.Index {
		t.Helper()
		index, err := catalog.BuildIndex(t.Context(), catalog.Library{FS: library}, now)
		if err != nil {
			t.Fatal(err)
		}
		return index
	}
	file, err := build(time.Unix(1, 0)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "when only the time differs", nil, build(time.Unix(2, 0)).Stale(file))
	wantEqual(t, "when it is formatted by hand", []string{"is not written as `dream catalog build` writes it"}, build(time.Unix(1, 0)).Stale(append(file, '\n')))
	wantEqual(t, "when it is torn", []string{"cannot be read: unexpected end of JSON input"}, build(time.Unix(1, 0)).Stale(file[:100]))
	delete(library, "a/manifest.yaml")
	delete(library, "a/compose.yaml")
	library["b/compose.yaml"] = &fstest.MapFile{Data: []byte(fragmentOf("b") + "    cap_add: [SYS_ADMIN]\n")}
	library["c/manifest.yaml"] = &fstest.MapFile{Data: []byte(manifestOf("c"))}
	wantEqual(t, "when the library has changed", []string{"b: rating, digest, installable, problem", "c: is missing", "a: is not in the library"}, build(time.Unix(2, 0)).Stale(file))
}

// An installation of an older version has an index without ratings, grants and digests.
func TestSnapshot_TakesFromTheIndexWhatTheLibraryLacks(t *testing.T) {
	in := newInstallation(t, library("hello"))
	in.write("config/extensions-catalog.json", []byte(`{"schema_version": "1.0.0", "extensions": [
		{"id": "gone", "name": "Gone", "installable": true, "rating": 7, "grants": ["gpu"], "digest": "d1"},
		{"id": "hello", "name": "Older", "digest": "d2"},
		{"id": "old", "name": "Old", "status": "enabled", "source": "core"}]}`))
	type row struct {
		ID, Name, Digest string
		Installable      bool
		Status           catalog.Status
		Grants           int
	}
	var got []row
	for _, e := range in.Snapshot().Entries {
		if e.Source == catalog.FromLibrary {
			got = append(got, row{e.ID, e.Name, e.Digest, e.Installable, e.Status, len(e.Grants)})
		}
	}
	wantEqual(t, "entries", []row{
		{"gone", "Gone", "d1", false, catalog.NotInstalled, 1},
		{"hello", "The hello", "d2", true, catalog.NotInstalled, 0},
		{"old", "Old", "", false, catalog.NotInstalled, 0},
	}, got)
}

func TestReadIndex(t *testing.T) {
	file := filepath.Join(t.TempDir(), "index.json")
	got, err := catalog.ReadIndex(file)
	if err != nil || len(got.Extensions) > 0 {
		t.Errorf("a missing file is %+v, %v, want an empty index", got, err)
	}
	for _, tt := range []struct{ name, content, want string }{
		{"torn", `{"extensions": [`, "catalogue index: unexpected end of JSON input: run `dream init` to restore it"},
		{"a list", `[]`, "catalogue index: json: cannot unmarshal array into Go value of type catalog.Index: run `dream init` to restore it"},
		{"too large", strings.Repeat(" ", 16<<20+1), "catalogue index: 16777217 bytes: at most 16777216 are read"},
		{"hostile ids are left out", `{"extensions": [{"id": "../x"}, {"id": "a"}, {"id": ""}]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := catalog.ReadIndex(file)
			if text := anonymous(err, file); text != tt.want {
				t.Errorf("got %s, want %s", text, tt.want)
			}
			if tt.want == "" && (len(got.Extensions) != 1 || got.Extensions[0].ID != "a") {
				t.Errorf("got %+v, want a alone", got.Extensions)
			}
		})
	}
}

func TestIndex_OutdatedNamesWhatTheLibraryHasNot(t *testing.T) {
	library := fstest.MapFS{}
	for _, id := range []string{"changed", "gone", "same"} {
		library[id+"/manifest.yaml"] = &fstest.MapFile{Data: []byte(manifestOf(id))}
		library[id+"/compose.yaml"] = &fstest.MapFile{Data: []byte(fragmentOf(id))}
	}
	index, err := catalog.BuildIndex(t.Context(), catalog.Library{FS: library}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "at first", nil, index.Outdated(library))
	library["changed/compose.yaml"] = &fstest.MapFile{Data: []byte(fragmentOf("changed") + "# more\n")}
	library["mine/manifest.yaml"] = &fstest.MapFile{Data: []byte(manifestOf("mine"))}
	delete(library, "gone/manifest.yaml")
	delete(library, "gone/compose.yaml")
	wantEqual(t, "later", []string{"changed: its files are not those that it was published with", "gone: is not in the library"}, index.Outdated(library))
	index.Extensions = index.Extensions[2:]
	index.Extensions[0].Digest = ""
	wantEqual(t, "of an older version", []string{"1 of 1 extensions have no digest: the file is of an older version"}, index.Outdated(library))
}

func TestLeftovers_AreNamedUnlessAChangeIsInProgress(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	dir := in.settings.UserExtensionsDir
	got, err := catalog.Leftovers(dir)
	in.must(err)
	wantEqual(t, "without any", nil, got)
	in.write("data/user-extensions/.staging-notes/manifest.yaml", nil)
	in.write("data/user-extensions/.trash-other/x", nil)
	want := []string{".staging-notes", ".trash-other"}
	got, err = catalog.Leftovers(dir)
	in.must(err)
	wantEqual(t, "leftovers without a lock file", want, got)

	lock := flock.New(filepath.Join(dir, ".lock"))
	in.must(lock.Lock())
	got, err = catalog.Leftovers(dir)
	in.must(err)
	wantEqual(t, "leftovers while somebody works", nil, got)
	in.must(lock.Unlock())
	got, err = catalog.Leftovers(dir)
	in.must(err)
	wantEqual(t, "leftovers", want, got)

	got, err = catalog.Leftovers(filepath.Join(dir, "nowhere"))
	in.must(err)
	wantEqual(t, "where nothing was installed yet", nil, got)
}
