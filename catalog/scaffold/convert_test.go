package scaffold_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"dreamserver/catalog"
	"dreamserver/catalog/scaffold"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security"
)

// knownNow is what ships, so that the ports that a conversion chooses are those of a fresh installation.
func knownNow(t testing.TB) *scaffold.Known {
	t.Helper()
	k := scaffold.NewKnown()
	for dir, builtIn := range map[string]bool{"extensions/services": true, "extensions/library": false} {
		if err := k.Look(sub(t, dir), builtIn, nil); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// convert makes an extension of an archive: its first line has the options, in/ what lies in the folder.
func convert(t *testing.T, a *txtar.Archive) (string, *scaffold.Conversion, error) {
	t.Helper()
	o, src := scaffold.Options{}, scaffold.Source{Name: "docker-compose.yml"}
	head, _, _ := strings.Cut(string(a.Comment), "\n")
	for word := range strings.FieldsSeq(head) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "id":
			o.ID = value
		case "health":
			o.Health = value
		case "service":
			src.Service = value
		case "port":
			fmt.Sscan(value, &o.Port)
		case "host":
			fmt.Sscan(value, &o.HostPort)
		default:
			t.Fatalf("%q is no option", word)
		}
	}
	in := &txtar.Archive{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, "in/"); ok {
			in.Files = append(in.Files, txtar.File{Name: name, Data: f.Data})
			if name == src.Name {
				src.Data = f.Data
			}
		}
	}
	var err error
	if src.Folder, err = txtar.FS(in); err != nil {
		t.Fatal(err)
	}
	c, err := scaffold.Convert(templates(t), knownNow(t), o, src)
	return o.ID, c, err
}

// Compose files as people publish them, and what becomes of each. The gate accepts the result, or the golden file says
// why not.
func TestConvert_CorpusOfComposeFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			id, c, err := convert(t, a)
			got := golden(t, id, c, err)
			var kept []txtar.File
			wanted := map[string]string{}
			for _, f := range a.Files {
				if strings.HasPrefix(f.Name, "in/") {
					kept = append(kept, f)
				} else {
					wanted[f.Name] = string(f.Data)
				}
			}
			if *update {
				for _, name := range []string{"error", "notes", "verdict", "env_vars"} {
					if got[name] != "" {
						kept = append(kept, txtar.File{Name: name, Data: []byte(got[name])})
					}
				}
				for _, f := range conversionFiles(c) {
					if text, ok := got["want/"+f.Name]; ok {
						kept = append(kept, txtar.File{Name: "want/" + f.Name, Data: []byte(text)})
					}
				}
				a.Files = kept
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func conversionFiles(c *scaffold.Conversion) []scaffold.File {
	if c == nil {
		return nil
	}
	return c.Files
}

// golden is everything that a conversion gives: error or notes, what the gate says, the variables that are declared, and
// the compose file. The rest of the manifest is the template's.
func golden(t *testing.T, id string, c *scaffold.Conversion, err error) map[string]string {
	t.Helper()
	if err != nil {
		return map[string]string{"error": err.Error() + "\n"}
	}
	got := map[string]string{"notes": "", "verdict": verdict(scan(t, lay(t, id, c.Files)))}
	for _, n := range c.Notes {
		got["notes"] += fmt.Sprintf("%s: %s\n", n.Kind, n)
	}
	for _, f := range c.Files {
		if f.Name != "manifest.yaml" {
			got["want/"+f.Name] = string(f.Content)
			continue
		}
		m, err := manifest.Parse(f.Name, f.Content)
		if err != nil || len(m.Warnings) > 0 {
			t.Fatalf("%v %v\n%s", err, m, f.Content)
		}
		s := m.Service
		if s.Port != c.Port || s.Health != c.Health || c.Port != 0 && s.ExternalPortDefault != c.HostPort {
			t.Errorf("the manifest says port %d, health %q, host port %d; the conversion %+v", s.Port, s.Health, s.ExternalPortDefault, c)
		}
		got["env_vars"] = fmt.Sprintf("port %d on %d, health %q, gpu_backends %v, grants %v\n", s.Port, s.ExternalPortDefault, s.Health, s.GPUBackends, s.Grants)
		for _, v := range s.EnvVars {
			line := fmt.Sprintf("%s %s", v.Key, v.Type)
			if v.Required {
				line += " required"
			}
			if v.Default != nil {
				line += fmt.Sprintf(" default=%q", *v.Default)
			}
			if v.Generate != nil {
				line += fmt.Sprintf(" generate=%d", v.Generate.Bytes)
			}
			if v.Pattern != "" {
				line += fmt.Sprintf(" pattern=%s", v.Pattern)
			}
			got["env_vars"] += line + "\n"
		}
	}
	return got
}

func verdict(v security.Verdict) string {
	text := v.Verdict + "\n"
	for _, f := range v.Findings {
		if f.Rule != "image-digest" {
			text += fmt.Sprintf("%s %s: %s\n", f.Severity, f.Rule, f.Path)
		}
	}
	return text
}

func TestConvert_RefusesOptionsThatCannotBe(t *testing.T) {
	src := scaffold.Source{Name: "f", Data: []byte("services: {a: {image: \"a/b:1\"}}")}
	for text, o := range map[string]scaffold.Options{
		`"A" is no extension id`:               {ID: "A"},
		`"models" is reserved`:                 {ID: "models"},
		"port -1: write a port":                {ID: "app", Port: -1},
		"host port 80 belongs to the machine":  {ID: "app", HostPort: 80},
		`health path "/\"; reboot #": write a`: {ID: "app", Health: `/"; reboot #`},
	} {
		if c, err := scaffold.Convert(templates(t), knownNow(t), o, src); err == nil || !strings.Contains(err.Error(), text) || c != nil {
			t.Errorf("%v; want %s", err, text)
		}
	}
}

// Whoever copies the advice removes that folder and no other.
func TestConvert_SaysWhatToRemoveBeforeItIsRunAgain(t *testing.T) {
	src := scaffold.Source{Name: "f", Data: []byte("services: {a: {image: \"a/b:1\", ports: [\"80:80\"]}}")}
	for folder, want := range map[string]string{"": "`rm -r app` and", "lib/app": "`rm -r lib/app` and", "my lib's/app": "`rm -r 'my lib'\\''s/app'` and"} {
		c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app", Folder: folder}, src)
		if err != nil {
			t.Fatal(err)
		}
		if want += " run this again with --health /PATH, or add to app"; !strings.Contains(notesOf(c), want) {
			t.Errorf("no %q in\n%s", want, notesOf(c))
		}
	}
}

// The report is about a person's file: nothing of what stood in it as a secret is in the extension.
func TestConvert_LeavesNoExampleSecretBehind(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, c, _ := convert(t, a)
		for _, f := range conversionFiles(c) {
			for _, secret := range []string{"changeme", "s3cr3t", "hunter2"} {
				if strings.HasPrefix(f.What, "what") && strings.Contains(string(f.Content), secret) {
					t.Errorf("%s: %s holds %q", file, f.Name, secret)
				}
			}
		}
	}
}

