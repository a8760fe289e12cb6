package policy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/internal/problem"
)

// listening are servers with this handler, on a port and on a socket, by how they are reached: both are the same contract.
func listening(t *testing.T, handler http.HandlerFunc) map[string]string {
	t.Helper()
	dir, err := os.MkdirTemp("", "policy") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "p.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	onSocket := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	onSocket.Start()
	t.Cleanup(onSocket.Close)
	onPort := httptest.NewServer(handler)
	t.Cleanup(onPort.Close)
	return map[string]string{"port": onPort.URL, "socket": "unix://" + socket}
}

// asking is an engine with one plugin, which is a server.
func asking(t *testing.T, address, more string) *Engine {
	t.Helper()
	return loadText(t, `plugins: [{name: rest_plugin, url: "`+address+`", hooks: [on_run_apply]`+more+`}]`, Sources{})
}

// What becomes of each answer, and what dstack makes of the same, as it was measured. Where dstack loses the reason, or shows an
// accident of its own for one, we do not.
func TestServer_EveryAnswer(t *testing.T) {
	const (
		denied  = `extension "notes" is refused by policy rest_plugin: `
		cannot  = `extension "notes": policy rest_plugin cannot decide (on_service_apply): `
		mend    = `; mend it and try again`
		noShape = cannot + `its answer is not {"spec": {…}, "error": null}: `
	)
	spec := func(edit string) func(q string) string { // the question's own spec, changed
		return func(q string) string { return strings.Replace(q, `"image":"example/notes:1"`, edit, 1) }
	}
	type row struct {
		name   string
		dstack string // what it makes of it
		status int    // 0 is 200
		body   string // %s is the question's spec
		edit   func(spec string) string
		code   problem.Code // empty: it is accepted
		err    string
		change string // path and value of the one thing that is changed
		header string // Location
	}
	tests := []row{
		{name: "spec as it was, error null", dstack: "accepted", body: `{"spec": %s, "error": null}`},
		{name: "spec as it was, no error key", dstack: "accepted", body: `{"spec": %s}`},
		{name: "spec changed", dstack: "applied", body: `{"spec": %s, "error": null}`, edit: spec(`"image":"example/notes:2"`), change: "services.notes.image example/notes:2"},
		{name: "no spec, error null", dstack: "invalid response", body: `{"error": null}`},
		{name: "spec null", dstack: "invalid response", body: `{"spec": null, "error": null}`},
		{name: "error with spec", dstack: `400 "Apply request rejected: msg"`, body: `{"spec": %s, "error": "msg"}`, code: problem.PolicyDenied, err: denied + "msg"},
		{
			name: "error without spec (1 of 3: dstack loses the reason)", dstack: `400 "Plugin service returned an invalid response"`,
			body: `{"error": "too many GPUs"}`, code: problem.PolicyDenied, err: denied + "too many GPUs",
		},
		{
			name: "error empty", dstack: "invalid response", body: `{"spec": %s, "error": ""}`, code: problem.PolicyUnavailable,
			err: cannot + "its answer has an empty error: null is none, and a text is a rejection" + mend,
		},
		{
			name: "400 with a reason (2 of 3: dstack loses the reason)", dstack: `400 "Request to the plugin service failed"`, status: 400,
			body: `{"detail": "too many GPUs"}`, code: problem.PolicyDenied, err: denied + "too many GPUs",
		},
		{name: "403 with a reason", dstack: `400 "Request to the plugin service failed"`, status: 403, body: `{"error": "not for you"}`, code: problem.PolicyDenied, err: denied + "not for you"},
		{
			name: "400 without a reason", dstack: `400 "Request to the plugin service failed"`, status: 400, body: `oops`, code: problem.PolicyUnavailable,
			err: cannot + "its server answers 400 Bad Request: oops" + mend,
		},
		{
			name: "401 with a reason, which is about the key", dstack: `400 "Request to the plugin service failed"`, status: 401, body: `{"detail": "bad token"}`, code: problem.PolicyUnavailable,
			err: cannot + `its server answers 401 Unauthorized: {"detail": "bad token"}` + mend,
		},
		{
			name: "404, a hook that it does not have", dstack: `400 "Request to the plugin service failed"`, status: 404, body: `{"detail": "Not Found"}`, code: problem.PolicyUnavailable,
			err: cannot + `its server answers 404 Not Found: {"detail": "Not Found"}` + mend,
		},
		{
			name: "422 of a server of another version", dstack: `400 "Request to the plugin service failed"`, status: 422, body: `{"detail": [{"msg": "extra fields"}]}`, code: problem.PolicyUnavailable,
			err: cannot + `its server answers 422 Unprocessable Entity: {"detail": [{"msg": "extra fields"}]}` + mend,
		},
		{
			name: "500 without a word", dstack: `400 "Request to the plugin service failed"`, status: 500, code: problem.PolicyUnavailable,
			err: cannot + "its server answers 500 Internal Server Error: an empty reply" + mend,
		},
		{
			name: "503 with a reason (3 of 3: dstack loses the reason)", dstack: `400 "Request to the plugin service failed"`, status: 503, body: `{"detail": "the database is away"}`, code: problem.PolicyUnavailable,
			err: cannot + `its server answers 503 Service Unavailable: {"detail": "the database is away"}` + mend,
		},
		{
			name: "a redirect", dstack: "followed, and the spec with it", status: 307, header: "http://127.0.0.1:1/", code: problem.PolicyUnavailable,
			err: cannot + "its server answers 307 Temporary Redirect: an empty reply" + mend,
		},
		{
			name: "not JSON", dstack: `400 "Expecting value: line 1 column 1"`, body: `<html>`, code: problem.PolicyUnavailable,
			err: noShape + "invalid character '<' looking for beginning of value" + mend,
		},
		{name: "nothing", dstack: `400 "Expecting value: line 1 column 1"`, code: problem.PolicyUnavailable, err: cannot + "it answers nothing" + mend},
		{
			name: "a list", dstack: "500", body: `[]`, code: problem.PolicyUnavailable,
			err: noShape + "json: cannot unmarshal array into Go value",
		},
		{name: "two documents", dstack: "400, a decode error", body: `{"error": null}{}`, code: problem.PolicyUnavailable, err: cannot + "its answer goes on behind the JSON document" + mend},
		{name: "null", dstack: "invalid response", body: `null`, code: problem.PolicyUnavailable, err: noShape + "it is null" + mend},
		{name: "neither spec nor error", dstack: "invalid response", body: `{"more": {}}`, code: problem.PolicyUnavailable, err: noShape + "it has neither spec nor error" + mend},
		{name: "a misspelt error", dstack: "accepted", body: `{"spec": %s, "eror": "no"}`, code: problem.PolicyUnavailable, err: cannot + `its answer has a key "eror": write error` + mend},
		{name: "an error in capitals", dstack: "accepted", body: `{"spec": %s, "ERROR": "no"}`, code: problem.PolicyUnavailable, err: cannot + `its answer has a key "ERROR": write error` + mend},
		{name: "two errors", dstack: "not tried", body: `{"error": "no", "error": null}`, code: problem.PolicyUnavailable, err: cannot + `its answer has the key "error" twice` + mend},
		{name: "an unknown key beside spec and error", dstack: "accepted", body: `{"spec": %s, "error": null, "more": {}}`},
		{
			name: "an unknown key inside the spec", dstack: "invalid response, and the whole spec in its log", body: `{"spec": %s, "error": null}`,
			edit: func(q string) string { return strings.Replace(q, `{"`, `{"jobs":{},"`, 1) }, code: problem.PolicyUnavailable,
			err: cannot + `its answer cannot be used: the spec has a key "jobs" that it was not given` + mend,
		},
		{
			name: "a key of the spec is missing", dstack: "invalid response", body: `{"spec": {"kind": "service"}, "error": null}`, code: problem.PolicyUnavailable,
			err: cannot + `its answer cannot be used: the spec lacks the key "configs" that it was given` + mend,
		},
		{
			name: "more than 4 MiB", dstack: "read to the end", body: strings.Repeat(" ", 5<<20), code: problem.PolicyUnavailable,
			err: cannot + "its server answers with more than 4 MiB" + mend,
		},
	}
	for _, tt := range tests {
		var asked int
		servers := listening(t, func(w http.ResponseWriter, r *http.Request) {
			asked++
			var q struct {
				Spec json.RawMessage `json:"spec"`
			}
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
				t.Errorf("the question: %v", err)
			}
			own := string(q.Spec)
			if tt.edit != nil {
				own = tt.edit(own)
			}
			if tt.header != "" {
				w.Header().Set("Location", tt.header)
			}
			if tt.status != 0 {
				w.WriteHeader(tt.status)
			}
			_, _ = io.WriteString(w, strings.Replace(tt.body, "%s", own, 1))
		})
		for how, address := range servers {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				asked = 0
				r, err := asking(t, address, "").Evaluate(t.Context(), subject(t))
				if tt.code == "" && err != nil || tt.code != "" && (!problem.HasCode(err, tt.code) || !strings.HasPrefix(err.Error(), tt.err)) {
					t.Errorf("dstack: %s\ngot  %v\nwant %s %s", tt.dstack, err, tt.code, tt.err)
				}
				if asked == 0 || tt.code != "" && asked > 1 {
					t.Errorf("it was asked %d times: nothing is tried again", asked)
				}
				var changes []string
				for _, c := range r.Changes {
					changes = append(changes, fmt.Sprint(c.Path, " ", c.After))
				}
				if got := strings.Join(changes, "; "); got != tt.change {
					t.Errorf("changed: %q, want %q", got, tt.change)
				}
			})
		}
	}
}

