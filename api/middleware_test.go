package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"dreamserver/api"
	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

func TestUnknownRoutesAndVerbs_AreProblems(t *testing.T) {
	in := newInstallation(t)
	refused(t, in.do("GET", "/", ""), problem.NotFound, "/docs lists all")
	refused(t, in.do("GET", "/api/extensions/catalog/", ""), problem.NotFound, "no such path")
	refused(t, in.do("GET", "/schemas/CatalogBody.json", ""), problem.NotFound, "no such path")
	for _, tc := range []struct{ method, path, allow string }{
		{"PUT", "/api/extensions/hello", "GET, DELETE"},
		{"GET", "/api/extensions/hello/install", "POST"},
		{"DELETE", "/health", "GET"},
		{"BREW", "/health", "GET"},
	} {
		rec := in.do(tc.method, tc.path, "")
		refused(t, rec, problem.MethodNotAllowed, tc.method+" is not allowed for "+tc.path)
		if got := rec.Header().Get("Allow"); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.path, got, tc.allow)
		}
	}
}

func TestHead_AnswersWhereGetDoes(t *testing.T) {
	in := newInstallation(t)
	if rec := in.do("HEAD", "/healthz", ""); rec.Code != http.StatusOK {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestReplies_HaveARequestIDAndSafeHeaders(t *testing.T) {
	in := newInstallation(t)
	for _, path := range []string{"/health", "/nowhere", "/docs", "/api/extensions/catalog"} {
		h := in.do("GET", path, "").Header()
		for name, want := range map[string]string{
			"X-Request-Id":            "^[A-Z0-9]{26}$",
			"X-Content-Type-Options":  "^nosniff$",
			"Referrer-Policy":         "^no-referrer$",
			"X-Frame-Options":         "^DENY$",
			"Cache-Control":           "^no-store$",
			"Content-Security-Policy": "^default-src 'none';.* frame-ancestors 'none'$",

			"Cross-Origin-Opener-Policy":   "^same-origin$",
			"Cross-Origin-Resource-Policy": "^same-origin$",
			"Permissions-Policy":           `camera=\(\)`,
			"Strict-Transport-Security":    "^$",
		} {
			if got := h.Get(name); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("%s: %s is %q, want %s", path, name, got, want)
			}
		}
	}
	for given, kept := range map[string]bool{"from-the-proxy_1.2": true, "two words": false, strings.Repeat("x", 65): false} {
		if got := in.do("GET", "/health", "", "X-Request-Id: "+given).Header().Get("X-Request-Id"); (got == given) != kept {
			t.Errorf("request id %q became %q, want kept %v", given, got, kept)
		}
	}
}

// Without TLS the header means nothing. On localhost it would shut off the extensions, which are on other ports
// and have no TLS.
func TestReplies_AskForTLSWhereThereIsSome(t *testing.T) {
	in := newInstallation(t, "DASHBOARD_ALLOWED_ORIGINS=https://dream.example")
	for _, tc := range []struct{ proto, host, want string }{
		{"https", "dream.example:3001", "max-age=31536000"},
		{"http", "dream.example:3001", ""},
		{"https", "localhost:3001", ""},
		{"https", "127.0.0.1:3001", ""},
		{"https", "[::1]:3001", ""},
	} {
		rec := in.do("GET", "/docs", "", "X-Forwarded-Proto: "+tc.proto, "Host: "+tc.host)
		if got := rec.Header().Get("Strict-Transport-Security"); got != tc.want || rec.Code != http.StatusOK {
			t.Errorf("%s://%s: %d %q, want %q", tc.proto, tc.host, rec.Code, got, tc.want)
		}
	}
}

// A policy that names unsafe-inline or a wildcard for scripts, here or for the dashboard's pages, is none.
func TestReplies_AllowNoInlineScript(t *testing.T) {
	in := newInstallation(t)
	for _, row := range api.Table() {
		policy := in.do(row.Method, strings.ReplaceAll(row.Path, "{id}", "hello"), "").Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s: Content-Security-Policy %q", row.Method, row.Path, policy)
		}
	}
}

func TestHosts_OnlyKnownNamesAreServed(t *testing.T) {
	in := newInstallation(t, "DASHBOARD_ALLOWED_ORIGINS=https://Dream.example:8443", "DASHBOARD_ALLOWED_HOSTS=Dream.lan, box")
	for host, served := range map[string]bool{
		"localhost": true, "LOCALHOST:3002": true, "localhost.": true, "127.0.0.1:3002": true, "[::1]:3002": true, "[::1]": true,
		"192.168.1.5:3001": true, "dashboard-api:3002": true, "dashboard": true, "dream-dashboard-api:3002": true, "dream.example:8443": true,
		"dream.lan": true, "DREAM.LAN.:3001": true, "box:3001": true, "other.lan": false, "x.dream.lan": false,
		"evil.example": false, "evil.example:3002": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "": false,
	} {
		rec := in.do("GET", "/health", "", "Host: "+host)
		if served && rec.Code != http.StatusOK {
			t.Errorf("Host %q: %d %s", host, rec.Code, rec.Body)
		}
		if !served {
			refused(t, rec, problem.Forbidden, "use localhost or an IP address")
		}
	}
}

