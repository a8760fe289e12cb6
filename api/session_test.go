package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// browser shows a page of ours: it keeps the cookie that it is given, and says where its requests come from.
type browser struct {
	in     *installation
	cookie string
}

func (in *installation) browser() *browser { return &browser{in: in} }

func (b *browser) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.in.t.Helper()
	headers = append([]string{"Authorization: ", "Cookie: " + b.cookie, "Origin: http://localhost:3002", "Sec-Fetch-Site: same-origin"}, headers...)
	rec := b.in.do(method, path, body, headers...)
	for _, c := range rec.Result().Cookies() {
		b.cookie = c.Name + "=" + c.Value
		if c.MaxAge < 0 {
			b.cookie = ""
		}
	}
	return rec
}

// signIn is the browser after it signed in with the key.
func (b *browser) signIn(key string) *browser {
	b.in.t.Helper()
	if rec := b.do("POST", "/api/session", `{"key": "`+key+`"}`); rec.Code != http.StatusOK {
		b.in.t.Fatalf("sign-in: %d %s", rec.Code, rec.Body)
	}
	return b
}

// isIn reports whether the browser is signed in.
func (b *browser) isIn() bool {
	b.in.t.Helper()
	rec := b.do("GET", "/api/extensions/catalog", "")
	if rec.Code != http.StatusOK {
		refused(b.in.t, rec, problem.Unauthorized, "sign in")
	}
	return rec.Code == http.StatusOK
}

type sessionReply struct {
	Who, Scope string
	Expires    *time.Time
}

func TestSession_OpensWithAKeyAndTellsWhoItIs(t *testing.T) {
	in := newInstallation(t)
	b := in.browser()
	refused(t, b.do("GET", "/api/session", ""), problem.Unauthorized, "sign in")
	rec := b.do("POST", "/api/session", `{"key": "`+in.addKey("viewer", config.ScopeRead, time.Time{})+`"}`)
	end := began.Add(7 * 24 * time.Hour)
	want := sessionReply{"session:viewer", "read", &end}
	if diff := cmp.Diff(want, decode[sessionReply](t, rec)); diff != "" {
		t.Errorf("POST (-want +got):\n%s", diff)
	}
	cookie := rec.Header().Get("Set-Cookie")
	name, attributes, _ := strings.Cut(cookie, ";")
	if id, ok := strings.CutPrefix(name, "dream_session="); !ok || len(id) != 64 || attributes != " Path=/; HttpOnly; SameSite=Strict" {
		t.Errorf("Set-Cookie: %s", cookie)
	}
	if diff := cmp.Diff(want, decode[sessionReply](t, b.do("GET", "/api/session", ""))); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}
	if got := decode[map[string]string](t, b.do("DELETE", "/api/session", "")); got["status"] != "signed_out" || b.cookie != "" {
		t.Errorf("DELETE: %v, cookie %q", got, b.cookie)
	}
	b.cookie = name // a browser that kept it
	if b.isIn() {
		t.Error("the session goes on after it was ended")
	}
	if rec := b.do("DELETE", "/api/session", ""); rec.Code != http.StatusOK {
		t.Errorf("signing out twice: %d %s", rec.Code, rec.Body)
	}
	whole := sessionReply{"key:admin", "admin", nil}
	if diff := cmp.Diff(whole, decode[sessionReply](t, in.do("GET", "/api/session", ""))); diff != "" {
		t.Errorf("GET with a key (-want +got):\n%s", diff)
	}
}

func TestSession_CookieIsSecureUnderTLS(t *testing.T) {
	in := newInstallation(t)
	for proto, secure := range map[string]bool{"https": true, "http": false} {
		rec := in.browser().do("POST", "/api/session", `{"key": "`+key+`"}`, "X-Forwarded-Proto: "+proto)
		if got := strings.HasSuffix(rec.Header().Get("Set-Cookie"), "; Secure; SameSite=Strict"); got != secure {
			t.Errorf("%s: %s", proto, rec.Header().Get("Set-Cookie"))
		}
	}
}

func TestSession_WithoutAKeyIsRefused(t *testing.T) {
	in := newInstallation(t)
	for body, want := range map[string]problem.Code{
		"":                       problem.InvalidBody,
		"{}":                     problem.InvalidParameter,
		`{"key": ""}`:            problem.InvalidBody,
		`{"key": 5}`:             problem.InvalidParameter,
		`{"key": "wrong-guess"}`: problem.Forbidden,
	} {
		rec := in.browser().do("POST", "/api/session", body)
		if refused(t, rec, want, ""); rec.Header().Get("Set-Cookie") != "" || strings.Contains(rec.Body.String(), "guess") {
			t.Errorf("%s: %v %s", body, rec.Header(), rec.Body)
		}
	}
}

func TestSession_DiesWithItsKey(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(in.addKey("k", config.ScopeRead, time.Time{}))
	in.addKey("k", config.ScopeRead, time.Time{}) // another key of this name
	if b.isIn() {
		t.Error("it outlives its key, which was replaced")
	}
	b.signIn(in.addKey("k", config.ScopeRead, began.Add(time.Hour)))
	if got := decode[sessionReply](t, b.do("GET", "/api/session", "")); !got.Expires.Equal(began.Add(time.Hour)) {
		t.Errorf("it says that it ends at %s, and its key ends after an hour", got.Expires)
	}
	in.pass(time.Hour)
	if b.isIn() {
		t.Error("it outlives its key, which expired")
	}
	other := in.browser().signIn(key)
	b.signIn(in.addKey("k", config.ScopeRead, time.Time{}))
	in.removeKey("k")
	if b.isIn() || !other.isIn() {
		t.Error("it outlives its key, which was removed, or takes another with it")
	}
}

func TestSession_EndsWhenItIsUnusedAndAtTheLatestAfterAWeek(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(key)
	in.pass(12*time.Hour - time.Nanosecond)
	if !b.isIn() {
		t.Error("it ended before it was unused for long")
	}
	in.pass(12 * time.Hour)
	if b.isIn() {
		t.Error("it was unused for 12 hours and goes on")
	}
	b.signIn(key)
	for range 7*4 - 1 {
		in.pass(6 * time.Hour)
		if !b.isIn() {
			t.Fatal("it ended although it was used")
		}
	}
	in.pass(6 * time.Hour)
	if b.isIn() {
		t.Error("it goes on after a week")
	}
}
