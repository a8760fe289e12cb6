package kit

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/security/policy"
	_ "dreamserver/security/policy/shipped"
)

// Most of the time is spent waiting for programs to be ended: more of them wait side by side than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func python(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no Python")
	}
}

// conform tries all checks on a plugin, and tells which have failed, why, and which were skipped.
func conform(t *testing.T, plugin string, o Options) (failed map[string]string, skipped []string) {
	t.Helper()
	mark := fmt.Sprintf("DREAM_TEST=%d-%s", os.Getpid(), t.Name())
	o.Sources = policy.Sources{Env: []string{mark}, Owner: -1, Getenv: func(string) string { return "" }}
	target, err := Find(plugin, o)
	if err != nil {
		t.Fatal(err)
	}
	failed = map[string]string{}
	for _, v := range Conformance(t.Context(), target, mark) {
		switch v.Outcome {
		case Failed:
			failed[v.Check] = v.Reason
			if v.Mend == "" {
				t.Errorf("%s: nothing is said about how to mend it", v.Check)
			}
		case Skipped:
			skipped = append(skipped, v.Check)
		}
	}
	return failed, skipped
}

// copied is a program in a folder that nobody else may write, whatever the checkout looks like.
func copied(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(name, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// Each bad plugin fails the one check that is about its fault, and no other.
func TestConformance_FindsEachFault(t *testing.T) {
	python(t)
	tests := []struct {
		plugin, check, why string
		timeout            time.Duration
	}{
		{"chatty", "answers with JSON and nothing else", "on_service_apply: its answer is not {", 0},
		{"restless", "deterministic", "on_service_apply: the same question has two answers, which part at byte ", 0},
		{"adder", "idempotent", `on_service_apply: it changes its own answer: services.notes.hostname: "x" → "xx"`, 0},
		{"rebuilder", "keeps what it does not know", "on_service_apply: what it does not know is another: services.notes.x-dream-conformance: ", 0},
		{"redactor", "keeps placeholders of secrets", "on_service_apply: «secret:NOTES_", 0},
		{"pedant", "takes more keys in the envelope", "on_service_apply: with more keys beside spec: it ended with exit status 1: a key that I do not know", 0},
		{"mumbler", "rejects with a message", "on_service_apply: its reason is white space", 0},
		{"sloth", "is in time for a spec of 4 MiB", "on_service_apply: no answer within 12s", 12 * time.Second},
		{"trusting", "survives empty and malformed questions", `it accepts ""`, 0},
		{"eager", "leaves unknown hooks alone", `it changes the spec of on_later_apply, of which it knows nothing: services.notes.hostname: none → "eager"`, 0},
		{"daemon", "ends with everything that it has started", "its processes outlive it: sleep 1000", 0},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.check] = true
		t.Run(tt.plugin, func(t *testing.T) {
			if tt.timeout == 0 {
				tt.timeout = 2 * time.Minute
			}
			failed, _ := conform(t, copied(t, "testdata/bad/"+tt.plugin), Options{Timeout: tt.timeout})
			if why, ok := failed[tt.check]; !ok || !strings.Contains(why, tt.why) {
				t.Errorf("%s: %q, want %q", tt.check, why, tt.why)
			}
			delete(failed, tt.check)
			if d := cmp.Diff(map[string]string{}, failed); d != "" {
				t.Errorf("it fails others as well:\n%s", d)
			}
		})
	}
	for _, c := range checks {
		if !seen[c.name] {
			t.Errorf("no bad plugin is there for %q", c.name)
		}
	}
}

// block is the nth example in a language, of a page of ours.
func block(t *testing.T, page, language string, n int) string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(all) <= n {
		t.Fatalf("%s has %d examples in %s", page, len(all), language)
	}
	return all[n][1]
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

const policiesPage = "../../../docs/policies.md"

// What we ship and show passes, but for what does not apply to it.
func TestConformance_OfOurOwn(t *testing.T) {
	python(t)
	dir := t.TempDir()
	builtIn := []string{"takes more keys in the envelope", "survives empty and malformed questions", "leaves unknown hooks alone", "ends with everything that it has started"}
	tests := []struct {
		name, plugin string
		config       string
		skipped      []string
	}{
		{name: "the SDK's example", plugin: sdkExample(t, dir)},
		{name: "the page's program", plugin: write(t, filepath.Join(dir, "program"), block(t, policiesPage, "python", 0))},
		{name: "the page's program in Go", plugin: goExample(t, dir)},
		{name: "the page's rules", plugin: write(t, filepath.Join(dir, "rules.yaml"), rulesWith(t, "no-privileged")), skipped: builtIn},
		{name: "require_digest", plugin: "require_digest", skipped: builtIn},
		{name: "resource_limits", plugin: "resource_limits", config: `{"default":{"memory":"1g"},"max":{"memory":"2g","cpus":4}}`, skipped: append([]string{builtIn[0], "rejects with a message"}, builtIn[1:]...)},
		{name: "gpu_quota", plugin: "gpu_quota", config: `{"max_gpus":1}`, skipped: builtIn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Timeout: 2 * time.Minute}
			if tt.config != "" {
				o.Config = json.RawMessage(tt.config)
			}
			failed, skipped := conform(t, tt.plugin, o)
			if d := cmp.Diff(map[string]string{}, failed); d != "" {
				t.Errorf("failed:\n%s", d)
			}
			if d := cmp.Diff(tt.skipped, skipped); d != "" {
				t.Errorf("skipped (-want +got):\n%s", d)
			}
		})
	}
}

// A server passes as a program does; nobody looks for what it has started.
func TestConformance_OfAServer(t *testing.T) {
	python(t)
	dir := t.TempDir()
	o := Options{Timeout: 2 * time.Minute, Installed: policy.Config{Plugins: []policy.PluginConfig{
		{Name: "house", URL: "http://" + pageServer(t, dir), Auth: policy.Auth{HMACFile: filepath.Join(dir, "key"), Line: 1}},
	}}}
	failed, skipped := conform(t, "house", o)
	if d := cmp.Diff(map[string]string{}, failed); d != "" {
		t.Errorf("failed:\n%s", d)
	}
	if d := cmp.Diff([]string{"ends with everything that it has started"}, skipped); d != "" {
		t.Errorf("skipped (-want +got):\n%s", d)
	}
}
