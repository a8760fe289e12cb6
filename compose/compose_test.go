package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// input is a user extension whose fragment and overlays have these texts.
func input(id string, texts ...string) compose.Input {
	in := compose.Input{ID: id, Source: compose.User}
	for i, text := range texts {
		name := compose.Fragment
		if i > 0 {
			name = fmt.Sprintf("compose.%d.yaml", i)
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: []byte(text)})
	}
	return in
}

func load(t testing.TB, in compose.Input) *compose.Unit {
	t.Helper()
	u, err := compose.Load(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// wantYAML compares what docker compose would be given.
func wantYAML(t testing.TB, want string, p *types.Project) {
	t.Helper()
	got, err := compose.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(normal(t, want), normal(t, string(got))); diff != "" {
		t.Errorf("project (-want +got):\n%s", diff)
	}
}

// normal is a YAML text without its style, and without the project's name.
func normal(t testing.TB, text string) string {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	delete(doc, "name")
	out, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// wantRefusal compares code and text of a refusal, and the places that it names (file:line: path: message).
func wantRefusal(t testing.TB, err error, code problem.Code, detail string, items ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %s: %s", code, detail)
	}
	e := problem.As(err)
	if e.Code != code || e.Detail != detail {
		t.Errorf("refused with %s: %s\nwant         %s: %s", e.Code, e.Detail, code, detail)
	}
	var got []string
	for _, i := range e.Items {
		got = append(got, fmt.Sprintf("%s:%d: %s: %s", i.File, i.Line, i.Path, i.Message))
	}
	if diff := cmp.Diff(items, got); items != nil && diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func lines(text ...string) string { return strings.Join(text, "\n") + "\n" }
