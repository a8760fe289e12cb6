package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestRun_Arguments(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, tc := range []struct {
		name           string
		args           []string
		env            map[string]string
		code           int
		stdout, stderr string // what they contain
	}{
		{"help", []string{"--help"}, nil, exitOK, "dashboard-api healthcheck [url]", ""},
		{"version", []string{"--version"}, nil, exitOK, "dashboard-api 2.", ""},
		{"unknown command", []string{"serve"}, nil, exitUsage, "", `unknown arguments: ["serve"]`},
		{"unknown flag", []string{"--port", "1"}, nil, exitUsage, "", "Usage:"},
		{"too much", []string{"ui", "now"}, nil, exitUsage, "", `unknown arguments: ["ui" "now"]`},
		{"two urls", []string{"healthcheck", "a", "b"}, nil, exitUsage, "", "Usage:"},
		{"bad setting", nil, map[string]string{"DASHBOARD_API_PORT": "http"}, exitFailed, "", "DASHBOARD_API_PORT"},
		{"no key", nil, map[string]string{"DASHBOARD_API_KEY": ""}, exitFailed, "", "DASHBOARD_API_KEY is empty, and without a key anybody could install software: run `dream init`"},
		{"port taken", nil, map[string]string{"DASHBOARD_API_PORT": port}, exitFailed, "", "set DASHBOARD_API_PORT to another"},
		{"ui port taken", []string{"ui"}, map[string]string{"DASHBOARD_PORT": port}, exitFailed, "", "set DASHBOARD_PORT to another"},
		{"nobody listens", []string{"healthcheck", "http://127.0.0.1:1/healthz"}, nil, exitFailed, "", "refused"},
		{"no url", []string{"healthcheck", "::"}, nil, exitFailed, "", "missing protocol scheme"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tc.args, environment(t, tc.env), &stdout, &stderr)
			if code != tc.code || !strings.Contains(stdout.String(), tc.stdout) || !strings.Contains(stderr.String(), tc.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q; want %d, %q, %q", code, &stdout, &stderr, tc.code, tc.stdout, tc.stderr)
			}
		})
	}
}

// The two programs of the control plane as the image starts them: API, dashboard in front of it, healthchecks.
func TestRun_ServesTheAPIAndTheDashboardUntilItIsStopped(t *testing.T) {
	apiAddr, stopAPI := start(t, nil)
	uiAddr, stopUI := start(t, map[string]string{"DASHBOARD_API_URL": "http://" + apiAddr, "DASHBOARD_API_KEY": ""}, "ui")

	for _, url := range []string{"http://" + apiAddr + "/healthz", "http://" + uiAddr + "/healthz", "http://" + uiAddr + "/health"} {
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{"healthcheck", url}, environment(t, nil), io.Discard, &stderr); code != exitOK {
			t.Errorf("healthcheck %s: exit %d: %s", url, code, &stderr)
		}
	}
	_, port, _ := net.SplitHostPort(apiAddr)
	if code := run(t.Context(), []string{"healthcheck"}, environment(t, map[string]string{"DASHBOARD_API_PORT": port}), io.Discard, io.Discard); code != exitOK {
		t.Errorf("healthcheck of the own port: exit %d", code)
	}
	_, port, _ = net.SplitHostPort(uiAddr)
	if code := run(t.Context(), []string{"healthcheck", "ui"}, environment(t, map[string]string{"DASHBOARD_PORT": port}), io.Discard, io.Discard); code != exitOK {
		t.Errorf("healthcheck of the dashboard: exit %d", code)
	}
	if code := run(t.Context(), []string{"healthcheck", "http://" + apiAddr + "/nowhere"}, environment(t, nil), io.Discard, io.Discard); code != exitFailed {
		t.Errorf("healthcheck of a 404: exit %d", code)
	}

	var catalog struct {
		AgentAvailable bool `json:"agent_available"`
		Extensions     []any
	}
	get(t, "http://"+uiAddr+"/api/extensions/catalog", &catalog)
	if catalog.AgentAvailable || catalog.Extensions == nil {
		t.Errorf("catalogue of an empty installation without an agent: %+v", catalog)
	}

	if code := stopUI(); code != exitOK {
		t.Errorf("ui: exit %d", code)
	}
	if code := stopAPI(); code != exitOK {
		t.Errorf("api: exit %d", code)
	}
}

const key = "0123456789abcdef0123456789abcdef"

// environment is that of a new, empty installation on any free ports.
func environment(t *testing.T, more map[string]string) func(string) string {
	t.Helper()
	env := map[string]string{
		"DREAM_INSTALL_DIR": t.TempDir(), "DASHBOARD_API_KEY": key, "DASHBOARD_API_PORT": "0", "DASHBOARD_PORT": "0",
		"DREAM_AGENT_SOCKET": t.TempDir() + "/a.sock",
	}
	maps.Copy(env, more)
	return func(name string) string { return env[name] }
}

// start runs the program until stop is called, which returns its exit code. addr is where it listens.
func start(t *testing.T, env map[string]string, args ...string) (addr string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, w := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, args, environment(t, env), io.Discard, w)
		w.Close()
	}()
	lines := bufio.NewScanner(log)
	for addr == "" && lines.Scan() {
		var line struct {
			Addr string `json:"addr"`
		}
		_ = json.Unmarshal(lines.Bytes(), &line)
		addr = line.Addr
	}
	if addr == "" {
		t.Fatalf("%q ended with %d before it listened", args, <-exit)
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	stop = sync.OnceValue(func() int {
		cancel()
		return <-exit
	})
	t.Cleanup(func() { stop() })
	return addr, stop
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, strconv.Itoa(resp.StatusCode), err)
	}
}
