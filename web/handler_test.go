package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/web"
)

func TestNew_ServesTheDashboard(t *testing.T) {
	built := web.New(fstest.MapFS{
		"index.html":            {Data: []byte(`<script src="/assets/app-1f2e.js"></script>`)},
		"assets/app-1f2e.js":    {Data: []byte(`start()`)},
		"favicon.svg":           {Data: []byte(`<svg/>`)},
		"assets/nested/.hidden": {Data: []byte(`x`)},
	})
	const page, forever = `<script src="/assets/app-1f2e.js"></script>`, "public, max-age=31536000, immutable"
	for _, tc := range []struct {
		name, method, path string
		status             int
		body, cache        string
	}{
		{"index", "GET", "/", 200, page, "no-store"},
		{"index by name", "GET", "/index.html", 200, page, "no-store"},
		{"a route of the dashboard", "GET", "/extensions/n8n", 200, page, "no-store"},
		{"folder", "GET", "/assets", 200, page, "no-store"},
		{"hashed file", "GET", "/assets/app-1f2e.js", 200, "start()", forever},
		{"plain file", "GET", "/favicon.svg", 200, "<svg/>", "no-cache"},
		{"missing file", "GET", "/assets/app-0000.js", 404, "404 page not found\n", ""},
		{"traversal", "GET", "/../../etc/passwd", 200, page, "no-store"},
		{"traversal to a file", "GET", "/assets/../../handler.go", 404, "404 page not found\n", ""},
		{"wrong verb", "POST", "/", 405, "only GET and HEAD are allowed here\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			built.ServeHTTP(rec, httptest.NewRequest(tc.method, tc.path, nil))
			if rec.Code != tc.status || rec.Body.String() != tc.body || rec.Header().Get("Cache-Control") != tc.cache {
				t.Errorf("got %d %q, Cache-Control %q; want %d %q, %q",
					rec.Code, rec.Body, rec.Header().Get("Cache-Control"), tc.status, tc.body, tc.cache)
			}
		})
	}
}

func TestNew_AllowsNoScriptButItsOwnFiles(t *testing.T) {
	rec := httptest.NewRecorder()
	web.New(fstest.MapFS{"index.html": {}}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	directives := map[string]string{}
	for d := range strings.SplitSeq(rec.Header().Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
		directives[name] = value
	}
	script, ok := directives["script-src"]
	if !ok {
		script = directives["default-src"]
	}
	if script != "'self'" || directives["object-src"] != "'none'" || directives["base-uri"] != "'none'" || directives["frame-ancestors"] != "'none'" {
		t.Errorf("Content-Security-Policy %q", directives)
	}
}

func TestHandler_ServesEveryAssetThatTheIndexNames(t *testing.T) {
	srv := httptest.NewServer(web.Handler())
	defer srv.Close()
	index := get(t, srv.URL+"/")
	for _, m := range regexp.MustCompile(`(?:src|href)="(/assets/[^"]+)"`).FindAllStringSubmatch(index, -1) {
		if body := get(t, srv.URL+m[1]); body == "" {
			t.Errorf("%s is empty", m[1])
		}
	}
}

func TestNew_SaysHowToBuildADashboardThatIsNotThere(t *testing.T) {
	rec := httptest.NewRecorder()
	web.New(fstest.MapFS{".gitkeep": {}}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/extensions", nil))
	if rec.Code != http.StatusOK {
		t.Errorf("status %d, want 200", rec.Code)
	}
	for _, want := range []string{"make web", `href="/docs"`, "color-scheme: light dark"} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	if regexp.MustCompile(`https?://`).Match(rec.Body.Bytes()) {
		t.Error("the page loads or links something from another host")
	}
	if policy := rec.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("Content-Security-Policy: %s", policy)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}
