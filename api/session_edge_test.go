package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

func TestSession_AttemptsAreThrottled(t *testing.T) {
	in := newInstallation(t, inContainer)
	try := func(from, key string) *httptest.ResponseRecorder {
		return in.browser().do("POST", "/api/session", `{"key": "`+key+`"}`, viaDashboard, "X-Forwarded-For: "+from)
	}
	for range 50 {
		try("192.0.2.1", key) // with the right key as often as one likes
	}
	for range 5 {
		refused(t, try("192.0.2.1", "wrong"), problem.Forbidden, "Invalid API key.")
	}
	for wrong := range 100 {
		rec := try("192.0.2.1", fmt.Sprint("wrong", wrong))
		if refused(t, rec, problem.TooManyAttempts, "try again in 12 seconds"); rec.Header().Get("Retry-After") != "12" {
			t.Fatalf("Retry-After %q", rec.Header().Get("Retry-After"))
		}
	}
	refused(t, try("192.0.2.1", key), problem.TooManyAttempts, "") // else the answer would tell that a guess was right
	if rec := try("192.0.2.2", key); rec.Code != http.StatusOK {
		t.Errorf("another client: %d %s", rec.Code, rec.Body)
	}
	if rec := in.do("GET", "/api/extensions/catalog", "", "X-Forwarded-For: 192.0.2.1"); rec.Code != http.StatusOK {
		t.Errorf("the same client with a key: %d %s", rec.Code, rec.Body)
	}
	in.pass(12 * time.Second)
	refused(t, try("192.0.2.1", "wrong"), problem.Forbidden, "")
	refused(t, try("192.0.2.1", "wrong"), problem.TooManyAttempts, "12 seconds")
}

func TestSession_AttemptsOfAllClientsAreBounded(t *testing.T) {
	in := newInstallation(t, inContainer)
	refusals := 0
	for client := range 1000 {
		rec := in.browser().do("POST", "/api/session", `{"key": "wrong"}`, viaDashboard, fmt.Sprintf("X-Forwarded-For: 198.51.%d.%d", client/256, client%256))
		if rec.Code == http.StatusTooManyRequests {
			refusals++
		}
	}
	if refusals != 940 {
		t.Errorf("%d of 1000 attempts from 1000 addresses were put off, want 940", refusals)
	}
	v6 := 0
	in.pass(time.Hour)
	for host := range 10 {
		rec := in.browser().do("POST", "/api/session", `{"key": "wrong"}`, viaDashboard, fmt.Sprintf("X-Forwarded-For: 2001:db8::%x", host))
		if rec.Code == http.StatusTooManyRequests {
			v6++
		}
	}
	if v6 != 5 {
		t.Errorf("%d of 10 attempts from one IPv6 network were put off, want 5", v6)
	}
}

// A container on the network of the extensions must not keep the owner out.
func TestSession_NoContainerUsesUpTheAttemptsOfAll(t *testing.T) {
	in := newInstallation(t, inContainer)
	owner := func() int {
		return in.browser().do("POST", "/api/session", `{"key": "`+key+`"}`, viaDashboard, "X-Forwarded-For: 172.18.0.1").Code
	}
	guesses := 0
	for second := range 60 {
		for n := range 20 {
			rec := in.browser().do("POST", "/api/session", `{"key": "wrong"}`, "RemoteAddr: 172.18.0.9:40000",
				fmt.Sprintf("X-Forwarded-For: 198.51.%d.%d", second, n))
			if rec.Code == http.StatusForbidden {
				guesses++
			}
		}
		if code := owner(); code != http.StatusOK {
			t.Fatalf("the owner's sign-in after %d seconds: %d", second, code)
		}
		in.pass(time.Second)
	}
	if guesses != 9 {
		t.Errorf("the container made %d guesses in a minute, want 9", guesses)
	}
}

func TestSession_NeverWorksForAnotherSite(t *testing.T) {
	in := newInstallation(t, "DASHBOARD_ALLOWED_ORIGINS=https://friend.example")
	b := in.browser().signIn(key)
	for _, tc := range []struct {
		name      string
		headers   []string
		get, post problem.Code // empty: let in
	}{
		{"our page", nil, "", ""},
		{"our page, browser of old", []string{"Sec-Fetch-Site: "}, "", ""},
		{"typed address", []string{"Sec-Fetch-Site: none", "Origin: "}, "", ""},
		{"another site", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, problem.Unauthorized, problem.Forbidden},
		{"another site, browser of old", []string{"Sec-Fetch-Site: ", "Origin: https://evil.example"}, problem.Unauthorized, problem.Forbidden},
		{"a link on another site", []string{"Sec-Fetch-Site: cross-site", "Origin: "}, problem.Unauthorized, problem.Forbidden},
		{"an extension on another port", []string{"Sec-Fetch-Site: same-site", "Origin: http://localhost:7806"}, problem.Unauthorized, problem.Forbidden},
		{"an extension, browser of old", []string{"Sec-Fetch-Site: ", "Origin: http://localhost:7806"}, problem.Unauthorized, problem.Forbidden},
		{"a frame without an origin", []string{"Sec-Fetch-Site: ", "Origin: null"}, problem.Unauthorized, problem.Forbidden},
		{"an allowed origin, which has its own key", []string{"Sec-Fetch-Site: cross-site", "Origin: https://friend.example"}, problem.Unauthorized, problem.Unauthorized},
		{"a name that was pointed here", []string{"Host: evil.example", "Origin: http://evil.example"}, problem.Forbidden, problem.Forbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for method, want := range map[string]problem.Code{"GET": tc.get, "POST": tc.post} {
				path := map[string]string{"GET": "/api/extensions/catalog", "POST": "/api/extensions/search/logs"}[method]
				rec := b.do(method, path, "", tc.headers...)
				if want != "" {
					refused(t, rec, want, "")
				} else if rec.Code != http.StatusOK {
					t.Errorf("%s: %d %s", method, rec.Code, rec.Body)
				}
				if rec.Header().Get("Access-Control-Allow-Credentials") != "" {
					t.Error("cookies are offered to another origin")
				}
			}
		})
	}
	evil := []string{"Sec-Fetch-Site: same-site", "Origin: http://localhost:7806"}
	refused(t, in.browser().do("POST", "/api/session", `{"key": "`+key+`"}`, evil...), problem.Forbidden, "another site")
	refused(t, b.do("DELETE", "/api/session", "", evil...), problem.Forbidden, "another site")
	if !b.isIn() {
		t.Error("another site's page signed the browser out")
	}
}

