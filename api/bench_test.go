package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamserver"
	"dreamserver/api"
	"dreamserver/catalog"
	"dreamserver/config"
)

// BenchmarkCatalog measures the catalogue of what ships over HTTP, 16 connections, and in the same run a bare handler
// that writes the same bytes. The metric "of-bare" is the share of the bare handler's requests per second.
func BenchmarkCatalog(b *testing.B) {
	handler := shippedAPI(b)
	for _, kind := range []struct{ name, path, encoding string }{
		{"identity", "/api/extensions/catalog", "identity"},
		{"gzip", "/api/extensions/catalog", "gzip"},
		{"not-modified", "/api/extensions/catalog", "tag"},
		{"features", "/api/features", "identity"},
		{"status", "/api/status", "identity"},
		{"services", "/api/services", "identity"},
	} {
		b.Run(kind.name, func(b *testing.B) {
			header := http.Header{"Authorization": {"Bearer " + key}, "Accept-Encoding": {kind.encoding}}
			ours := httptest.NewServer(handler)
			defer ours.Close()
			first := get(b, http.DefaultTransport, ours.URL+kind.path, header)
			if kind.encoding == "tag" {
				header.Set("Accept-Encoding", "identity")
				header.Set("If-None-Match", first.header.Get("ETag"))
				first = get(b, http.DefaultTransport, ours.URL+kind.path, header)
			}
			bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for _, name := range []string{"Content-Type", "Content-Encoding", "Etag"} {
					if v := first.header.Get(name); v != "" {
						w.Header().Set(name, v)
					}
				}
				w.WriteHeader(first.status)
				_, _ = w.Write(first.body)
			}))
			defer bare.Close()
			transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
			defer transport.CloseIdleConnections()
			load(b, transport, ours.URL+kind.path, header, 200) // connections stand, and pools are full
			load(b, transport, bare.URL+kind.path, header, 200)
			b.ResetTimer()
			var mine, floor float64
			for b.Loop() {
				mine += load(b, transport, ours.URL+kind.path, header, 400)
				floor += load(b, transport, bare.URL+kind.path, header, 400)
			}
			b.ReportMetric(float64(len(first.body)), "bytes")
			b.ReportMetric(mine/float64(b.N), "req/s")
			b.ReportMetric(mine/floor, "of-bare")
		})
	}
}

const connections = 16

// shippedAPI is the API on an installation with everything that ships, its snapshot kept up to date.
func shippedAPI(b *testing.B) http.Handler {
	b.Helper()
	dir := b.TempDir()
	if err := os.CopyFS(dir, dreamserver.Assets); err != nil {
		b.Fatal(err)
	}
	settings, err := config.Load(func(name string) string {
		return map[string]string{"DREAM_INSTALL_DIR": dir, "DASHBOARD_API_KEY": key, "DREAM_EXTENSIONS_LIBRARY_DIR": dir + "/extensions/library"}[name]
	})
	if err != nil {
		b.Fatal(err)
	}
	agent := &fakeAgent{}
	manager := catalog.New(catalog.Options{Settings: settings, Agent: agent, Version: "2.1.0", Actor: "bench", Rate: true, Log: zerolog.Nop()})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { manager.Live(ctx) })
	b.Cleanup(func() { cancel(); running.Wait() })
	for generation := uint64(0); ; {
		s, err := manager.Await(b.Context(), generation)
		if err != nil {
			b.Fatal(err)
		}
		generation = s.Generation
		if s.Agent.Available && !slices.ContainsFunc(s.Entries, func(e catalog.Entry) bool { return e.Rating == 0 && e.Category != "core" }) {
			break // all is judged: nothing changes any more
		}
	}
	handler, err := api.New(api.Options{Settings: settings, Manager: manager, Audit: agent, Version: "2.1.0", Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	return handler
}

type replied struct {
	status int
	header http.Header
	body   []byte
}

func get(b *testing.B, transport http.RoundTripper, url string, header http.Header) replied {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = header
	resp, err := transport.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 400 {
		b.Fatalf("%d %v %s", resp.StatusCode, err, body)
	}
	return replied{resp.StatusCode, resp.Header, body}
}

// load sends requests over all connections and returns how many were answered in a second.
func load(b *testing.B, transport http.RoundTripper, url string, header http.Header, each int) float64 {
	b.Helper()
	var all sync.WaitGroup
	failed := make(chan error, connections)
	began := time.Now()
	for range connections {
		all.Go(func() {
			for range each {
				r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
				if err != nil {
					failed <- err
					return
				}
				r.Header = header
				resp, err := transport.RoundTrip(r)
				if err != nil {
					failed <- err
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode >= 400 {
					failed <- fmt.Errorf("%d %w", resp.StatusCode, err)
					return
				}
			}
		})
	}
	all.Wait()
	if len(failed) > 0 {
		b.Fatal(<-failed)
	}
	return float64(connections*each) / time.Since(began).Seconds()
}
