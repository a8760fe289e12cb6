package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
)

func TestKeyRotate_RestartsTheAPIWithTheNewKey(t *testing.T) {
	api := compose.Container{Name: "dream-dashboard-api", Service: "dashboard-api", State: "running"}
	for _, tc := range []struct {
		name       string
		containers []compose.Container
		report     agent.StackReport
		err        error
		want       terminal // without stderr
		stderr     string
	}{
		{
			name: "in its container", containers: []compose.Container{api}, report: agent.StackReport{Started: []catalog.Report{{ID: "dashboard-api"}}},
			want: terminal{Stdout: "DASHBOARD_API_KEY is a new key: `dream key show` prints it.\nThe API has restarted with it. The old key opens nothing any more, and every session has ended.\n"},
		},
		{
			name: "no container of it",
			want: terminal{Stdout: "DASHBOARD_API_KEY is a new key: `dream key show` prints it.\nNo container of dashboard-api runs. If it runs otherwise, restart it: until then it takes the old key.\n"},
		},
		{
			name: "it does not start", containers: []compose.Container{api}, report: agent.StackReport{Failed: map[string]string{"dashboard-api": "no image"}},
			want: terminal{Code: 1}, stderr: "run `dream up dashboard-api`, or restart it yourself: dashboard-api: no image",
		},
		{
			name: "the agent has a key of its own", containers: []compose.Container{api}, report: agent.StackReport{Started: []catalog.Report{{ID: "dashboard-api", Unchanged: true}}},
			want: terminal{Code: 1}, stderr: "DASHBOARD_API_KEY is in its own environment, which wins over .env",
		},
		{
			name: "the agent goes away", containers: []compose.Container{api}, err: errors.New("the connection was cut"),
			want: terminal{Code: 1}, stderr: "until it restarts, the old key opens it and the new one does not",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked []string
			f := &fakeAgent{state: catalog.State{Containers: tc.containers}}
			run := session(t, f)
			before := shownKey(t, run)
			f.up = func(services []string, wait bool, _ func(string, compose.Event)) (agent.StackReport, error) {
				asked = services
				if !wait {
					t.Error("the agent was not asked to wait until the API answers")
				}
				return tc.report, tc.err
			}
			got := run("key", "rotate")
			after := shownKey(t, run)
			if before == after || strings.Contains(got.Stdout+got.Stderr, before) || strings.Contains(got.Stdout+got.Stderr, after) {
				t.Errorf("the key is the same, or was printed: %+v", got)
			}
			if !strings.Contains(got.Stderr, tc.stderr) {
				t.Errorf("stderr %q, want %q", got.Stderr, tc.stderr)
			}
			got.Stderr = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var want []string
			if len(tc.containers) > 0 {
				want = []string{"dashboard-api"}
			}
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Errorf("restarted (-want +got):\n%s", diff)
			}
		})
	}
}

// Where .env has no key of the agent's, the one key is both, and the agent has read it.
func TestKeyRotate_NamesTheAgentWhereItHasTheSameKey(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{".env": "DASHBOARD_API_KEY=short\n", compose.BaseFile: "services: {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	a := &app{
		getenv: func(key string) string { return map[string]string{"DREAM_INSTALL_DIR": dir, "HOME": "/nowhere"}[key] },
		stdout: &stdout, stderr: &stderr, newAgent: func(config.Settings) agentClient { return &fakeAgent{} },
	}
	if code := a.run(t.Context(), []string{"key", "rotate"}); code != 0 || !strings.HasSuffix(stdout.String(), "because .env has no DREAM_AGENT_KEY: restart dream-host-agent.\n") {
		t.Errorf("exit %d, %s%s", code, &stdout, &stderr)
	}
}

func shownKey(t *testing.T, run func(...string) terminal) string {
	t.Helper()
	got := run("key", "show")
	if got.Code != 0 || len(got.Stdout) != 65 || got.Stderr != "" {
		t.Fatalf("key show: %+v", got)
	}
	return strings.TrimSpace(got.Stdout)
}