// The three ways in which no answer comes. dstack has one sentence for them.
func TestServer_NoAnswer(t *testing.T) {
	const cannot = `extension "notes": policy rest_plugin cannot decide (on_service_apply): `
	gone := httptest.NewServer(nil)
	gone.Close()
	hangs := listening(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http sees that the client goes when there is no more to read
		<-r.Context().Done()
	})
	cut := listening(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"spec"`)
	})
	tests := []struct{ name, address, more, want string }{
		{"connection refused/port", gone.URL, "", "its server cannot be asked: dial tcp "},
		{"connection refused/socket", "unix:///nonexistent/p.sock", "", "its server cannot be asked: dial unix /nonexistent/p.sock: "},
		{"too long/port", hangs["port"], ", timeout: 30ms", "no answer within 30ms"},
		{"too long/socket", hangs["socket"], ", timeout: 30ms", "no answer within 30ms"},
		{"cut off/port", cut["port"], "", "its server stops in the middle of the answer: unexpected EOF"},
		{"cut off/socket", cut["socket"], "", "its server stops in the middle of the answer: unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := asking(t, tt.address, tt.more).Evaluate(t.Context(), subject(t))
			if !problem.HasCode(err, problem.PolicyUnavailable) || !strings.HasPrefix(err.Error(), cannot+tt.want) {
				t.Errorf("got %v\nwant %s", err, cannot+tt.want)
			}
		})
	}
	if e := asking(t, "http://127.0.0.1:1", ""); e.plugins[0].timeout != 8*time.Second {
		t.Errorf("what holds without a timeout: %s, and dstack has 8 s", e.plugins[0].timeout)
	}
}

// dstack's rest_plugin fails at each apply while its variable is not set; here that is seen when it is loaded.
func TestServer_WithoutAnAddress(t *testing.T) {
	c := Config{Plugins: []PluginConfig{{Name: RESTPlugin, Mode: Enforce, Line: 2}}}
	for value, want := range map[string]string{
		"": "config.yml:2: plugin rest_plugin cannot be loaded: it has no url, and DSTACK_PLUGIN_SERVICE_URI is not set", "ftp://x": "write http://, https:// or unix://",
	} {
		err := Load(c, Sources{Getenv: func(string) string { return value }}).Locked()
		if !problem.HasCode(err, problem.PolicyLocked) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
	}
	e := Load(c, Sources{Getenv: func(key string) string {
		return map[string]string{"DSTACK_PLUGIN_SERVICE_URI": " http://127.0.0.1:1 \n"}[key]
	}})
	if e.Locked() != nil || e.plugins[0].Plugin.(*server).base != "http://127.0.0.1:1" {
		t.Errorf("with one: %v", e.Locked())
	}
}

// What is sent: dstack's paths, headers and envelope, ours beside them, and placeholders where dstack sends secrets.
func TestServer_IsAskedAsDstackDoes(t *testing.T) {
	type sent struct {
		Method, Path string
		Header       http.Header
		Body         map[string]any
	}
	var got []sent
	servers := listening(t, func(w http.ResponseWriter, r *http.Request) {
		one := sent{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header}
		if err := json.NewDecoder(r.Body).Decode(&one.Body); err != nil {
			t.Error(err)
		}
		got = append(got, one)
		_, _ = io.WriteString(w, `{"spec": null, "error": null}`)
	})
	servers["port, with a path"] = servers["port"] + "/below/"
	for how, address := range servers {
		t.Run(how, func(t *testing.T) {
			got = nil
			e := loadText(t, `plugins: [{name: rest_plugin, url: "`+address+`", config: {a: 1}}]`, Sources{})
			s := subject(t)
			s.Secrets = map[string]string{"DB_PASSWORD": "hunter2"}
			s.Model["services"].(map[string]any)["notes"].(map[string]any)["environment"] = map[string]any{"PASSWORD": "hunter2"}
			evaluate(t, e, s)
			if len(got) != 8 { // all hooks, twice
				t.Fatalf("%d questions", len(got))
			}
			below := ""
			if strings.Contains(how, "path") {
				below = "/below"
			}
			for i, hook := range []string{"on_run_apply", "on_fleet_apply", "on_volume_apply", "on_gateway_apply"} {
				if want := "POST " + below + "/apply_policies/" + hook; got[i].Method+" "+got[i].Path != want {
					t.Errorf("%s %s, want %s", got[i].Method, got[i].Path, want)
				}
				for key, want := range map[string]string{"Accept": "application/json", "Content-Type": "application/json", "Authorization": "", "X-Dream-Signature": ""} {
					if have := got[i].Header.Get(key); have != want {
						t.Errorf("%s: %q, want %q", key, have, want)
					}
				}
			}
			body := got[0].Body
			spec, _ := body["spec"].(map[string]any)
			delete(body, "spec")
			want := map[string]any{
				"user": "alice", "project": "main", "api_version": "v1", "hook": "on_service_apply", "phase": "apply", "operation": "start", "config": map[string]any{"a": 1.0},
				"context": map[string]any{
					"extension": map[string]any{"id": "notes", "source": "", "category": "", "grants": nil}, "host": map[string]any{"gpu_backend": "cpu", "arch": ""},
				},
			}
			if d := cmp.Diff(want, body); d != "" {
				t.Errorf("the envelope (-want +got):\n%s", d)
			}
			env := spec["services"].(map[string]any)["notes"].(map[string]any)["environment"]
			if d := cmp.Diff(map[string]any{"PASSWORD": "«secret:DB_PASSWORD»"}, env); d != "" {
				t.Errorf("the environment (-want +got):\n%s", d)
			}
		})
	}
}

func TestServer_AddressesThatAreNone(t *testing.T) {
	for address, want := range map[string]string{
		"ftp://x": "write http://, https:// or unix://", "http://": "write http://host:port", "http://u:p@host": "without a user",
	} {
		_, err := newServer(PluginConfig{Name: "p"}, address, Credentials{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

// A server knows us by a key that is in a file, or in .env, and never in the config.
func TestServer_Keys(t *testing.T) {
	var header http.Header
	var body []byte
	servers := listening(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"error": null}`)
	})
	const key = "k-0123456789"
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := Sources{Getenv: func(name string) string { return map[string]string{"POLICY_KEY": key}[name] }}
	for how, address := range servers {
		for _, auth := range []string{"bearer_file: " + file, "bearer_env: POLICY_KEY", "hmac_file: " + file, "hmac_env: POLICY_KEY"} {
			t.Run(how+"/"+strings.Fields(auth)[0], func(t *testing.T) {
				e := loadText(t, `plugins: [{name: p, url: "`+address+`", hooks: [on_run_apply], auth: {`+auth+`}}]`, from)
				evaluate(t, e, subject(t))
				at := header.Get("X-Dream-Timestamp")
				mac := hmac.New(sha256.New, []byte(key))
				mac.Write([]byte(at + "." + string(body)))
				bearer, signature := "", "sha256="+hex.EncodeToString(mac.Sum(nil))
				if strings.HasPrefix(auth, "bearer") {
					bearer, signature = "Bearer "+key, ""
				} else if seconds, err := time.ParseDuration(at + "s"); err != nil || time.Since(time.Unix(0, 0).Add(seconds)).Abs() > time.Hour {
					t.Errorf("signed at %q", at)
				}
				if header.Get("Authorization") != bearer || header.Get("X-Dream-Signature") != signature {
					t.Errorf("it has %v", header)
				}
			})
		}
	}
}

