package api_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
	"dreamserver/internal/measure/measuretest"
)

// series are the lines of /metrics that begin with prefix.
func (in *installation) series(prefix string) []string {
	in.t.Helper()
	rec := in.do("GET", "/metrics", "", "Authorization: Bearer "+in.addKey("prometheus", config.ScopeMetrics, time.Time{}))
	if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/plain") {
		in.t.Fatalf("%d %s: %s", rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
	var found []string
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func TestMetrics_CountRequestsByRouteAndNotByWhatClientsChoose(t *testing.T) {
	in := newInstallation(t)
	for _, id := range []string{"hello", "search", "nobody", "a/b/c"} {
		in.do("GET", "/api/extensions/"+id, "")
	}
	in.do("BREW", "/tea", "")
	in.do("PUT", "/api/extensions/search/config", "{}", "Authorization: ")
	in.do("GET", "/random", "")
	in.do("GET", "/health", "", "Host: evil.example")
	in.do("GET", "/api/features", "", "Authorization: ")
	want := []string{
		`dream_http_requests_total{code="200",method="GET",route="/api/extensions/{id}"} 2`,
		`dream_http_requests_total{code="401",method="GET",route="/api/features"} 1`,
		`dream_http_requests_total{code="401",method="PUT",route="/api/extensions/{id}/config"} 1`,
		`dream_http_requests_total{code="403",method="GET",route="none"} 1`,
		`dream_http_requests_total{code="404",method="GET",route="/api/extensions/{id}"} 1`,
		`dream_http_requests_total{code="404",method="GET",route="none"} 2`,
		`dream_http_requests_total{code="405",method="other",route="none"} 1`,
	}
	if diff := cmp.Diff(want, in.series("dream_http_requests_total")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := in.series(`dream_http_request_duration_seconds_count{method="GET",route="/api/extensions/{id}"}`); len(got) != 1 || !strings.HasSuffix(got[0], " 3") {
		t.Errorf("durations: %q", got)
	}
}

func TestMetrics_CountAttemptsToSignIn(t *testing.T) {
	in := newInstallation(t)
	in.browser().signIn(key)
	for range 7 {
		in.browser().do("POST", "/api/session", `{"key": "wrong"}`)
	}
	want := []string{
		`dream_login_attempts_total{result="accepted"} 1`,
		`dream_login_attempts_total{result="refused"} 5`,
		`dream_login_attempts_total{result="throttled"} 2`,
	}
	if diff := cmp.Diff(want, in.series("dream_login_attempts_total")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMetrics_TellTheBuildAndTheProcess(t *testing.T) {
	in := newInstallation(t)
	for prefix, want := range map[string]string{
		"dream_build_info":              `^dream_build_info\{goversion="go1\.[^"]+",version="2\.1\.0"\} 1$`,
		"go_goroutines":                 `^go_goroutines \d+$`,
		"process_resident_memory_bytes": `^process_resident_memory_bytes \S+$`,
	} {
		if got := in.series(prefix); len(got) != 1 || !regexp.MustCompile(want).MatchString(got[0]) {
			t.Errorf("%s: %q, want %s", prefix, got, want)
		}
	}
}

func TestMetrics_AreNamedAsPrometheusWants(t *testing.T) {
	measuretest.Lint(t, everything(t).do("GET", "/metrics", "").Body.Bytes())
}