// An extension on another port of the machine is sent the cookie by the browser that looks at it.
func TestSession_IsWorthNothingFromAnotherAddress(t *testing.T) {
	in := newInstallation(t, inContainer)
	b := in.browser()
	ui := []string{"RemoteAddr: 172.18.0.5:40000", "X-Forwarded-For: 172.18.0.1"}
	b.do("POST", "/api/session", `{"key": "`+key+`"}`, ui...)
	for name, headers := range map[string][]string{
		"an extension, directly":               {"RemoteAddr: 172.18.0.9:40000"},
		"an extension that lies, directly":     {"RemoteAddr: 172.18.0.9:40000", "X-Forwarded-For: 172.18.0.1"},
		"an extension, through the web server": {"RemoteAddr: 172.18.0.5:40000", "X-Forwarded-For: 172.18.0.9"},
	} {
		rec := b.do("GET", "/api/session", "", headers...)
		if refused(t, rec, problem.Unauthorized, "sign in again"); rec.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s is given an id", name)
		}
	}
	in.do("DELETE", "/api/session", "", "Cookie: "+b.cookie, "RemoteAddr: 172.18.0.9:40000")
	if rec := b.do("GET", "/api/session", "", "RemoteAddr: 172.18.0.5:50000", "X-Forwarded-For: 172.18.0.1"); rec.Code != http.StatusOK {
		t.Errorf("the browser itself: %d %s", rec.Code, rec.Body)
	}
	if n := strings.Count(in.log.String(), "came from another address"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, in.log)
	}
}

// Another port of the machine can plant a cookie of the same name, which browsers send as well.
func TestSession_IsFoundAmongPlantedCookies(t *testing.T) {
	in := newInstallation(t)
	b := in.browser().signIn(key)
	b.cookie = "dream_session=planted; dream_session=; " + b.cookie
	if !b.isIn() {
		t.Error("a planted cookie keeps the right one from working")
	}
}

func TestSession_NoSecretIsInALogOrAReply(t *testing.T) {
	in := newInstallation(t)
	named := in.addKey("viewer", config.ScopeRead, time.Time{})
	b := in.browser()
	var bodies strings.Builder
	see := func(rec *httptest.ResponseRecorder) {
		bodies.WriteString(rec.Body.String())
		h := rec.Header().Clone()
		h.Del("Set-Cookie")
		text, _ := json.Marshal(h)
		bodies.Write(text)
	}
	secrets := []string{named, key, "guessed-key"}
	see(b.do("POST", "/api/session", `{"key": "guessed-key"}`))
	see(b.do("POST", "/api/session", `{"key": "`+named+`"}`))
	secrets = append(secrets, strings.TrimPrefix(b.cookie, "dream_session="))
	see(b.do("GET", "/api/session", ""))
	see(b.do("POST", "/api/extensions/hello/install", ""))
	see(b.do("GET", "/nowhere", ""))
	in.pass(time.Hour)
	see(b.do("GET", "/api/session", ""))
	secrets = append(secrets, strings.TrimPrefix(b.cookie, "dream_session="))
	in.removeKey("viewer")
	see(b.do("GET", "/api/session", ""))
	see(in.do("GET", "/api/session", "", "Authorization: Bearer guessed-key"))
	see(in.do("POST", "/api/extensions/hello/install", ""))
	for _, secret := range secrets {
		if strings.Contains(in.log.String(), secret) || strings.Contains(bodies.String(), secret) {
			t.Errorf("%s is in the log or in a reply:\n%s\n%s", secret, in.log, &bodies)
		}
	}
	if !strings.Contains(in.log.String(), `"actor":"session:viewer","message":"signed in"`) || !strings.Contains(in.log.String(), "sign-in refused") {
		t.Errorf("the log does not say who signed in:\n%s", in.log)
	}
}

func TestChanges_CarryTheirActor(t *testing.T) {
	in := newInstallation(t)
	var actors []string
	in.agent.onRun = func(ctx context.Context) error {
		actors = append(actors, catalog.Actor(ctx))
		return nil
	}
	operator := in.addKey("operator", config.ScopeOperate, time.Time{})
	in.do("POST", "/api/extensions/hello/install", "")
	in.do("POST", "/api/extensions/hello/start", "", "Authorization: Bearer "+operator)
	in.browser().signIn(operator).do("POST", "/api/extensions/hello/restart", "")
	if diff := cmp.Diff([]string{"key:admin", "key:operator", "session:operator"}, actors); diff != "" {
		t.Errorf("actors (-want +got):\n%s", diff)
	}
}