// The extensions of the reference system are compose files of strangers, too. DREAM_REAL_EXTENSIONS names a folder with
// builtin/ and library/. Each one becomes an extension that the gate accepts, or is refused for what it lacks.
func TestConvert_RealExtensions(t *testing.T) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	var files []string
	for _, pattern := range []string{"*/*/compose.yaml", "*/*/compose.yaml.disabled"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	converted := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app"}, scaffold.Source{Name: filepath.Base(dir), Data: data, Folder: os.DirFS(dir)})
		switch {
		case err == nil:
			converted++
			if v := scan(t, lay(t, "app", c.Files)); v.Verdict != security.Accepted {
				t.Errorf("%s: %s", file, verdict(v))
			}
		case !strings.Contains(err.Error(), "has no image: build and publish it") && !strings.Contains(err.Error(), "defines no services"):
			t.Errorf("%s: %v", file, err)
		}
	}
	if want := 36; converted != want {
		t.Errorf("%d of %d are converted, want %d", converted, len(files), want)
	}
}

// A conversion of whatever a person was sent: no panic, no end that does not come, and what comes out can be read.
func FuzzConvert(f *testing.F) {
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	hostile, err := filepath.Glob("../../security/testdata/corpus/*/*.txtar")
	if err != nil || len(hostile) == 0 {
		f.Fatal("the corpus is not there", err)
	}
	for i, file := range hostile { // some hundreds, of many families: each third is enough to begin with
		if i%3 == 0 {
			files = append(files, file)
		}
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			if strings.HasSuffix(part.Name, "compose.yaml") || strings.HasSuffix(part.Name, "docker-compose.yml") {
				f.Add(part.Data)
			}
		}
	}
	for _, odd := range []string{"", "- a", "services:", "services: {a: {image: b, ports: [\"${A:-${B:-80}}:$\"], environment: [\"A=${\", =, \"$\"]}}", "services: {a: {image: x, <<: *a}}"} {
		f.Add([]byte(odd))
	}
	known := knownNow(f)
	fsys := templates(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := scaffold.Convert(fsys, known, scaffold.Options{ID: "app"}, scaffold.Source{Name: "f", Data: data})
		if err != nil {
			return
		}
		if _, err := manifest.Parse("manifest.yaml", c.Files[0].Content); err != nil {
			t.Errorf("the manifest cannot be read: %v\n%s", err, c.Files[0].Content)
		}
		v, err := catalog.ScanFolder(t.Context(), catalog.Scan{Dir: lay(t, "app", c.Files), Version: config.Version(), Backend: "cpu", Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range v.Findings {
			if hostAccess[finding.Rule] && finding.Severity == security.Error {
				t.Errorf("the converted extension asks for what was to be left out: %s %s: %s\n%s", finding.Rule, finding.Path, finding.Message, c.Files[1].Content)
			}
		}
	})
}

// hostAccess are refusals that a conversion must never run into: it knows what to leave out.
var hostAccess = map[string]bool{
	"privileged": true, "capability": true, "namespace": true, "docker-socket": true, "mount-host-path": true, "mount-nested": true, "port-address": true,
	"service-name": true, "container-name": true, "unknown-key": true, "extends": true, "build": true, "undeclared-variable": true,
}
