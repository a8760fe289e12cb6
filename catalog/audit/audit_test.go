package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/audit"
)

func sound(t testing.TB) tree { return treeOf(parse(t, "testdata/sound.txtar")) }

// add puts an extension like the library's notes under another id into the tree.
func (files tree) add(root, id string, port int, more string) {
	text := func(name string) []byte {
		s := string(files["extensions/library/notes/"+name].Data)
		s = strings.NewReplacer("notes", id, "NOTES", "X"+strings.ToUpper(strings.ReplaceAll(id, "-", "_")), "9300", fmt.Sprint(port), "[memo]", "[]").Replace(s)
		if name == "manifest.yaml" {
			s += more
		}
		return []byte(s)
	}
	for _, name := range []string{"manifest.yaml", "compose.yaml"} {
		files[root+"/"+id+"/"+name] = &fstest.MapFile{Data: text(name), Mode: 0o644}
	}
}

func ids(r *audit.Report) []string {
	var all []string
	for _, s := range r.Services {
		all = append(all, s.Directory)
	}
	return all
}

func TestAudit_ReportsOnWhatIsAskedFor(t *testing.T) {
	files := sound(t)
	files.add("data/user-extensions", "notes", 9300, "")
	files.add("data/user-extensions", "mine", 9400, "")
	p := files.project(t)
	for _, c := range []struct {
		services  string
		all       bool
		want      []string
		requested []string
	}{
		{want: []string{"extensions/services/chat", "extensions/services/web"}, requested: []string{}},
		{services: "web", want: []string{"extensions/services/web"}, requested: []string{"web"}},
		{services: "page web", want: []string{"extensions/services/web"}, requested: []string{"web"}},
		{services: "mine", want: []string{"data/user-extensions/mine"}, requested: []string{"mine"}},
		{services: "memo", want: []string{"extensions/library/notes"}, requested: []string{"notes"}},
		{services: "notes", all: true, want: []string{"extensions/library/notes", "data/user-extensions/notes"}, requested: []string{"notes"}},
		{all: true, want: []string{
			"extensions/services/chat", "extensions/services/web", "extensions/library/notes", "data/user-extensions/mine", "data/user-extensions/notes",
		}, requested: []string{}},
	} {
		r := run(t, p, audit.Options{Services: strings.Fields(c.services), All: c.all})
		if diff := cmp.Diff(c.want, ids(r)); diff != "" {
			t.Errorf("%q, all %t: -want +got:\n%s", c.services, c.all, diff)
		}
		if diff := cmp.Diff(c.requested, r.Requested); diff != "" {
			t.Errorf("%q, all %t: -requested +got:\n%s", c.services, c.all, diff)
		}
		if len(r.Issues()) > 0 {
			t.Errorf("%q, all %t: %s", c.services, c.all, lines(r))
		}
	}
}

