package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// blocks are the page's examples in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, part := range strings.Split(string(page), "```"+language+"\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		out = append(out, text)
	}
	return out
}

// The page's program is run as it stands there.
func TestDocs_ThePythonProgramDecides(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no Python")
	}
	program := filepath.Join(t.TempDir(), "house_rules")
	if err := os.WriteFile(program, []byte(blocks(t, "python")[0]), 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(PluginConfig{Name: "house_rules", Exec: []string{program}}, Sources{}.ownersOnly)
	if err != nil {
		t.Fatal(err)
	}
	s := serviceSpec(t)
	r, err := p.Apply(t.Context(), Request{Hook: OnService, Spec: s})
	if err != nil || r.Error != "Running privileged containers is forbidden" {
		t.Errorf("a privileged service: %+v, %v", r, err)
	}
	delete(s["services"].(map[string]any)["notes"].(map[string]any), "privileged")
	r, err = p.Apply(t.Context(), Request{Hook: OnService, Spec: s})
	if err != nil || r.Error != "" {
		t.Fatalf("got %+v, %v", r, err)
	}
	data, err := json.Marshal(r.Spec)
	if err != nil || bytes.Count(data, []byte(`"labels":{"team":"my_team"}`)) != 2 {
		t.Errorf("the labels are not in %s", data)
	}
}
