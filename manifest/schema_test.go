package manifest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

const schemaFile = "../extensions/schema/service-manifest.v1.json"

// beyondTheSchema are the refusals that a JSON Schema cannot say, by their messages.
var beyondTheSchema = []struct{ message, why string }{
	{`is already (given|declared|the id)`, "JSON Schema compares no two items by one of their keys, and JSON has lost a key that is given twice"},
	{`names the service itself`, "it compares two values"},
	{`is below dream_min`, "it compares two values"},
	{`is not one of .*: mend it`, "it compares two values: a default and the options"},
	{`does not match .*: mend it`, "it compares two values: a default and the pattern"},
	{`is longer than 65536 bytes: mend it`, "it counts characters, not bytes"},
	{`is longer than 200 bytes`, "it counts characters, not bytes"},
	{`is not a regular expression`, "the format regex is ECMAScript's, and formats are not asserted"},
	{`too costly to match`, "it reads no regular expressions"},
	{`is longer than the 1024 bytes`, "it compares two values: a default and whether there is a pattern"},
	{`merge keys are not read`, "JSON has no merge keys"},
	{`is used as a key`, "JSON has only texts as keys"},
	{`a value with the tag`, "JSON has no tags"},
	{`holds more than 5000 values|is nested more than 50 levels`, "it counts neither values nor levels"},
	{`starts with 0`, "to JSON 0777 is a number like any other"},
	{`^\S+ is not a whole number`, "1e3, 8_080 and 0x50 are whole numbers to YAML"},
	{`is not a (port|URL|whole number)|is neither true nor false`, "a type that is inferred, or a spelling that only a parser of numbers or URLs refuses"},
	{`not a (version|size)`, "a spelling that only a parser of versions or numbers refuses"},
	{`is not a folder below`, "a/../../b needs a path to be followed"},
	{`is larger than 2147483647`, "a number in quotes is a text"},
	{`is for secrets: write secret: true`, "what a variable is by its name would be a list of names in every spelling"},
	{`not a mode`, "a number with leading zeros in quotes that ends beyond 64 bits"},
}

// A document is valid to the schema when it is to Parse, and the other way round but for what beyondTheSchema lists.
func TestSchema_AgreesWithParse(t *testing.T) {
	for _, file := range []string{"testdata/ok/*", "../extensions/*/*/manifest.yaml"} {
		files, err := filepath.Glob(file)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", file, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := manifest.Parse("m", data); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			agree(t, data)
		}
	}
}

// The corpora of the fuzz tests have the odd ones: what a search for bugs came by, and manifests of hostile extensions.
func TestSchema_AgreesWithParseOnTheOddest(t *testing.T) {
	files, err := filepath.Glob("testdata/fuzz/FuzzParse/*")
	if err != nil || len(files) == 0 {
		t.Fatal("the corpus is not there", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, value, _ := strings.Cut(string(text), "[]byte(")
		var data string
		if err := yaml.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(value), ")")), &data); err == nil {
			agree(t, []byte(data))
		}
	}
}

func TestSchema_AgreesWithParseOnTheRealExtensions(t *testing.T) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	fsys := os.DirFS(root)
	dirs, err := fs.Glob(fsys, "*/*/manifest.*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d manifests, %v", len(dirs), err)
	}
	for _, file := range dirs {
		data, err := fs.ReadFile(fsys, path.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, data)
	}
}