func TestCrossOrigin_ChangesFromOtherSitesAreRefused(t *testing.T) {
	in := newInstallation(t, "DASHBOARD_ALLOWED_ORIGINS=https://dream.example")
	const stop = "/api/extensions/search/logs"
	for _, tc := range []struct {
		name    string
		headers []string
		allowed bool
	}{
		{"curl", nil, true},
		{"our own page", []string{"Origin: http://localhost:3002", "Sec-Fetch-Site: same-origin"}, true},
		{"an allowed origin", []string{"Origin: https://dream.example", "Sec-Fetch-Site: cross-site"}, true},
		{"another site", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, false},
		{"another site, old browser", []string{"Origin: https://evil.example"}, false},
		{"another port of this machine", []string{"Origin: http://localhost:9999", "Sec-Fetch-Site: same-site"}, false},
		{"a file", []string{"Origin: null"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := in.do("POST", stop, "", tc.headers...)
			if !tc.allowed {
				refused(t, rec, problem.Forbidden, "DASHBOARD_ALLOWED_ORIGINS")
			} else if rec.Code != http.StatusOK {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestCORS_AnswersAllowedOriginsOnly(t *testing.T) {
	in := newInstallation(t, "DASHBOARD_ALLOWED_ORIGINS=https://dream.example")
	for _, tc := range []struct{ name, origin, want string }{
		{"allowed", "https://dream.example", "https://dream.example"},
		{"other", "https://evil.example", ""},
		{"other port", "https://dream.example:444", ""},
		{"none", "", ""},
	} {
		h := in.do("GET", "/health", "", "Origin: "+tc.origin).Header()
		if got := h.Get("Access-Control-Allow-Origin"); got != tc.want || h.Get("Vary") != "Origin" {
			t.Errorf("%s: Access-Control-Allow-Origin %q, Vary %q; want %q, Origin", tc.name, got, h.Get("Vary"), tc.want)
		}
	}
	ask := []string{"Authorization: ", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"}
	rec := in.do("OPTIONS", "/api/extensions/hello/install", "", append(ask, "Origin: https://dream.example")...)
	if rec.Code != http.StatusNoContent || rec.Header().Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer" {
		t.Errorf("preflight: %d %v", rec.Code, rec.Header())
	}
	rec = in.do("OPTIONS", "/api/extensions/hello/install", "", append(ask, "Origin: https://evil.example")...)
	if refused(t, rec, problem.MethodNotAllowed, ""); rec.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another site: %v", rec.Header())
	}
}

// broken is a manager with a bug, and one whose disk is full.
type broken struct {
	*catalog.Manager
	fails func() error
}

func (b broken) Snapshot() *catalog.Snapshot {
	if err := b.fails(); err != nil {
		panic(err)
	}
	return b.Manager.Snapshot()
}

func (b broken) Submit(context.Context, catalog.Order, string) (operation.Operation, error) {
	return operation.Operation{}, b.fails()
}

func TestFailures_AreLoggedOnceAndNotShown(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct {
		name, method, path string
		err                error
		code               problem.Code
		detail             string
		logged             []string
	}{
		{
			"panic", "GET", "/api/extensions/catalog", errors.New("nil map of secrets"), problem.Internal, "internal error: the log",
			[]string{`"level":"error"`, "nil map of secrets", `"stack":"`},
		},
		{
			"unknown error", "POST", "/api/extensions/search/stop", errors.New("open /etc/shadow"), problem.Internal, "internal error: the log",
			[]string{`"level":"error"`, "open /etc/shadow"},
		},
		{
			"what we depend on", "POST", "/api/extensions/search/stop", problem.Newf(problem.DiskFull, "no space left"), problem.DiskFull, "no space left",
			[]string{`"level":"warn"`, "no space left", `"status":507`},
		},
		{"the client's fault", "POST", "/api/extensions/search/stop", problem.Newf(problem.NotEnabled, "is disabled"), problem.NotEnabled, "is disabled", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log := &syncBuffer{}
			handler, err := api.New(api.Options{
				Settings: in.settings, Manager: broken{in.manager, func() error { return tc.err }}, Audit: in.agent, Log: zerolog.New(log),
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil)
			r.Host = "localhost"
			r.Header.Set("Authorization", "Bearer "+key)
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			d := refused(t, rec, tc.code, tc.detail)
			if tc.code == problem.Internal && strings.Contains(rec.Body.String(), tc.err.Error()) {
				t.Errorf("the reply shows the cause: %s", d.Detail)
			}
			text := log.String()
			if lines := strings.Count(text, "\n"); lines != min(1, len(tc.logged)) {
				t.Errorf("%d log lines:\n%s", lines, text)
			}
			for _, want := range tc.logged {
				if !strings.Contains(text, want) {
					t.Errorf("the log has no %s:\n%s", want, text)
				}
			}
			if id := rec.Header().Get("X-Request-Id"); len(tc.logged) > 0 && !strings.Contains(text, `"request":"`+id+`"`) {
				t.Errorf("the log does not name request %s:\n%s", id, text)
			}
			if strings.Contains(text, key) {
				t.Errorf("the log has the key:\n%s", text)
			}
		})
	}
}
