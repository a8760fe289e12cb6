package compose_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// What goes out as a model comes back as the same model, of every fragment that ships.
func TestWithModel_IsTheWayBack(t *testing.T) {
	files, err := filepath.Glob("../extensions/*/*/compose*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fragments, %v", len(files), err)
	}
	loaded := 0
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		u, err := compose.Load(t.Context(), compose.Input{ID: "x", Files: []compose.File{{Name: name, Content: content}}, Env: keysIn(string(content))})
		if err != nil {
			continue // an overlay alone, or a variable that somebody must give
		}
		loaded++
		u.Harden()
		want, err := compose.Model(u.Project)
		if err != nil {
			t.Fatal(err)
		}
		again, err := u.WithModel(t.Context(), want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := compose.Model(again.Project)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-model +reloaded):\n%s", name, d)
		}
	}
	if loaded < 35 {
		t.Errorf("only %d of %d fragments were loaded", loaded, len(files))
	}
}

// keysIn gives each key that a text asks for a value with what must not be read again.
func keysIn(text string) map[string]string {
	env := map[string]string{}
	for _, part := range strings.Split(text, "${")[1:] {
		if end := strings.IndexAny(part, ":}-?+"); end > 0 && strings.Contains(part[:end], "KEY") {
			env[part[:end]] = "a$b ${HOME} $$"
		}
	}
	return env
}

// A variable without a value would be that of docker compose's own environment, the agent's: it is left out.
func TestWithModel_LeavesOutWhatHasNoValue(t *testing.T) {
	u, err := compose.Load(t.Context(), compose.Input{ID: "x", Files: []compose.File{{Name: "compose.yaml", Content: []byte("services: {x: {build: .}}\n")}}})
	if err != nil {
		t.Fatal(err)
	}
	service := map[string]any{
		"build": map[string]any{"context": ".", "args": map[string]any{"HTTP_PROXY": nil, "A": "b"}}, "environment": map[string]any{"HOME": nil, "EMPTY": "", "B": "c"},
	}
	next, err := u.WithModel(t.Context(), map[string]any{"services": map[string]any{"x": service}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := compose.Model(next.Project)
	if err != nil {
		t.Fatal(err)
	}
	got := m["services"].(map[string]any)["x"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"EMPTY": "", "B": "c"}, got["environment"]); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"A": "b"}, got["build"].(map[string]any)["args"]); diff != "" {
		t.Errorf("build.args (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"services.x.environment: HOME has no value: it is left out", "services.x.build.args: HTTP_PROXY has no value: it is left out"}, next.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestWithModel_RefusesWhatComposeDoesNotKnow(t *testing.T) {
	u, err := compose.Load(t.Context(), compose.Input{ID: "x", Files: []compose.File{{Name: "compose.yaml", Content: []byte("services: {x: {image: a}}\n")}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range map[string]map[string]any{
		"an unknown key":  {"image": "a", "previleged": true},
		"another type":    {"image": []any{"a"}},
		"no image at all": {"ports": "x:y:z:a:b"},
	} {
		if _, err := u.WithModel(t.Context(), map[string]any{"services": map[string]any{"x": service}}); !problem.HasCode(err, problem.InvalidExtension) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, _ := compose.Model(u.Project); !cmp.Equal(m["services"].(map[string]any)["x"].(map[string]any)["image"], "a") {
		t.Errorf("the unit is changed: %v", m)
	}
}
