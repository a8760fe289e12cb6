package kit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/security/policy"
)

// The example of dstack's page decides alike in each language that the pages have it in.
func TestDocs_TheExampleInEachLanguage(t *testing.T) {
	python(t)
	tests := []struct {
		name string
		make func(t *testing.T, dir string) string // P
	}{
		{"Python", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "house_rules"), block(t, policiesPage, "python", 0))
		}},
		{"Python, with the SDK", sdkExample},
		{"Go", goExample},
		{"HTTP", func(t *testing.T, dir string) string { return "http://" + pageServer(t, dir) }},
		{"CEL", func(t *testing.T, dir string) string {
			return write(t, filepath.Join(dir, "rules.yaml"), rulesWith(t, "no-privileged"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o, plugin := options(), tt.make(t, dir)
			if strings.HasPrefix(plugin, "http://") {
				o.Installed.Plugins = []policy.PluginConfig{{Name: "house", URL: plugin, Auth: policy.Auth{HMACFile: filepath.Join(dir, "key"), Line: 1}}}
				plugin = "house"
			}
			target, err := Find(plugin, o)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(s policy.Subject) policy.Exchange {
				q, err := policy.Question(s, policy.OnService)
				if err != nil {
					t.Fatal(err)
				}
				return target.Ask(t.Context(), q)
			}
			x := ask(harmless())
			_, changes := Outcome(x)
			var got []string
			for _, c := range changes {
				got = append(got, Line(c))
			}
			if want := `services.notes.labels.team: none → "my_team"; services.notes-db.labels.team: none → "my_team"`; strings.Join(got, "; ") != want {
				t.Errorf("it changes %q, want %q (%s)", got, want, x.Failure)
			}
			if x = ask(hostile()); x.Response == nil || x.Response.Error != "Running privileged containers is forbidden" {
				t.Errorf("a privileged service: %+v %s", x.Response, x.Failure)
			}
		})
	}
}

// goExample is the page's program in Go, built.
func goExample(t *testing.T, dir string) string {
	program := filepath.Join(dir, "house_rules_go")
	cmd := exec.Command("go", "build", "-o", program, write(t, filepath.Join(dir, "main.go"), block(t, policiesPage, "go", 0)))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// sdkExample is the example of the SDK's page as a program.
func sdkExample(t *testing.T, dir string) string {
	sdk, err := filepath.Abs("../../../sdk/python/src")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "example_plugin.py"), block(t, "../../../sdk/python/README.md", "python", 0))
	return write(t, filepath.Join(dir, "sdk"), "#!/bin/sh\nPYTHONPATH="+sdk+" PYTHONDONTWRITEBYTECODE=1 exec python3 -m dream_plugins example_plugin:ExamplePlugin \"$@\"\n")
}

// pageServer starts the page's server with a key, and returns its address.
func pageServer(t *testing.T, dir string) string {
	t.Helper()
	key := write(t, filepath.Join(dir, "key"), "k-0123456789")
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-B", write(t, filepath.Join(dir, "server.py"), block(t, policiesPage, "python", 1)), key, "0")
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
	var port string
	if _, err := fmt.Fscanf(out, "listening on %s\n", &port); err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// rulesWith is the page's example of rules that has one of that name.
func rulesWith(t *testing.T, name string) string {
	t.Helper()
	for n := range 30 {
		if text := block(t, policiesPage, "yaml", n); strings.HasPrefix(text, "rules:") && strings.Contains(text, "name: "+name+"\n") {
			return text
		}
	}
	t.Fatalf("the page has no rule %s", name)
	return ""
}

// The page's case is one: it is what it says.
func TestDocs_TheCase(t *testing.T) {
	python(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "house_rules"), block(t, policiesPage, "python", 0))
	for n := range 10 {
		if text := block(t, policiesPage, "json", n); strings.Contains(text, `"expect"`) {
			write(t, filepath.Join(dir, "cases", "privileged.json"), text)
			break
		}
	}
	cases, err := ReadCases(filepath.Join(dir, "cases"))
	if err != nil {
		t.Fatal(err)
	}
	if r := Test(t.Context(), cases, "", options(), false)[0]; r.Problem != "" {
		t.Error(r.Problem)
	}
}
