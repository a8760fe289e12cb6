package compose_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dreamserver/compose"
)

// What is judged is what docker compose reads: a text with several addresses is several.
func TestLoad_WritesHostsAsTheyAreRead(t *testing.T) {
	u := load(t, input("web", "services:\n  web:\n    image: x\n    extra_hosts: {a: '1.2.3.4,host-gateway', b: '[[::2]]', c: ['5.6.7.8', '[::3]']}\n"))
	file, err := compose.Encode(u.Project)
	if err != nil {
		t.Fatal(err)
	}
	in := input("web", string(file))
	in.Base = true
	again, err := compose.Encode(load(t, in).Project)
	if err != nil {
		t.Fatal(err)
	}
	want := "      - a=1.2.3.4\n      - a=host-gateway\n      - b=::2\n      - c=5.6.7.8\n      - c=::3\n"
	if !strings.Contains(string(file), want) || string(again) != string(file) {
		t.Errorf("written:\n%sread again:\n%swant the hosts\n%s", file, again, want)
	}
}

func TestEncode_LeavesNothingToInterpolate(t *testing.T) {
	in := input("web", `
services:
  web:
    image: x
    command: [sh, -c, "echo $${HOME} $$1"]
    environment: {PRICE: "5 $$", "K$$EY": v}
    labels: {rule: "Host(\"$$h\")"}
    healthcheck: {test: ["CMD-SHELL", "test $$(date +%s) -gt 0"]}
`)
	got, err := compose.Encode(load(t, in).Project)
	if err != nil {
		t.Fatal(err)
	}
	want := `name: unit
services:
  web:
    command:
      - sh
      - -c
      - echo $${HOME} $$1
    environment:
      K$$EY: v
      PRICE: 5 $$
    healthcheck:
      test:
        - CMD-SHELL
        - test $$(date +%s) -gt 0
    image: x
    labels:
      rule: Host("$$h")
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Encode (-want +got):\n%s", diff)
	}
}

// text is what makes an encoder stumble: references, quotes, line ends, and words that YAML reads as something else.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.StringOf(rapid.SampledFrom([]rune("a0 ${}:-?'\"\\#&*!|>%@`,[]\n\r\t\u0085\u2028\ufeffé😀"))),
		rapid.SampledFrom([]string{
			"yes", "no", "on", "off", "y", "n", "true", "null", "~", "", " ", "0x1f", "0o17", "017", "1_000", "1e3", ".inf", ".nan",
			"2001-01-01", "12:30:45", "=", "<<", "-", "- a", "? a", "a: b", "a #b", "---", "...", "!!str", "$$", "${A}", "${A:?}", "\x00",
		}),
	)
}

func project(t *rapid.T) *types.Project {
	values := types.MappingWithEquals{}
	for k, v := range rapid.MapOfN(rapid.StringMatching(`[A-Z][A-Z0-9_]{0,9}`), text(), 0, 6).Draw(t, "environment") {
		values[k] = &v
	}
	return &types.Project{Name: "unit", Services: types.Services{"web": {
		Name: "web", Image: "x", Environment: values,
		Command: types.ShellCommand(rapid.SliceOfN(text(), 1, 4).Draw(t, "command")),
		Labels:  types.Labels(rapid.MapOfN(rapid.StringMatching(`[a-z.]{1,12}`), text(), 1, 3).Draw(t, "labels")),
	}}}
}

func TestEncode_ReadsBackAsItWas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := project(rt)
		file, err := compose.Encode(want)
		if err != nil {
			rt.Fatal(err)
		}
		u, err := compose.Load(t.Context(), compose.Input{ID: "web", Base: true, Files: []compose.File{{Name: "f", Content: file}}})
		if err != nil {
			rt.Fatalf("%v in\n%s", err, file)
		}
		if diff := cmp.Diff(asJSON(rt, want), asJSON(rt, u.Project)); diff != "" {
			rt.Errorf("read back (-want +got):\n%s\n%s", diff, file)
		}
		again, err := compose.Encode(u.Project)
		if err != nil || !bytes.Equal(file, again) {
			rt.Errorf("encoded again: %s (%v), want\n%s", again, err, file)
		}
	})
}

func asJSON(t interface{ Fatal(...any) }, p *types.Project) string {
	out, err := json.MarshalIndent(p.Services, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// everything is a model in which hardly any key is missing.
func everything(t *testing.T) (text []byte, p *types.Project) {
	t.Helper()
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text, load(t, input("web", string(text))).Project
}

func TestEncode_LosesNoKey(t *testing.T) {
	_, want := everything(t)
	file, err := compose.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	in := input("web", string(file))
	in.Base = true
	got := load(t, in).Project
	if diff := cmp.Diff(asYAML(t, want), asYAML(t, got)); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// asYAML is compose-go's own text of the project: a second opinion on what Encode must keep.
func asYAML(t *testing.T, p *types.Project) string {
	t.Helper()
	text, err := p.MarshalYAML()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The real plugin reads what Encode writes as it was meant. No engine is needed for that.
func TestEncode_MeansTheSameToDockerCompose(t *testing.T) {
	if err := exec.Command("docker", "compose", "version").Run(); err != nil {
		t.Skipf("docker compose does not run here: %v", err)
	}
	values := types.MappingWithEquals{}
	for i, v := range []string{
		"$HOME ${HOME} $${HOME} ${A:?required} $", "a\nb\n", "\n  a\nprivileged: true", " leading", "trailing ", "'\"\\",
		"yes", "0x1f", "1e3", "~", "# no", "tab\t", "\u0085\u2028é😀", "a: b", "\r\n",
	} {
		values["V"+string(rune('A'+i))] = &v
	}
	_, p := everything(t)
	p.Services["values"] = types.ServiceConfig{Name: "values", Image: "x", Environment: values, Command: types.ShellCommand{"echo", "$1 ${HOME}"}}
	file, err := compose.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	var got dockerModel
	if err := json.Unmarshal(dockerConfig(t, file), &got); err != nil {
		t.Fatal(err)
	}
	environment, _ := got.Services["values"]["environment"].(map[string]any)
	for k, v := range values {
		// config doubles each $ in what it prints.
		if want := strings.ReplaceAll(*v, "$", "$$"); environment[k] != want {
			t.Errorf("%s reads as %q, want %q", k, environment[k], want)
		}
	}
	if diff := cmp.Diff([]any{"echo", "$$1 $${HOME}"}, got.Services["values"]["command"]); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}

	text, _ := everything(t)
	var original dockerModel
	if err := json.Unmarshal(dockerConfig(t, text), &original); err != nil {
		t.Fatal(err)
	}
	delete(got.Services, "values")
	if diff := cmp.Diff(original.Services, got.Services); diff != "" {
		t.Errorf("docker compose reads the encoded file as another (-original +encoded):\n%s", diff)
	}
}

type dockerModel struct {
	Services map[string]map[string]any `json:"services"`
}

// dockerConfig is the model that docker compose makes of the file.
func dockerConfig(t *testing.T, file []byte) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker", "compose", "-p", "encode-test", "--env-file", os.DevNull, "--project-directory", "/nowhere", "-f", "-", "config", "--format", "json")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), "A=wrong"), bytes.NewReader(file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker compose config: %v\n%s\n%s", err, &stderr, file)
	}
	return out
}
