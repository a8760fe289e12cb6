package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// TestApproved_IsWhatDockerComposeReads starts each honest extension of the corpus and asks the real docker compose
// what it makes of the approved file: the model that was judged, value for value.
func TestApproved_IsWhatDockerComposeReads(t *testing.T) {
	if os.Getenv("DREAM_TEST_ENGINE") == "" {
		t.Skip("needs the docker compose plugin: run make test")
	}
	in := corpusWorld(t)
	for _, kind := range []string{"honest", "tamed"} {
		for _, s := range samples(t, kind) {
			in.put(s, inLibrary)
			in.put(s, installed)
			if _, err := in.client.Start(t.Context(), "web", catalog.Starting{Grants: manifest.Grants()}, nil); err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			in.must(in.client.Stop(t.Context(), "web"))
			file := in.path("state/approved/web.yaml")
			data, err := os.ReadFile(file)
			in.must(err)
			var judged any
			in.must(yaml.Unmarshal(data, &judged))
			read := readBack(t, file)
			withDefaultNetwork(judged, read)
			if diff := cmp.Diff(comparable(unescaped(judged)), comparable(read)); diff != "" {
				t.Errorf("%s: docker compose reads something else (-approved +read):\n%s", s.name, diff)
			}
		}
	}
}

// readBack is the file as docker compose reads it, before it adds what a file may leave out.
func readBack(t *testing.T, file string) any {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", "compose", "--env-file", "/dev/null", "-f", file, "config",
		"--no-normalize", "--no-consistency", "--format", "json")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker compose config: %v\n%s", err, out)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return unescaped(v)
}

// withDefaultNetwork puts back the one thing that docker compose leaves out when it shows a file: the network that
// services join without saying so.
func withDefaultNetwork(judged, read any) {
	want, _ := judged.(map[string]any)["networks"].(map[string]any)
	m, _ := read.(map[string]any)
	got, _ := m["networks"].(map[string]any)
	if got == nil {
		got = map[string]any{}
		m["networks"] = got
	}
	if got["default"] == nil {
		got["default"] = want["default"]
	}
}

// unescaped is the value with single $, as it reaches a container.
func unescaped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = unescaped(v[k])
		}
	case []any:
		for i := range v {
			v[i] = unescaped(v[i])
		}
	case string:
		return strings.ReplaceAll(v, "$$", "$")
	}
	return v
}

// comparable leaves out what is not there: null, and mappings and lists of nothing. Numbers of YAML and JSON are alike.
func comparable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, item := range v {
			if item = comparable(item); item != nil {
				out[k] = item
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, comparable(item))
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case nil:
		return nil
	}
	return fmt.Sprint(v)
}
