package api_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dreamserver/api"
	"dreamserver/internal/problem"
)

func TestAuth_TellsNoKeyFromAWrongOne(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct {
		name, header string
		code         problem.Code // empty: let in
		detail       string
	}{
		{"right", "Bearer " + key, "", ""},
		{"scheme in other case", "bearer " + key, "", ""},
		{"none", "", problem.Unauthorized, "Authorization: Bearer"},
		{"other scheme", "Basic " + key, problem.Unauthorized, "Authorization: Bearer"},
		{"key alone", key, problem.Unauthorized, "Authorization: Bearer"},
		{"scheme alone", "Bearer", problem.Unauthorized, "Authorization: Bearer"},
		{"empty key", "Bearer  ", problem.Unauthorized, "Authorization: Bearer"},
		{"wrong", "Bearer wrong", problem.Forbidden, "Invalid API key."},
		{"the key and more", "Bearer " + key + "0", problem.Forbidden, "Invalid API key."},
		{"part of the key", "Bearer " + key[:8], problem.Forbidden, "Invalid API key."},
		{"non-ASCII", "Bearer schlüssel", problem.Forbidden, "Invalid API key."},
		{"not UTF-8", "Bearer \xff\xfe\x00", problem.Forbidden, "Invalid API key."},
		{"long", "Bearer " + strings.Repeat("k", 20_000), problem.Forbidden, "Invalid API key."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := in.do("GET", "/api/extensions/hello", "", "Authorization: "+tc.header)
			if tc.code == "" {
				if rec.Code != http.StatusOK {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
				return
			}
			refused(t, rec, tc.code, tc.detail)
			want := ""
			if tc.code == problem.Unauthorized {
				want = "Bearer"
			}
			if got := rec.Header().Get("WWW-Authenticate"); got != want {
				t.Errorf("WWW-Authenticate %q, want %q", got, want)
			}
		})
	}
}

func TestAuth_ComesBeforeEverythingElse(t *testing.T) {
	in := newInstallation(t)
	for _, path := range []string{"/api/extensions/..%2fx", "/api/extensions/catalog?gpu_compatible=maybe", "/api/extensions/UPPER"} {
		refused(t, in.do("GET", path, "", "Authorization: "), problem.Unauthorized, "")
	}
	refused(t, in.do("POST", "/api/extensions/hello/install", strings.Repeat("x", 2<<20), "Authorization: "), problem.Unauthorized, "")
}

func TestIDs_ThatAreMalformedAreNotFound(t *testing.T) {
	in := newInstallation(t)
	const rule = "an extension's id is 1 to 63 lower-case letters, digits, - and _, and begins with a letter or digit"
	for _, id := range []string{
		"../x", "..", "%2e%2e", "..%2fx", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "hello%2f", "hello%0a", "hello%0A", "%00",
		"UPPER", "-dash", "_under", "h%c3%bc", "a%20b", strings.Repeat("a", 64), strings.Repeat("a", 300), "%252e",
	} {
		for _, call := range []struct{ method, suffix string }{
			{"GET", ""},
			{"DELETE", ""},
			{"POST", "/install"},
			{"POST", "/enable"},
			{"POST", "/disable"},
			{"POST", "/start"},
			{"POST", "/stop"},
			{"POST", "/restart"},
			{"POST", "/logs"},
		} {
			rec := in.do(call.method, "/api/extensions/"+id+call.suffix, "")
			d := refused(t, rec, problem.NotFound, rule)
			if len(d.Detail) > 1000 {
				t.Errorf("%s %s: a detail of %d bytes", call.method, id, len(d.Detail))
			}
		}
	}
}

