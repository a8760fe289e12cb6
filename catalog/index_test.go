package catalog_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
)

var update = flag.Bool("update", false, "write generated files anew")

// The shipped index is what the shipped library makes it. After a change of the library run
//
//	go test ./catalog -run ShippedIndex -update
func TestBuildIndex_IsTheShippedIndex(t *testing.T) {
	const file = "../config/extensions-catalog.json"
	index, err := catalog.BuildIndex(os.DirFS("../extensions/library"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	built, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, got := decodeIndex(t, built), decodeIndex(t, shipped)
	if *update && !cmp.Equal(want, got) {
		if err := os.WriteFile(file, append(built, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	wantEqual(t, file+" is stale: go test ./catalog -run ShippedIndex -update", want, got)
}

// decodeIndex is the index without the time, which alone makes no index stale.
func decodeIndex(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var index map[string]any
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	delete(index, "generated_at")
	return index
}

func TestBuildIndex_IsSortedAndComplete(t *testing.T) {
	library := fstest.MapFS{
		"b/manifest.yaml":   {Data: []byte(manifestOf("b", "depends_on: [a]", "external_port_default: 9000"))},
		"a/manifest.json":   {Data: []byte(`{"schema_version": "dream.services.v1", "tags": ["x"], "service": {"id": "a", "name": "A", "port": 1, "health": "/"}}`)},
		".git/config":       {},
		"README.md":         {},
		"b/compose.yaml":    {},
		"a/compose.cpu.yml": {},
	}
	index, err := catalog.BuildIndex(library, time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "index", `{"generated_at":"2026-01-02T02:04:05Z","schema_version":"1.0.0","extensions":[`+
		`{"id":"a","name":"A","description":"","category":"optional","gpu_backends":["amd","nvidia"],"compose_file":"","depends_on":[],"port":1,`+
		`"external_port_default":1,"health_endpoint":"/","env_vars":[],"tags":["x"],"features":[]},`+
		`{"id":"b","name":"The b","description":"","category":"optional","gpu_backends":["all"],"compose_file":"","depends_on":["a"],"port":8080,`+
		`"external_port_default":9000,"health_endpoint":"/","env_vars":[],"tags":[],"features":[]}]}`, string(data))
}

func TestBuildIndex_NamesEveryBrokenFolder(t *testing.T) {
	library := fstest.MapFS{
		"a/manifest.yaml": {Data: []byte(manifestOf("other"))},
		"b/manifest.yaml": {},
		"c/manifest.yaml": {Data: []byte(manifestOf("c"))},
	}
	index, err := catalog.BuildIndex(library, time.Time{})
	want := "catalogue index: service.id \"other\" is not the name of its folder, \"a\": rename one of them\n" +
		"catalogue index: b/manifest.yaml: is empty: write schema_version and service"
	if err == nil || err.Error() != want {
		t.Errorf("got:  %v\nwant: %s", err, want)
	}
	if len(index.Extensions) != 1 {
		t.Errorf("the whole folders are not listed: %+v", index.Extensions)
	}
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