// Rows that a manifest may hold, with what the schema must say. Each is one that a looser schema would get wrong.
func TestSchema_ReadsValuesAsParseDoes(t *testing.T) {
	for _, row := range []string{
		"port: '8080'", "port: '08'", "port: '65535'", "port: '65536'", "port: +80", "port: '+80'", "port: -0", "port: '-0'", "port: 80.0", "port: ''",
		"name: 2026-01-02", "name: <<", "name: '\u00a0'", "name: \"a\u00a0b\"", "id: '0'",
		"  health: ''", "  health: /a\u00a0b", "  health: /%20", "  ui_path: [1]", "  aliases: 3", "  health_timeout: {}", "  tags: 7",
		"  compose_file: a..b", "  compose_file: .", "  compose_file: .hidden", "  compose_file: x.disabled",
		"  container_name: " + strings.Repeat("a", 129), "  default_host: " + strings.Repeat("a", 254), "  host_env: A-B", "  external_port_env: ''",
		"compatibility: {dream_min: 2}", "compatibility: {dream_min: v2.1}", "compatibility: {dream_min: vv2}", "compatibility: {dream_min: ''}",
		"compatibility: {dream_min: -1}", "compatibility: {dream_min: true}", "compatibility: {dream_min: 2024-01-01}", "compatibility: []",
		"compatibility: {dream_max: 2.x.x}", "compatibility: {dream_max: 2.1+b}", "compatibility: {dream_max: a}", "compatibility:",
		"  depends_on: [~]", "  depends_on: a", "  gpu_backends: []", "  gpu_backends: [~]", "  grants: [gpu, gpu]", "  grants: [root]", "  grants: [~]",
		"  env_vars: [~]", "  env_vars: [{key: ~}]", "  env_vars: [{key: A, required: 'YES', secret: oFf}]", "  env_vars: [{key: A, required: ~}]",
		"  env_vars: [{key: A, default: 2026-01-02, description: [x]}]", "  env_vars: [{key: A, default: \"a\\tb\\n\"}]", "  env_vars: [{key: A, default: \"\\e\"}]",
		"  env_vars: [{key: A, type: ~, options: ~, generate: ~}]", "  env_vars: [{key: A, options: []}]", "  env_vars: [{key: A, type: enum, options: []}]",
		"  env_vars: [{key: A, type: enum, options: ['1'], default: 1}]", "  env_vars: [{key: A, type: enum, options: [1]}]",
		"  env_vars: [{key: A, secret: yes, generate: {}}]", "  env_vars: [{key: A, type: secret, secret: no, generate: {bytes: '16', format: base64}}]",
		"  env_vars: [{key: A, secret: no, generate: {bytes: 16}}]", "  env_vars: [{key: a_token, generate: {}}]", "  env_vars: [{key: A_TOKEN, type: string, generate: {}}]",
		"  env_vars: [{key: A, type: secret, generate: {format: api-key}}]", "  env_vars: [{key: A, type: secret, generate: {format: api-key, bytes: '32'}}]",
		"  env_vars: [{key: A, type: secret, generate: {format: api-key, bytes: 16}}]", "  env_vars: [{key: A, type: secret, generate: {bytes: ~, format: ~}}]",
		"  env_vars: [{key: A, type: secret, generate: []}]", "  env_vars: [{key: A, type: secret, generate: {bytes: '7'}}]",
		"  env_vars: [{key: A, type: integer, default: '-3', example: '+3'}]", "  env_vars: [{key: A, type: integer, default: ''}]",
		"  env_vars: [{key: A, type: integer, default: 010}]", "  env_vars: [{key: A, type: boolean, default: On, example: 'no'}]",
		"  env_vars: [{key: A, type: boolean, default: 1}]", "  env_vars: [{key: A, type: boolean, default: 2}]", "  env_vars: [{key: A, type: port, default: 0}]",
		"  env_vars: [{key: A, type: port, default: '0080', example: '+80'}]", "  env_vars: [{key: A, type: port, default: 65536}]", "  env_vars: [{key: A, example: 80}]",
		"  env_vars: [{key: A, type: url, default: 'a://b'}]", "  env_vars: [{key: A, type: url, default: '//b'}]", "  env_vars: [{key: A, type: url, example: 80}]",
		"  env_vars: [{key: A, pattern: [a]}]", "  env_vars: [{key: " + strings.Repeat("A", 129) + "}]", "  env_vars: {}", "  env_vars:",
		"  data_dirs: [{path: .}]", "  data_dirs: [{path: ./a/..}]", "  data_dirs: [{path: ..}]", "  data_dirs: [{path: ./../a}]", "  data_dirs: [{path: a\\b}]", "  data_dirs: [{path: ''}]",
		"  data_dirs: [{path: a, uid: '5', gid: ~, mode: ~}]", "  data_dirs: [{path: a, mode: '0000'}]", "  data_dirs: [{path: a, mode: '00750'}]", "  data_dirs: [{path: a, mode: 750}]",
		"features: [~]", "features: [{id: a, name: [], icon: 1, priority: x, setup_time: {}}]", "features: [{id: a, requirements: {vram_gb: '4', disk_gb: .5}}]",
		"features: [{id: a, requirements: {vram_gb: '0x1p2', disk_gb: -1}}]", "features: [{id: a, requirements: {vram_gb: .nan}}]", "features: [{id: a, requirements: []}]",
		"features: [{id: a, requirements: {services_any: [B]}}]", "features: [{id: a, gpu_backends: [x]}]", "features: {}", "tags: 1", "x: {y: [z]}",
	} {
		agree(t, []byte(with(row)))
	}
}

