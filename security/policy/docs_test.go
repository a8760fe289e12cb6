package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/internal/problem"
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
	p, err := newProgram(PluginConfig{Name: "house_rules", Exec: []string{program}}, Sources{})
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

// The page's server is started as it stands there, and checks who asks.
func TestDocs_TheServerDecidesForWhoHasTheKey(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no Python")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"server.py": blocks(t, "python")[1], "key": "k-0123456789\n", "other": "k-9876543210\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-B", filepath.Join(dir, "server.py"), filepath.Join(dir, "key"), "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var port int
	if _, err := fmt.Fscanf(out, "listening on %d\n", &port); err != nil {
		t.Fatal(err)
	}
	ask := func(key string, edit func(map[string]any)) (Result, error) {
		c, err := ParseConfig(fmt.Appendf(nil, "plugins:\n- {name: rest_plugin, url: \"http://127.0.0.1:%d\", auth: {hmac_file: %s}}", port, filepath.Join(dir, key)))
		if err != nil {
			t.Fatal(err)
		}
		s := subject(t)
		edit(s.Model["services"].(map[string]any)["notes"].(map[string]any))
		return Load(c, Sources{}).Evaluate(t.Context(), s)
	}
	open := func(notes map[string]any) { delete(notes, "privileged") }
	r, err := ask("key", open)
	if got := show(r.Model); err != nil || strings.Count(got, "labels:map[team:my_team]") != 2 {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err = ask("key", func(map[string]any) {}); !problem.HasCode(err, problem.PolicyDenied) || !strings.Contains(err.Error(), "Running privileged containers is forbidden") {
		t.Errorf("a privileged service: %v", err)
	}
	if _, err = ask("other", open); !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), "401 Unauthorized") {
		t.Errorf("another key: %v", err)
	}
}