func TestAudit_SeesOneServiceBesideAllOthers(t *testing.T) {
	files := sound(t)
	files.add("extensions/library", "blog", 9200, "  depends_on: [nobody]\n")
	r := run(t, files.project(t), audit.Options{Services: []string{"web"}})
	want := "error port-collision extensions/services/web/compose.yaml.disabled:10 port 9200/tcp on this machine is also that of blog\n"
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAudit_OnlyStrictFailsForWarnings(t *testing.T) {
	files := sound(t)
	files["extensions/services/empty/README"] = &fstest.MapFile{Data: []byte("nothing\n"), Mode: 0o644}
	for strict, failed := range map[bool]bool{false: false, true: true} {
		r := run(t, files.project(t), audit.Options{Strict: strict})
		if r.Failed() != failed || r.Summary.Warnings != 1 || r.Summary.Errors != 0 || r.Summary.Strict != strict {
			t.Errorf("strict %t: %+v", strict, r.Summary)
		}
	}
}

func TestAudit_FindsACircleOfThree(t *testing.T) {
	files := sound(t)
	for i, c := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "a"}} {
		files.add("extensions/library", c[0], 9400+i, "  depends_on: ["+c[1]+"]\n")
	}
	r := run(t, files.project(t), audit.Options{All: true})
	var got []string
	for _, i := range r.Issues() {
		got = append(got, i.Code+" "+i.Message)
	}
	want := []string{
		"dependency-cycle service.depends_on goes round: a needs b needs c needs a",
		"dependency-cycle service.depends_on goes round: b needs c needs a needs b",
		"dependency-cycle service.depends_on goes round: c needs a needs b needs c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Two folders of one root, one of them under a name that is not its id: both can be told apart.
func TestAudit_NamesBothFoldersOfOneID(t *testing.T) {
	files := sound(t)
	files.add("extensions/library", "blog", 9400, "")
	for _, name := range []string{"manifest.yaml", "compose.yaml"} {
		files["extensions/library/copy/"+name] = files["extensions/library/blog/"+name]
	}
	r := run(t, files.project(t), audit.Options{All: true})
	if len(r.Global) != 1 || r.Global[0].Message != `id "blog" is that of extensions/library/blog and extensions/library/copy` {
		t.Errorf("%+v", r.Global)
	}
	if got := r.Services[3].Issues; len(got) != 1 || got[0].Code != "service-id-directory-mismatch" {
		t.Errorf("%+v", r.Services[3])
	}
}

// An installation's owner switches built-in extensions as they like.
func TestAudit_LeavesTheStateOfAnInstallationAlone(t *testing.T) {
	files := sound(t)
	files["extensions/services/web/compose.yaml"] = files["extensions/services/web/compose.yaml.disabled"]
	delete(files, "extensions/services/web/compose.yaml.disabled")
	p := files.project(t)
	if r := run(t, p, audit.Options{}); lines(r) != "warning compose-state-unexpected extensions/services/web/compose.yaml:0 the extension is optional, and ships switched on\n" {
		t.Error(lines(r))
	}
	p.Shipped = false
	if r := run(t, p, audit.Options{}); len(r.Issues()) > 0 {
		t.Error(lines(r))
	}
}

// A service without a port, and one that speaks no HTTP, say so by leaving it out.
func TestAudit_AsksForNoMoreThanAServiceHas(t *testing.T) {
	for name, script := range map[string]map[string]string{
		"no HTTP": {
			"manifest.yaml": "-   health: /\n",
			"compose.yaml":  `-       test: ["CMD", "curl", "-sf", "http://127.0.0.1:8080/"]` + "\n+       test: [\"CMD\", \"pg_isready\"]\n",
		},
		"no port": {
			"manifest.yaml": "-   port: 8080\n+   port: 0\n-   external_port_env: NOTES_PORT\n-   external_port_default: 9300\n-   health: /\n",
			"compose.yaml":  "-     ports:\n-       - 127.0.0.1:${NOTES_PORT:-9300}:8080\n",
		},
	} {
		files := sound(t)
		for file, s := range script {
			at := files["extensions/library/notes/"+file]
			files["extensions/library/notes/"+file] = &fstest.MapFile{Data: []byte(edit(t, string(at.Data), s)), Mode: 0o644}
		}
		if r := run(t, files.project(t), audit.Options{All: true}); len(r.Issues()) > 0 {
			t.Errorf("%s: %s", name, lines(r))
		}
	}
}

func TestAudit_AcceptsEveryBackend(t *testing.T) {
	files := sound(t)
	at := files["extensions/library/notes/manifest.yaml"]
	at.Data = []byte(strings.Replace(string(at.Data), "[all]", "[nvidia, amd, intel, apple, cpu, none]", 1))
	if r := run(t, files.project(t), audit.Options{All: true}); len(r.Issues()) > 0 {
		t.Error(lines(r))
	}
}

func TestAudit_TakesAThousandExtensions(t *testing.T) {
	files := sound(t)
	for i := range 1000 {
		files.add("extensions/library", fmt.Sprintf("x%04d", i), 10_000+i, "")
	}
	r := run(t, files.write(t), audit.Options{All: true, Strict: true})
	if r.Summary.Services != 1003 || len(r.Issues()) > 0 {
		t.Errorf("%+v\n%s", r.Summary, lines(r))
	}
}

// What is hostile in a manifest or a compose file is a finding and no crash.
func TestAudit_SurvivesHostileFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c]\n", c, c, c-1)
	}
	for name, text := range map[string]string{
		"bomb": bomb + "service: *j\n", "itself": "service: &s {id: *s}\n", "binary": "\x00\x01", "deep": "service: " + strings.Repeat("[", 2000),
		"large": "service: {id: " + strings.Repeat("x", 600<<10) + "}", "merge": "service: {<<: {id: notes}}\nservices: {<<: 1}\n",
		"range":   "services: {notes: {image: a, ports: ['1-65535:1-65535', '2-1:3', '${X:?}:1', 'a:b:c:d']}}\n",
		"odd":     "services: {notes: {image: [a], ports: {a: b}, healthcheck: 1, container_name: [x], deploy: {resources: []}, devices: [{}]}}\n",
		"dollars": "services: {notes: {image: '" + strings.Repeat("${A:-", 500) + strings.Repeat("}", 500) + "'}}\n",
	} {
		for _, file := range []string{"manifest.yaml", "compose.yaml"} {
			t.Run(name+" "+file, func(t *testing.T) {
				files := sound(t)
				files["extensions/library/notes/"+file] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
				if r := run(t, files.project(t), audit.Options{All: true}); r.Summary.Errors == 0 {
					t.Errorf("passes: %s", lines(r))
				}
			})
		}
	}
}