// An editor completes what the schema names: every key of the contract, each with a title and a word of help.
func TestSchema_ExplainsEveryKey(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		ID          string           `json:"$id"`
		Title       string           `json:"title"`
		Description string           `json:"description"`
		Properties  map[string]*node `json:"properties"`
		Defs        map[string]*node `json:"$defs"`
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	if root.ID != "urn:dream-server:schema:service-manifest:v1" {
		t.Errorf("$id %q: it names no host, and editors that remember it must find the same", root.ID)
	}
	feature, envVar := root.Defs["feature"], root.Defs["envVar"]
	for _, tt := range []struct {
		contract any
		schema   *node
	}{
		{manifest.Manifest{}, &root},
		{manifest.Compatibility{}, root.Properties["compatibility"]},
		{manifest.Service{}, root.Defs["service"]},
		{manifest.EnvVar{}, envVar},
		{manifest.Generate{}, envVar.Properties["generate"]},
		{manifest.DataDir{}, root.Defs["dataDir"]},
		{manifest.Feature{}, feature},
		{manifest.Requirements{}, feature.Properties["requirements"]},
	} {
		var want []string
		for field := range reflect.TypeOf(tt.contract).Fields() {
			if key := field.Tag.Get("yaml"); key != "-" {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tt.schema.Properties))); diff != "" {
			t.Errorf("%s: keys (-contract +schema):\n%s", tt.schema.Title, diff)
		}
		for key, n := range tt.schema.Properties {
			if key != "service" && (n.Title == "" || n.Description == "") {
				t.Errorf("%s.%s has title %q and description %q", tt.schema.Title, key, n.Title, n.Description)
			}
		}
	}
}

// What Parse accepts an editor must not mark as wrong; what it refuses an editor marks, where a schema can.
func FuzzSchema(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

// agree compares the verdicts of schema and Parse on one document. What is no single mapping of text is not asked about.
func agree(t *testing.T, data []byte) {
	t.Helper()
	value, ok := toJSON(data)
	if !ok {
		return
	}
	wrong := theSchema(t).Validate(value)
	_, err := manifest.Parse("m", data)
	var e *manifest.Error
	if err == nil {
		if wrong != nil {
			t.Errorf("Parse accepts what the schema refuses: %v\n%s", wrong, data)
		}
		return
	}
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	for _, issue := range e.Issues {
		if wrong == nil && !beyond(issue.Message) {
			t.Errorf("the schema accepts what Parse refuses: %v\n%s", issue, data)
		}
	}
}

func beyond(message string) bool {
	for _, b := range beyondTheSchema {
		if regexp.MustCompile(b.message).MatchString(message) {
			return true
		}
	}
	return false
}

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4) // so that a schema that did not name 2020-12 itself would show
	if err := c.AddResource("manifest.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("manifest.json")
})

func theSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// toJSON reads YAML as an editor's language server does: by YAML 1.2, so that yes is a text. It reports whether data
// is one document that is a mapping, of a size that Parse reads.
func toJSON(data []byte) (any, bool) {
	if len(data) > manifest.MaxBytes || bytes.IndexByte(data, 0) >= 0 {
		return nil, false
	}
	root, err := yamldoc.Parse(data)
	if err != nil {
		return nil, false
	}
	return valueOf(root), true
}

func valueOf(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return valueOf(n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = valueOf(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, valueOf(item))
		}
		return list
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if n.Decode(&v) != nil {
			return n.Value
		}
		text, err := json.Marshal(v)
		if err != nil { // infinite, or no number
			return json.Number("1e400")
		}
		if number := json.Number(text); n.ShortTag() != "!!bool" {
			return number
		}
		return v
	}
	return n.Value
}