// Where the key cannot be taken from, the agent is locked, with the place and without the key.
func TestServer_KeysThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		dir + "/good": "hunter2", dir + "/readable": "hunter2", dir + "/writable": "hunter2", dir + "/empty": " \n", dir + "/lines": "hunter2\nhunter2", dir + "/large": strings.Repeat("hunter2", 1000), open + "/key": "hunter2",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"readable": 0o644, "writable": 0o620} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	from := Sources{Getenv: func(name string) string { return map[string]string{"SPACED": "hunter2 hunter2"}[name] }}
	for auth, want := range map[string]string{
		"bearer_file: " + dir + "/none":     "config.yml:2: plugin p cannot be loaded: auth.bearer_file (line 3): stat " + dir + "/none: no such file",
		"hmac_file: " + dir:                 "auth.hmac_file (line 3): " + dir + " is no file",
		"bearer_file: " + dir + "/readable": "may be read by others (-rw-r--r--): chmod o-rwx " + dir + "/readable",
		"bearer_file: " + dir + "/writable": "may be changed by others (-rw--w----): chmod go-w",
		"bearer_file: " + open + "/key":     "may be changed by others",
		"bearer_file: " + dir + "/empty":    dir + "/empty is empty: put the key there",
		"bearer_file: " + dir + "/lines":    "has a character at byte 8 that no key has",
		"bearer_file: " + dir + "/large":    "is larger than 4096 bytes",
		"hmac_env: POLICY_KEY":              "auth.hmac_env (line 3): POLICY_KEY in .env is empty: put the key there",
		"bearer_env: SPACED":                "SPACED in .env has a character at byte 8",
		"bearer_file: hunter2":              "config.yml:3: plugins.auth.bearer_file: is not a whole path",
		"bearer: hunter2":                   "config.yml:3: plugins.auth.bearer: is no key that is understood here",
		"bearer_file: /a, hmac_file: /b":    "config.yml:3: plugins.auth: write one of",
		"":                                  "config.yml:3: plugins.auth: write one of",
		"bearer_file: [hunter2]":            "config.yml:3: plugins.auth.bearer_file: is not the name of a file",
	} {
		c, err := ParseConfig([]byte("plugins:\n- name: p\n  auth: {" + auth + "}\n  url: http://127.0.0.1:1"))
		if err == nil {
			err = Load(c, from).Locked()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v\nwant %s", auth, err, want)
		}
	}
	_, err := ParseConfig([]byte("plugins:\n- name: p\n  auth: {bearer_env: K}\n"))
	if err == nil || !strings.Contains(err.Error(), "config.yml:3: plugins.auth: p: it is for a server, and there is no url") {
		t.Errorf("without a url: %v", err)
	}
}