func TestAudit_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.Run(ctx, sound(t).project(t), audit.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The same files give the same report, byte for byte, whatever the cores do.
func TestAudit_RepeatsItself(t *testing.T) {
	files := sound(t)
	for i := range 40 {
		files.add("extensions/library", fmt.Sprintf("x%02d", i), 9300, "  aliases: [same]\n")
	}
	text := func() string {
		data, err := json.Marshal(run(t, files.project(t), audit.Options{All: true}))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first := text()
	for range 5 {
		if diff := cmp.Diff(first, text()); diff != "" {
			t.Fatal(diff)
		}
	}
}

// The reference system's built-in extensions, laid out as a project, pass its own audit.
func TestAudit_FindsNoCodeOfTheReferenceInItsOwnExtensions(t *testing.T) {
	real := os.Getenv("DREAM_REAL_EXTENSIONS")
	if real == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "extensions", "services"), os.DirFS(filepath.Join(real, "builtin"))); err != nil {
		t.Fatal(err)
	}
	root := audit.Root{FS: os.DirFS(filepath.Join(dir, "extensions", "services")), Dir: "extensions/services", Path: filepath.Join(dir, "extensions", "services"), Source: "builtin"}
	r := run(t, audit.Project{Dir: dir, Version: "2.1.0", Base: os.DirFS(dir), Roots: []audit.Root{root}, Shipped: true}, audit.Options{})
	var b strings.Builder
	for _, s := range r.Services {
		fmt.Fprintf(&b, "%s %s\n", s.Status, s.ID)
		for _, i := range s.Issues {
			fmt.Fprintf(&b, "  %s %s: %s\n", i.Severity, i.Code, i.Message)
		}
	}
	fmt.Fprintf(&b, "%d services, %d errors, %d warnings\n", r.Summary.Services, r.Summary.Errors, r.Summary.Warnings)
	golden(t, "testdata/real-builtin.golden", b.String())
	ours := slices.IndexFunc(audit.Rules, func(rule audit.Rule) bool { return rule.Code == "healthcheck-missing" }) + 1
	for _, i := range r.Issues() {
		if slices.IndexFunc(audit.Rules, func(rule audit.Rule) bool { return rule.Code == i.Code }) < ours {
			t.Errorf("the reference's extensions pass its own audit, but %+v", i)
		}
	}
}
