package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamserver/api"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// addKey gives the installation a named key, as `dream key add` does, and returns the key.
func (in *installation) addKey(name string, scope config.Scope, expires time.Time) string {
	in.t.Helper()
	secret := config.NewKey().Reveal()
	data, err := json.Marshal(config.APIKey{Scope: scope, SHA256: config.DigestOf(secret), Created: in.now(), Expires: expires})
	if err != nil {
		in.t.Fatal(err)
	}
	in.writeKey(name+".json", string(data))
	return secret
}

func (in *installation) writeKey(file, content string) {
	in.t.Helper()
	dir := in.settings.APIKeysDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		in.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) removeKey(name string) {
	in.t.Helper()
	if err := os.Remove(filepath.Join(in.settings.APIKeysDir(), name+".json")); err != nil {
		in.t.Fatal(err)
	}
}

// allowed is written out, so that a change of the order of scopes is a change of this test.
var allowed = map[string][]string{
	"admin":   {"open", "admin", "operate", "read", "metrics"},
	"operate": {"open", "operate", "read", "metrics"},
	"read":    {"open", "read", "metrics"},
	"metrics": {"open", "metrics"},
	"nobody":  {"open"},
}

// credential is one way to call the API: the header that shows it.
type credential struct {
	name, scope string
	header      func(in *installation) string
	code        problem.Code // of a refusal where nothing at all is allowed but what is open
}

func credentials() []credential {
	all := []credential{
		{"no key", "nobody", func(*installation) string { return "Authorization: " }, problem.Unauthorized},
		{"wrong key", "nobody", func(*installation) string { return "Authorization: Bearer wrong" }, problem.Forbidden},
		{"expired key", "nobody", func(in *installation) string {
			return "Authorization: Bearer " + in.addKey("old", config.ScopeAdmin, in.now())
		}, problem.Forbidden},
		{"the key in .env", "admin", func(*installation) string { return "Authorization: Bearer " + key }, problem.Forbidden},
	}
	for _, scope := range config.Scopes() {
		all = append(all, credential{string(scope) + " key", string(scope), func(in *installation) string {
			return "Authorization: Bearer " + in.addKey("k", scope, time.Time{})
		}, problem.Forbidden})
		all = append(all, credential{"session of " + string(scope), string(scope), func(in *installation) string {
			return "Cookie: " + in.browser().signIn(in.addKey("s", scope, time.Time{})).cookie
		}, problem.Forbidden})
	}
	all = append(all, credential{"session of the key in .env", "admin", func(in *installation) string {
		return "Cookie: " + in.browser().signIn(key).cookie
	}, problem.Forbidden}, credential{"session that ended", "nobody", func(in *installation) string {
		b := in.browser().signIn(in.addKey("gone", config.ScopeAdmin, time.Time{}))
		in.removeKey("gone")
		return "Cookie: " + b.cookie
	}, problem.Unauthorized})
	return all
}

// Every route, taken from the table itself, with every credential.
func TestRoutes_LetInWhoHasTheScopeAndNobodyElse(t *testing.T) {
	for _, c := range credentials() {
		for _, readOnly := range []string{"", "true"} {
			in := newInstallation(t, "DREAM_READ_ONLY="+readOnly)
			for _, row := range api.Table() {
				header := c.header(in)
				headers := []string{header}
				if strings.HasPrefix(header, "Cookie: ") {
					headers = append(headers, "Authorization: ", "Sec-Fetch-Site: same-origin")
				}
				rec := in.do(row.Method, strings.ReplaceAll(row.Path, "{id}", "hello"), "", headers...)
				label := c.name + ": " + row.Method + " " + row.Path
				switch {
				case !slices.Contains(allowed[c.scope], row.Need):
					if rec.Code != c.code.Status() {
						t.Errorf("%s: %d %s, want %s", label, rec.Code, rec.Body, c.code)
						continue
					}
					refused(t, rec, c.code, "")
					if text := rec.Body.String(); c.scope != "nobody" && !strings.Contains(text, "takes the scope "+row.Need+", and the ") {
						t.Errorf("%s: the refusal does not name the scopes: %s", label, text)
					}
				case row.Effect == "changes" && readOnly != "":
					refused(t, rec, problem.ReadOnly, "DREAM_READ_ONLY")
				case rec.Code == http.StatusUnauthorized || rec.Code == http.StatusForbidden:
					t.Errorf("%s: refused: %d %s", label, rec.Code, rec.Body)
				}
			}
		}
	}
}

func TestRoutes_NamesBothScopesInARefusal(t *testing.T) {
	in := newInstallation(t)
	viewer := in.addKey("viewer", config.ScopeRead, time.Time{})
	refused(t, in.do("POST", "/api/extensions/hello/install", "", "Authorization: Bearer "+viewer), problem.Forbidden,
		"this takes the scope admin, and the key viewer has read")
}

func TestNew_RefusesARouteThatDoesNotSayWhoMayCallIt(t *testing.T) {
	in := newInstallation(t)
	for _, tc := range []struct{ need, effect, want string }{
		{"", "looks", `api: GET /test does not say who may call it: "" is not open, metrics, read, operate or admin`},
		{"everybody", "looks", `api: GET /test does not say who may call it: "everybody" is not open, metrics, read, operate or admin`},
		{"read", "", `api: GET /test does not say what it does: "" is not looks, streams or changes`},
		{"open", "breaks", `api: GET /test does not say what it does: "breaks" is not looks, streams or changes`},
		{"read", "looks", ""},
	} {
		_, err := api.NewWith(api.Options{Settings: in.settings, Manager: in.manager, Audit: in.agent}, api.Row{Method: "GET", Path: "/test", Need: tc.need, Effect: tc.effect})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%q, %q: %s, want %s", tc.need, tc.effect, got, tc.want)
		}
	}
}

// What only looks is never a verb that browsers and proxies take for a change, and the other way round.
func TestRoutes_EffectFitsTheVerb(t *testing.T) {
	for _, row := range api.Table() {
		if row.Method == http.MethodGet && row.Effect == "changes" || row.Method != http.MethodGet && row.Effect == "streams" {
			t.Errorf("%s %s %s something", row.Method, row.Path, row.Effect)
		}
	}
}

// An operator may not bring a stranger's code to the machine by way of what an extension needs.
func TestEnable_InstallsNothingForAnOperator(t *testing.T) {
	in := newInstallation(t)
	operator := in.addKey("operator", config.ScopeOperate, time.Time{})
	const path = "/api/extensions/hello/enable?with_dependencies=true"
	rec := in.do("POST", path, "", "Authorization: Bearer "+operator)
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "takes the scope admin, and the key operator has operate") {
		t.Errorf("%d %s, want that it takes another scope", rec.Code, rec.Body)
	}
	if rec := in.do("POST", path, ""); rec.Code == http.StatusForbidden {
		t.Errorf("%d %s for an admin", rec.Code, rec.Body)
	}
}
