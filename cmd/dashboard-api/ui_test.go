package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// dashboard is the UI in front of an API that is a handler.
func dashboard(t *testing.T, upstream http.HandlerFunc) *httptest.Server {
	t.Helper()
	api := httptest.NewServer(upstream)
	t.Cleanup(api.Close)
	handler, err := newUI(t.Context(), config.Settings{APIURL: api.URL, Names: config.DefaultNames()}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ui := httptest.NewServer(handler)
	t.Cleanup(ui.Close)
	return ui
}

func TestUI_ForwardsTheAPIAsItIsAsked(t *testing.T) {
	ui := dashboard(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
		json.NewEncoder(w).Encode(map[string]string{
			"uri": r.RequestURI, "host": r.Host, "auth": r.Header.Get("Authorization"),
			"for": r.Header.Get("X-Forwarded-For"), "forwarded_host": r.Header.Get("X-Forwarded-Host"), "proto": r.Header.Get("X-Forwarded-Proto"),
		})
	})
	for _, uri := range []string{
		"/api/extensions/catalog?category=core", "/api/extensions/%2e%2e%2fetc", "/api/extensions/../x/install", "/api/extensions/a%0a",
		"/docs", "/openapi.json", "/health", "/readyz",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ui.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(uri, "?")
		r.URL.Opaque, r.URL.RawQuery = path, query // sent as it is
		r.Header.Set("Authorization", "Bearer mine")
		r.Host = "localhost:3001"
		resp, err := ui.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: %s: %v", uri, resp.Status, err)
		}
		want := map[string]string{"uri": uri, "host": "localhost:3001", "auth": "Bearer mine", "for": "127.0.0.1", "forwarded_host": "localhost:3001", "proto": "http"}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s: the API sees %s %q, want %q", uri, k, got[k], v)
			}
		}
		for name, values := range resp.Header {
			if len(values) != 1 || values[0] == "" {
				t.Errorf("%s: header %s: %q, want one value", uri, name, values)
			}
		}
	}
}

func TestUI_HoldsNoKey(t *testing.T) {
	ui := dashboard(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	resp, err := http.Get(ui.URL + "/api/extensions/catalog")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); len(body) > 0 {
		t.Errorf("the dashboard sends a key of its own: %q", body)
	}
}

func TestUI_PassesEventsOnWhenTheyHappen(t *testing.T) {
	next := make(chan struct{})
	ui := dashboard(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n")
		http.NewResponseController(w).Flush()
		<-next
		io.WriteString(w, "data: 2\n")
	})
	resp, err := http.Get(ui.URL + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); line != "data: 1\n" || err != nil {
		t.Errorf("first event %q, %v", line, err)
	}
	close(next) // the first one arrived before the second was made
	if line, err := events.ReadString('\n'); line != "data: 2\n" || err != nil {
		t.Errorf("second event %q, %v", line, err)
	}
}

// A stream that a browser holds does not keep the dashboard from stopping.
func TestUI_EndsStreamsWhenItStops(t *testing.T) {
	left := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	defer upstream.Close()
	ctx, stop := context.WithCancel(t.Context())
	handler, err := newUI(ctx, config.Settings{APIURL: upstream.URL, Names: config.DefaultNames()}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ui := httptest.NewServer(handler)
	defer ui.Close()
	resp, err := http.Get(ui.URL + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stop()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("it looks as if the stream had come to its end")
	}
	<-left
}

func TestUI_SaysThatTheAPIIsAway(t *testing.T) {
	handler, err := newUI(t.Context(), config.Settings{APIURL: "http://127.0.0.1:1", Names: config.DefaultNames()}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/extensions/hello/install", nil)
	r.Host = "localhost:3001"
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	var d problem.Document
	if err := json.Unmarshal(rec.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if rec.Code != http.StatusServiceUnavailable || d.Code != problem.APIAway || !strings.HasPrefix(d.Detail, "dashboard-api does not answer at http://127.0.0.1:1") {
		t.Errorf("%d %+v", rec.Code, d)
	}
	if rec.Header().Get("X-Request-Id") == "" {
		t.Error("the reply has no request id")
	}
}

func TestUI_ServesPagesToKnownHostsOnly(t *testing.T) {
	ui := dashboard(t, func(http.ResponseWriter, *http.Request) { t.Error("the API was asked") })
	for _, tc := range []struct {
		host, path string
		status     int
		body       string
	}{
		{"localhost:3001", "/", 200, "<!doctype html>"},
		{"localhost:3001", "/extensions/hello", 200, "<!doctype html>"},
		{"localhost:3001", "/healthz", 200, "ok"},
		{"localhost:3001", "/metrics", 404, "ask the API on its own port"},
		{"evil.example", "/", 403, "is not known here"},
		{"evil.example", "/api/extensions/catalog", 403, "is not known here"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ui.URL+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tc.host
		resp, err := ui.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tc.status || !strings.Contains(string(body), tc.body) {
			t.Errorf("%s%s: %d %s, want %d with %q", tc.host, tc.path, resp.StatusCode, body, tc.status, tc.body)
		}
	}
}