func TestParameters_ThatAreInvalidNameTheAllowedValues(t *testing.T) {
	in := newInstallation(t)
	const (
		catalog    = "/api/extensions/catalog?"
		operations = "/api/operations?"
		cursor     = "is none that a page of this list gave: begin without one, and take next_cursor of its reply"
	)
	ofAnotherOrder := base64.RawURLEncoding.EncodeToString([]byte(`{"s":"name","k":"x","i":"search"}`))
	for _, tc := range []struct{ method, target, path, message string }{
		{"GET", catalog + "category=games", "category", `expected value to be one of "core, recommended, optional"`},
		{"GET", catalog + "category=Core", "category", `expected value to be one of "core, recommended, optional"`},
		{"GET", catalog + "gpu_compatible=maybe", "gpu_compatible", "expected true or false"},
		{"GET", catalog + "status=broken", "status", `expected value to be one of "enabled, disabled, not_installed, incompatible"`},
		{"GET", catalog + "source=web", "source", `expected value to be one of "core, user, library"`},
		{"GET", catalog + "sort=size", "sort", `expected value to be one of "id, name, category, status, rating"`},
		{"GET", catalog + "sort=-name", "sort", `expected value to be one of "id, name, category, status, rating"`},
		{"GET", catalog + "limit=-1", "limit", "expected number >= 0"},
		{"GET", catalog + "limit=1001", "limit", "expected number <= 1000"},
		{"GET", catalog + "limit=ten", "limit", "invalid integer"},
		{"GET", catalog + "limit=99999999999999999999", "limit", "invalid integer"},
		{"GET", catalog + "q=" + strings.Repeat("x", 101), "q", "expected length <= 100"},
		{"GET", catalog + "feature=" + strings.Repeat("x", 101), "feature", "expected length <= 100"},
		{"GET", catalog + "cursor=" + strings.Repeat("x", 401), "cursor", "expected length <= 400"},
		{"GET", catalog + "cursor=nonsense", "cursor", cursor},
		{"GET", catalog + "cursor=e30", "cursor", cursor},
		{"GET", catalog + "cursor=%00", "cursor", cursor},
		{"GET", catalog + "cursor=" + ofAnotherOrder, "cursor", cursor},
		{"GET", catalog + "sort=status&cursor=" + ofAnotherOrder, "cursor", cursor},
		{"GET", operations + "state=done", "state", `expected value to be one of "running, waiting, interrupted, succeeded, failed, cancelled"`},
		{"GET", operations + "limit=0", "limit", "expected number >= 1"},
		{"GET", operations + "limit=1001", "limit", "expected number <= 1000"},
		{"GET", operations + "extension=" + strings.Repeat("x", 64), "extension", "expected length <= 63"},
		{"GET", "/api/extensions/search/logs?tail=0", "tail", "expected number >= 1"},
		{"GET", "/api/extensions/search/logs?since=soon", "since", "expected a time such as 2026-01-02T15:04:05Z, or how long ago, such as 10m"},
		{"GET", "/api/services/search/logs?tail=0", "tail", "expected number >= 1"},
		{"POST", "/api/extensions/search/logs?tail=0", "tail", "expected number >= 1"},
		{"POST", "/api/extensions/search/logs?tail=501", "tail", "expected number <= 500"},
		{"POST", "/api/extensions/search/logs?tail=many", "tail", "invalid integer"},
		{"POST", "/api/extensions/hello/enable?with_dependencies=2", "with_dependencies", "expected true or false"},
		{"GET", "/api/audit?limit=0", "limit", "expected number >= 1"},
	} {
		t.Run(tc.target, func(t *testing.T) {
			d := refused(t, in.do(tc.method, tc.target, ""), problem.InvalidParameter, tc.path+": "+tc.message)
			if len(d.Errors) != 1 || d.Errors[0].Path != tc.path || d.Errors[0].Message != tc.message {
				t.Errorf("errors %+v, want %s: %s", d.Errors, tc.path, tc.message)
			}
		})
	}
}

func TestBody_MustBeNothingOrASmallObject(t *testing.T) {
	in := newInstallation(t)
	huge := strings.Repeat(" ", 10<<20)
	for _, tc := range []struct {
		name, body string
		code       problem.Code // empty: accepted
		detail     string
	}{
		{"nothing", "", "", ""},
		{"white space", " \n", "", ""},
		{"object", `{"reason": "a later client sends options"}`, "", ""},
		{"not JSON", "hello", problem.InvalidBody, "is not a JSON object"},
		{"list", "[]", problem.InvalidBody, "is not a JSON object"},
		{"null", "null", problem.InvalidBody, "is not a JSON object"},
		{"half", `{"a":`, problem.InvalidBody, "is not a JSON object"},
		{"two", `{}{}`, problem.InvalidBody, "is not a JSON object"},
		{"10 MB", huge, problem.BodyTooLarge, "larger than 1024 KiB"},
		{"10 MB of object", `{"a":"` + huge + `"}`, problem.BodyTooLarge, "larger than 1024 KiB"},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/extensions/search/logs", strings.NewReader(tc.body))
			if chunked {
				r = httptest.NewRequestWithContext(t.Context(), "POST", "/api/extensions/search/logs", struct{ io.Reader }{strings.NewReader(tc.body)})
			}
			r.Host = "localhost"
			r.Header.Set("Authorization", "Bearer "+key)
			rec := httptest.NewRecorder()
			in.handler.ServeHTTP(rec, r)
			if tc.code != "" {
				refused(t, rec, tc.code, tc.detail)
			} else if rec.Code != http.StatusOK {
				t.Errorf("%s, chunked %v: %d %s", tc.name, chunked, rec.Code, rec.Body)
			}
		}
	}
}

