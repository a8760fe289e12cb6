package agent_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// The corpus in ../security/testdata/corpus is fragments of strangers, each with one purpose. hostile/ must be
// refused and honest/ accepted by the whole gate: what an install asks the agent. tamed/ would be hostile if it got
// what it asks for: it is accepted, and what runs lacks that.
const (
	corpus    = "../security/testdata/corpus"
	inLibrary = "data/extensions-library"
	installed = "data/user-extensions"
)

// sample is one file of the corpus. Its comment begins with what it does; then come lines with a keyword.
type sample struct {
	name   string
	phrase string   // that the refusal must hold
	at     string   // key path of a finding
	env    []string // lines of the owner's .env
	links  []string // NAME -> TARGET
	hexes  []string // NAME HEX
	not    []string // what the approved file must not hold
	files  []txtar.File
}

func samples(t *testing.T, kind string) []sample {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(corpus, kind, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]sample, 0, len(names))
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), files: a.Files}
		for line := range strings.Lines(string(a.Comment)) {
			keyword, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch keyword {
			case "phrase":
				s.phrase = value
			case "at":
				s.at = value
			case "env":
				s.env = append(s.env, value)
			case "link":
				s.links = append(s.links, value)
			case "not":
				s.not = append(s.not, value)
			case "hex":
				s.hexes = append(s.hexes, value)
			}
		}
		all = append(all, s)
	}
	return all
}

// corpusWorld is an installation with the platform's own base files and names, and a few neighbours.
func corpusWorld(t *testing.T) *installation {
	t.Helper()
	in := newInstallation(t)
	for _, file := range []string{
		"docker-compose.base.yml", "config/core-service-ids.json", "extensions/services/llama-server/manifest.yaml",
		"extensions/services/open-webui/manifest.yaml", "extensions/services/dashboard/manifest.yaml", "extensions/services/dashboard-api/manifest.yaml",
	} {
		data, err := os.ReadFile(filepath.Join("..", file))
		in.must(err)
		in.add("-- " + file + " --\n" + string(data))
	}
	in.add(inFolder("extensions/services", "searxng", ""), inFolder("extensions/services", "privacy-shield", ""),
		inFolder("extensions/services", "n8n", "", "env_vars: [{key: N8N_PASS, secret: true}]"), extension("web2", ""), extension("web-shop", ""))
	return in
}

var gpuBackend = regexp.MustCompile(`gpu_backends: \[(\w+)`)

// put makes the sample the entry `web` of a folder.
func (in *installation) put(s sample, folder string) {
	in.t.Helper()
	folder += "/web"
	in.must(os.RemoveAll(in.path(folder)))
	in.add("-- " + folder + "/manifest.yaml --\n" + strings.Replace(manifestOf("web"), "The web", "Web", 1))
	write := func(name string, data []byte) {
		file := in.path(folder + "/" + name)
		in.must(os.MkdirAll(filepath.Dir(file), 0o755))
		in.must(os.WriteFile(file, data, 0o644))
	}
	env := append([]string{"DREAM_AGENT_KEY=" + key, "DASHBOARD_API_KEY=" + key}, s.env...)
	for _, f := range s.files {
		write(f.Name, f.Data)
		if backend := gpuBackend.FindSubmatch(f.Data); f.Name == "manifest.yaml" && backend != nil && string(backend[1]) != "all" {
			env = append(env, "GPU_BACKEND="+string(backend[1])) // a machine that it is made for
		}
	}
	for _, line := range s.hexes {
		name, digits, _ := strings.Cut(line, " ")
		data, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		in.must(err)
		write(name, data)
	}
	for _, line := range s.links {
		name, target, _ := strings.Cut(line, " -> ")
		file := in.path(folder + "/" + name)
		in.must(os.MkdirAll(filepath.Dir(file), 0o755))
		in.must(os.RemoveAll(file))
		in.must(os.Symlink(target, file))
	}
	in.env = nil
	in.setEnv(env...)
}

func TestCorpus_RefusesEveryHostileFragment(t *testing.T) {
	in := corpusWorld(t)
	all := samples(t, "hostile")
	if len(all) < 150 {
		t.Fatalf("%d hostile fragments: the corpus is not whole", len(all))
	}
	for _, s := range all {
		in.put(s, inLibrary)
		_, err := in.client.Check(t.Context(), "web", true)
		e := problem.As(err)
		if err == nil || !problem.HasCode(err, problem.ScanRefused, problem.InvalidExtension, problem.PortTaken, problem.ExtensionTooLarge, problem.Incompatible) {
			t.Errorf("%s: %v, want a refusal", s.name, err)
			continue
		}
		text := e.Detail
		for _, item := range e.Items {
			text += "\n" + item.Message + "\n" + item.Fix
		}
		if !strings.Contains(text, s.phrase) {
			t.Errorf("%s: refused without the words %q: %s", s.name, s.phrase, e.Detail)
		}
		found := slices.ContainsFunc(e.Items, func(i problem.Item) bool {
			return i.Path == s.at || strings.HasPrefix(i.Path, s.at+".") || strings.HasPrefix(s.at, i.Path+".")
		})
		if s.at != "" && !found {
			t.Errorf("%s: refused, but not at %s: %s", s.name, s.at, e.Detail)
		}
	}
}

func TestCorpus_AcceptsEveryHonestExtension(t *testing.T) {
	in := corpusWorld(t)
	all := samples(t, "honest")
	if len(all) < 60 {
		t.Fatalf("%d honest fragments: the corpus is not whole", len(all))
	}
	for _, s := range all {
		in.put(s, inLibrary)
		if _, err := in.client.Check(t.Context(), "web", true); err != nil {
			t.Errorf("%s: %v, want accepted", s.name, err)
		}
	}
}

func TestCorpus_TamesWhatItAccepts(t *testing.T) {
	in := corpusWorld(t)
	all := samples(t, "tamed")
	if len(all) == 0 {
		t.Fatal("the corpus is not whole")
	}
	for _, s := range all {
		in.put(s, inLibrary)
		in.put(s, installed)
		if _, err := in.client.Start(t.Context(), "web", catalog.Starting{Grants: []manifest.Grant{manifest.Build}}, nil); err != nil {
			t.Errorf("%s: %v, want accepted", s.name, err)
			continue
		}
		runs, err := os.ReadFile(in.path("state/approved/web.yaml"))
		in.must(err)
		for _, text := range append(s.not, key) {
			if strings.Contains(string(runs), text) {
				t.Errorf("%s: what runs holds %q:\n%s", s.name, text, runs)
			}
		}
		in.must(in.client.Stop(t.Context(), "web"))
	}
}
