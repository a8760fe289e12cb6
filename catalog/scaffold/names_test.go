package scaffold_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamserver/catalog/audit"
	"dreamserver/catalog/scaffold"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// oddIDs are ids that some reader of YAML takes for a number, a truth value, nothing or a time.
var oddIDs = []string{
	"1", "0", "007", "089", "1_000", "0x1", "0o7", "0b1", "1e5", "12e03", "685_230", "2024-01-01", "2024-01", "2024-1-1", "true", "false", "null", "yes", "no", "on", "off", "y", "n",
}

// otherTypes are the plain scalars that YAML 1.1 takes for no text, from its own types, but null, which yaml.v3 knows.
var otherTypes = regexp.MustCompile(`\A(?:` + strings.Join([]string{
	`y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF`,
	`[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+`,
	`[-+]?(?:[0-9][0-9_]*)?\.[0-9.]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
	`[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*`,
}, "|") + `)\z`)

// noText are the keys whose values are numbers and truth values.
var noText = regexp.MustCompile(`\A(?:port|external_port_default|vram_gb|disk_gb|priority|count|retries|required|external|internal|bytes)\z`)

// inYAML1 checks that readers of YAML 1.1 and 1.2 agree that these texts are texts, as keys and as values.
func inYAML1(t *testing.T, name string, data []byte, texts ...string) {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, data)
	}
	seen := map[string]bool{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for _, text := range texts {
			if n.Kind != yaml.ScalarNode || n.Value != text {
				continue
			}
			seen[text] = true
			if n.ShortTag() != "!!str" || n.Style == 0 && otherTypes.MatchString(n.Value) {
				t.Errorf("%s: line %d: %s is no text to every reader", name, n.Line, n.Value)
			}
		}
		for i, child := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 0 || !noText.MatchString(n.Content[i-1].Value) {
				walk(child)
			}
		}
	}
	walk(&root)
	if len(seen) == 0 {
		t.Errorf("%s names none of %q:\n%s", name, texts, data)
	}
}

// auditOf audits an extension alone, as strictly as what ships.
func auditOf(t *testing.T, dir string) []audit.Issue {
	t.Helper()
	parent := filepath.Dir(dir)
	r, err := audit.Run(t.Context(), audit.Project{
		Dir: parent, Version: config.Version(), Base: os.DirFS(t.TempDir()),
		Roots: []audit.Root{{FS: os.DirFS(parent), Dir: "extensions", Path: parent, Source: compose.User}},
	}, audit.Options{All: true, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	return append(r.Global, r.Issues()...)
}

// passes checks that what was made can be read, and that neither the gate nor the audit has anything to say.
func passes(t *testing.T, id string, files []scaffold.File, texts ...string) {
	t.Helper()
	for _, f := range files {
		if path.Ext(f.Name) == ".yaml" && !strings.HasPrefix(string(f.Content), "services: {}") {
			inYAML1(t, f.Name, f.Content, append(texts, id)...)
		}
	}
	m, err := manifest.Parse("manifest.yaml", files[0].Content)
	if err != nil || len(m.Warnings) > 0 || m.Service.ID != id {
		t.Fatalf("%v %+v\n%s", err, m, files[0].Content)
	}
	dir := lay(t, id, files)
	want(t, scan(t, dir))
	for _, i := range auditOf(t, dir) {
		t.Errorf("%s %s: %s", i.Severity, i.Code, i.Message)
	}
}

func TestNew_WritesEveryNameAsText(t *testing.T) {
	for _, id := range oddIDs {
		for _, gpu := range []scaffold.GPU{scaffold.GPUNone, scaffold.GPUSwap, scaffold.GPUOnly} {
			t.Run(id+" "+string(gpu), func(t *testing.T) {
				files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.ID, o.GPU, o.Image = id, gpu, "12:30" }))
				if err != nil {
					t.Fatal(err)
				}
				passes(t, id, files, "12:30", strings.ToUpper(id[:1])+id[1:])
			})
		}
	}
}

func TestConvert_WritesEveryNameAsText(t *testing.T) {
	for _, id := range oddIDs {
		t.Run(id, func(t *testing.T) {
			_, src := besideFolder(t, map[string]string{"app.conf": "x"})
			src.Data = []byte(`services:
  yes:
    image: "acme/app:1"
    ports: ["3000:3000"]
    depends_on: [0x1, "12:30"]
    environment: {DB_HOST: "0x1", START: "12:30", NONE: "null", URL: "http://0x1:80/"}
    volumes: ["./app.conf:/app.conf:ro", "1:/one"]
    command: [serve, "1:2"]
  0x1: {image: "postgres:16", environment: {POSTGRES_PASSWORD: "12345"}, volumes: ["2024-01-01:/data"]}
  "12:30": {image: "redis:7", links: ["0x1:1"], expose: ["22:22"]}
volumes: {1: , 2024-01-01: }
`)
			c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: id, Health: "/up?full=1&as=text"}, src)
			if err != nil {
				t.Fatal(err)
			}
			passes(t, id, c.Files, "12:30", "null", "1:2", "22:22", "0x1", "1", id+"-0x1")
		})
	}
}

// A query holds what a shell would take for its own: the command asks for all of it.
func TestNew_AsksForAHealthPathWithAQuery(t *testing.T) {
	for _, gpu := range []scaffold.GPU{scaffold.GPUNone, scaffold.GPUOnly} {
		files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.Health, o.GPU = "/a?x=1&y=2", gpu }))
		if err != nil {
			t.Fatal(err)
		}
		passes(t, "my-notes", files)
		const want = "wget -q -O /dev/null 'http://127.0.0.1:3000/a?x=1&y=2' || curl -fsS -o /dev/null 'http://127.0.0.1:3000/a?x=1&y=2'"
		for _, unit := range load(t, lay(t, "my-notes", files)) {
			if got := unit.project.Services["my-notes"].HealthCheck.Test[1]; got != want {
				t.Errorf("it asks %s, want %s", got, want)
			}
		}
	}
}