// curl -d says application/x-www-form-urlencoded whatever it sends.
func TestBody_IsJSONWhateverItsContentTypeSays(t *testing.T) {
	in := newInstallation(t)
	for _, contentType := range []string{
		"application/x-www-form-urlencoded", "", "text/plain", "application/octet-stream", "application/json", "nonsense",
		"application/json; charset=utf-8", "multipart/form-data; boundary=x", "application/cbor",
	} {
		header := "Content-Type: " + contentType
		if rec := in.do("POST", "/api/session", `{"key": "`+key+`"}`, "Authorization: ", header); rec.Code != http.StatusOK {
			t.Errorf("%q: %d %s", contentType, rec.Code, rec.Body)
		}
		if rec := in.do("POST", "/api/extensions/search/logs", `{"a": 1}`, header); rec.Code != http.StatusOK {
			t.Errorf("%q: %d %s", contentType, rec.Code, rec.Body)
		}
		refused(t, in.do("POST", "/api/session", "key=secret", "Authorization: ", header), problem.InvalidBody, "is not a JSON object: send one")
		refused(t, in.do("POST", "/api/session", `{"key": 5}`, "Authorization: ", header), problem.InvalidParameter, "key: expected string")
		refused(t, in.do("POST", "/api/session", " ", "Authorization: ", header), problem.InvalidBody, `send {"key": "…"}`)
	}
}

func TestRefusals_OfTheFrameworkSayWhatToSend(t *testing.T) {
	for status := 400; status < 500; status++ {
		d, err := api.OfHuma(status, "odd request")
		if err != nil {
			t.Fatal(err)
		}
		if d.Status != status || d.Code == problem.Internal || d.Code == "" || d.Detail == "" || strings.Contains(d.Detail, "internal") {
			t.Errorf("%d: %+v", status, d)
		}
	}
	for status, want := range map[int]string{
		405: "method_not_allowed: this path has no such method: /docs lists all",
		406: "invalid_argument: the reply is JSON: send `Accept: application/json`, or no such header",
		413: "body_too_large: the request body is larger than 1024 KiB: no request of this API needs as much",
		415: "invalid_body: send the request body as JSON, with `Content-Type: application/json`",
		422: "invalid_parameter: body: unexpected end",
	} {
		d, _ := api.OfHuma(status, "odd request", &huma.ErrorDetail{Location: "body", Message: "unexpected end", Value: "secret"})
		if got := string(d.Code) + ": " + d.Detail; got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}

// A browser tab that is closed during an install must not leave half of one.
func TestChange_GoesOnWhenTheClientLeaves(t *testing.T) {
	in := newInstallation(t)
	ctx, leave := context.WithCancel(t.Context())
	in.agent.onRun = func(change context.Context) error {
		leave()
		if change.Err() != nil {
			t.Errorf("the change was cancelled: %v", change.Err())
		}
		return nil
	}
	r := httptest.NewRequestWithContext(ctx, "POST", "/api/extensions/hello/install", nil)
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer "+key)
	in.handler.ServeHTTP(httptest.NewRecorder(), r)
	if e, _ := in.manager.Snapshot().Find("hello"); e.Status != "enabled" {
		t.Errorf("hello is %s, want enabled", e.Status)
	}
}

// A read's deadline stayed on the connection and would have cut off a long install after it.
func TestChange_LiftsTheWriteDeadlineOfTheConnection(t *testing.T) {
	in := newInstallation(t)
	for path, bounded := range map[string]bool{
		"POST /api/extensions/hello/install": false,
		"POST /api/extensions/search/logs":   true,
		"GET /api/extensions/catalog":        true,
		"GET /nowhere":                       true,
	} {
		method, target, _ := strings.Cut(path, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
		r.Host = "localhost"
		r.Header.Set("Authorization", "Bearer "+key)
		w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		in.handler.ServeHTTP(w, r)
		if got := !w.last.IsZero(); got != bounded {
			t.Errorf("%s: bounded %v, want %v", path, got, bounded)
		}
	}
}

type deadlineRecorder struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (w *deadlineRecorder) SetWriteDeadline(t time.Time) error {
	w.last = t
	return nil
}
