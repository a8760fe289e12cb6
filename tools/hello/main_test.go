package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestServe_AnswersUntilItIsToldToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	var out lockedBuffer
	served := make(chan error, 1)
	go func() { served <- serve(ctx, ln, "good morning", &out) }()

	for _, path := range []string{"/health", "/"} {
		if err := probe(ctx, url+path); err != nil {
			t.Errorf("probe of a running server: %v", err)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("serve: got %v, want nil after its context ended", err)
	}
	if err := probe(t.Context(), url+"/health"); err == nil {
		t.Error("probe of a stopped server: got nil, want an error")
	}
	log := out.String()
	for _, want := range []string{"listening on 127.0.0.1:", "GET \"/\" 200 ", "stopped\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("log: got %q, want it to hold %q", log, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
		body         string
		logged       int // lines
	}{
		{http.MethodGet, "/", http.StatusOK, "good morning\n", 1},
		{http.MethodGet, "/health", http.StatusOK, "ok\n", 0},
		{http.MethodPost, "/health", http.StatusMethodNotAllowed, "Method Not Allowed\n", 1},
		{http.MethodGet, "/elsewhere", http.StatusNotFound, "404 page not found\n", 1},
		{http.MethodPost, "/", http.StatusMethodNotAllowed, "Method Not Allowed\n", 1},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			var out bytes.Buffer
			rec := httptest.NewRecorder()
			logged(routes("good morning"), &out).ServeHTTP(rec, httptest.NewRequest(c.method, c.path, nil))

			if rec.Code != c.status || rec.Body.String() != c.body {
				t.Errorf("got %d %q, want %d %q", rec.Code, rec.Body, c.status, c.body)
			}
			if lines := strings.Count(out.String(), "\n"); lines != c.logged {
				t.Errorf("log: got %d lines (%q), want %d", lines, out.String(), c.logged)
			}
		})
	}
}

func TestLogged_ARequestCannotForgeALine(t *testing.T) {
	var out bytes.Buffer
	req := httptest.NewRequest(http.MethodGet, "/x%0Aforged", nil)
	logged(routes(""), &out).ServeHTTP(httptest.NewRecorder(), req)

	if got := out.String(); strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, want one line", got)
	}
}

func TestProbe_RefusesAServerThatIsUnwell(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer srv.Close()

	if err := probe(t.Context(), srv.URL); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want an error that names the status 503", err)
	}
}

func TestRun_RefusesUnknownArguments(t *testing.T) {
	err := run(t.Context(), []string{"dance"}, os.Getenv, io.Discard)
	if err == nil || !strings.Contains(err.Error(), `"dance"`) {
		t.Errorf("got %v, want an error that names the argument", err)
	}
}

// The program, the manifest and the compose file each state the greeting and the port.
func TestDefaultsAgreeWithTheExtension(t *testing.T) {
	const dir = "../../extensions/library/hello/"
	var manifest struct {
		Service struct {
			Port                int    `yaml:"port"`
			ExternalPortDefault string `yaml:"external_port_default"`
			EnvVars             []struct {
				Key     string `yaml:"key"`
				Default string `yaml:"default"`
			} `yaml:"env_vars"`
		} `yaml:"service"`
	}
	text := readFile(t, dir+"manifest.yaml")
	if err := yaml.Unmarshal([]byte(text), &manifest); err != nil {
		t.Fatal(err)
	}
	declared := map[string]string{}
	for _, v := range manifest.Service.EnvVars {
		declared[v.Key] = v.Default
	}

	want := map[string]string{"HELLO_PORT": manifest.Service.ExternalPortDefault, "HELLO_GREETING": defaultGreeting}
	compose := readFile(t, dir+"compose.yaml")
	for key, value := range want {
		if declared[key] != value {
			t.Errorf("manifest.yaml: %s defaults to %q, want %q", key, declared[key], value)
		}
		if use := "${" + key + ":-" + value + "}"; !strings.Contains(compose, use) {
			t.Errorf("compose.yaml: does not hold %s", use)
		}
	}
	if !strings.HasSuffix(addr, ":8080") || manifest.Service.Port != 8080 {
		t.Errorf("the program listens on %s, manifest.yaml says port %d", addr, manifest.Service.Port)
	}
}

func TestGreeting(t *testing.T) {
	env := map[string]string{}
	getenv := func(key string) string { return env[key] }
	if got := greeting(getenv); got != defaultGreeting {
		t.Errorf("unset: got %q, want %q", got, defaultGreeting)
	}
	env["HELLO_GREETING"] = "hey"
	if got := greeting(getenv); got != "hey" {
		t.Errorf("set: got %q, want %q", got, "hey")
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lockedBuffer collects what handlers write while the test runs.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
