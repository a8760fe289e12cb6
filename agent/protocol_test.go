package agent_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dreamserver/internal/problem"
)

// Each refusal has the wire contract's "error" and a stable code.

func TestServer_Refuses(t *testing.T) {
	const app = `{"service_id": "app"}`
	tests := []struct {
		name    string
		call    string // verb and path; POST /v1/extension/… without a verb
		body    string
		headers []string
		status  int
		code    problem.Code
		want    string
	}{
		{name: "no key", call: "start", body: app, headers: []string{"Authorization: "}, status: 401, code: problem.Unauthorized, want: "send Authorization: Bearer with DREAM_AGENT_KEY"},
		{name: "another scheme", call: "start", body: app, headers: []string{"Authorization: Basic eDp5"}, status: 401, code: problem.Unauthorized, want: "send Authorization: Bearer with DREAM_AGENT_KEY"},
		{name: "wrong key", call: "start", body: app, headers: []string{"Authorization: Bearer x"}, status: 403, code: problem.Forbidden, want: "Invalid API key."},
		{name: "a key that is not ASCII", call: "start", body: app, headers: []string{"Authorization: Bearer \u00e4\xff"}, status: 403, code: problem.Forbidden, want: "Invalid API key."},
		{name: "the key and more", call: "start", body: app, headers: []string{"Authorization: Bearer " + key + "x"}, status: 403, code: problem.Forbidden, want: "Invalid API key."},
		{name: "wrong key before bad id", call: "start", body: `{"service_id": ".."}`, headers: []string{"Authorization: Bearer x"}, status: 403, code: problem.Forbidden, want: "Invalid API key."},
		{name: "health with a wrong key", call: "GET /health", headers: []string{"Authorization: Bearer x"}, status: 403, code: problem.Forbidden, want: "Invalid API key."},
		{name: "events without a key", call: "GET /v1/events", headers: []string{"Authorization: "}, status: 401, code: problem.Unauthorized, want: "send Authorization: Bearer with DREAM_AGENT_KEY"},

		{name: "no body", call: "start", status: 400, code: problem.InvalidBody, want: notJSON},
		{name: "not JSON", call: "stop", body: "app", status: 400, code: problem.InvalidBody, want: notJSON},
		{name: "a list", call: "logs", body: `["app"]`, status: 400, code: problem.InvalidBody, want: notJSON},
		{name: "two objects", call: "logs", body: app + app, status: 400, code: problem.InvalidBody, want: notJSON},
		{name: "another type", call: "check", body: `{"service_id": 1}`, status: 400, code: problem.InvalidBody, want: notJSON},
		{name: "larger than 16 KB", call: "start", body: `{"service_id": "` + strings.Repeat("a", 16<<10) + `"}`, status: 413, code: problem.BodyTooLarge, want: "the body is larger than 16384 bytes"},
		{name: "10 MB", call: "start", body: strings.Repeat(" ", 10<<20), status: 413, code: problem.BodyTooLarge, want: "the body is larger than 16384 bytes"},

		{name: "no id", call: "start", body: `{}`, status: 400, code: problem.InvalidArgument, want: `service_id "" is no extension id`},
		{name: "null", call: "start", body: `null`, status: 400, code: problem.InvalidArgument, want: `service_id "" is no extension id`},
		{name: "traversal", call: "start", body: `{"service_id": "../x"}`, status: 400, code: problem.InvalidArgument, want: `service_id "../x" is no extension id`},
		{name: "line break", call: "start", body: `{"service_id": "app\n"}`, status: 400, code: problem.InvalidArgument, want: `service_id "app\n" is no extension id`},
		{name: "upper case", call: "logs", body: `{"service_id": "App"}`, status: 400, code: problem.InvalidArgument, want: `service_id "App" is no extension id`},
		{name: "300 characters", call: "stop", body: `{"service_id": "` + strings.Repeat("a", 300) + `"}`, status: 400, code: problem.InvalidArgument, want: `service_id "` + strings.Repeat("a", 80) + `" is no extension id`},

		{name: "start a core service", call: "start", body: `{"service_id": "dashboard"}`, status: 403, code: problem.CoreService, want: isCore},
		{name: "restart a core service", call: "restart", body: `{"service_id": "dashboard"}`, status: 403, code: problem.CoreService, want: isCore},
		{name: "stop a core service", call: "stop", body: `{"service_id": "dashboard"}`, status: 403, code: problem.CoreService, want: isCore},
		{name: "remove a core service", call: "remove", body: `{"service_id": "dashboard"}`, status: 403, code: problem.CoreService, want: isCore},
		{name: "disable a core service", call: "disable", body: `{"service_id": "dashboard"}`, status: 403, code: problem.CoreService, want: isCore},

		{name: "start what is not installed", call: "start", body: `{"service_id": "ghost"}`, status: 404, code: problem.NotFound, want: `extension "ghost" is not installed`},
		{name: "stop what is not installed", call: "stop", body: `{"service_id": "ghost"}`, status: 404, code: problem.NotFound, want: `extension "ghost" is not installed`},
		{name: "check what is not installed", call: "check", body: `{"service_id": "ghost"}`, status: 404, code: problem.NotFound, want: `extension "ghost" is not installed`},
		{name: "enable what is not built in", call: "enable", body: app, status: 404, code: problem.NotFound, want: `no built-in extension "app": app: no manifest.yaml, manifest.yml or manifest.json: file does not exist`},
		{name: "start what is disabled", call: "start", body: `{"service_id": "off"}`, status: 409, code: problem.NotEnabled, want: `extension "off" is disabled: enable it first`},
		{name: "start what has no value", call: "start", body: `{"service_id": "keyless"}`, status: 422, code: problem.MissingConfig, want: "extension \"keyless\" needs a value for KEYLESS_LEVEL: give it with `dream config keyless set KEYLESS_LEVEL` and try again"},

		{name: "unknown path", call: "POST /v1/extension/exec", body: app, status: 404, code: problem.NotFound, want: "the host agent has no /v1/extension/exec"},
		{name: "unknown path without a key", call: "GET /../../etc/passwd", headers: []string{"Authorization: "}, status: 404, code: problem.NotFound, want: "the host agent has no /../../etc/passwd"},
		{name: "another verb", call: "GET /v1/extension/start", status: 405, code: problem.MethodNotAllowed, want: "/v1/extension/start is not for GET"},
	}
	in := newInstallation(t, extension("app", ""),
		"-- data/user-extensions/off/manifest.yaml --\n"+manifestOf("off")+"-- data/user-extensions/off/compose.yaml.disabled --\nservices: {off: {image: x}}\n",
		extension("keyless", "services:\n  keyless:\n    image: x\n    environment: [\"KEY=${KEYLESS_LEVEL:?}\"]\n", "env_vars: [{key: KEYLESS_LEVEL, required: true}]"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method, path, full := strings.Cut(tt.call, " ")
			if !full {
				method, path = http.MethodPost, "/v1/extension/"+tt.call
			}
			status, body := in.request(method, path, tt.body, tt.headers...)
			d := decode[problem.Document](t, body)
			if status != tt.status || d.Status != tt.status || d.Code != tt.code || d.Legacy != tt.want || d.Detail != tt.want {
				t.Errorf("got  %d %s\nwant %d %s: %s", status, body, tt.status, tt.code, tt.want)
			}
		})
	}
	wantEqual(t, "calls", nil, in.docker.calls())
}

const (
	notJSON = `the body is not a JSON object such as {"service_id": "hello"}`
	isCore  = `"dashboard" is a core service: it is always on and cannot be changed`
)

// The JSON of every reply that works, as it is sent.
func TestServer_Replies(t *testing.T) {
	in := newInstallation(t, extension("app", "services:\n  app:\n    image: example/app:1\n    healthcheck: {test: [CMD, /well]}\n    mem_limit: 1g\n    security_opt: [no-new-privileges]\n"),
		inFolder("extensions/services", "search", ""))
	in.engine.prints("app", 2)
	const app = `{"service_id": "app"}`
	tests := []struct{ call, body, want string }{
		{"GET /health", "", `{"status":"ok","version":"2.1.0"}`},
		{"POST /v1/extension/logs", app, `{"service_id":"app","logs":"There is no container of app yet: it was not started.\n","lines":0}`},
		{
			"POST /v1/extension/check", app, `{"id":"app","verdict":"accept","rating":7,"grants":[],"findings":[{"rule":"image-digest","severity":"note","service":"app",` +
				`"path":"services.app.image","file":"data/user-extensions/app/compose.yaml","line":3,"message":"image example/app:1 has no digest: its publisher can exchange it",` +
				`"fix":"add @sha256:… to the image"}],"ungranted":[],"digest":"TIME","services":["app"]}`,
		},
		{
			"POST /v1/extension/start", app, `{"status":"ok","service_id":"app","action":"start","report":{"service_id":"app","unchanged":false,"containers":[` +
				`{"id":"id1","name":"dream-server-app-1","service":"app","image":"example/app:1","state":"running","started_at":"TIME"}]}}`,
		},
		{"POST /v1/extension/logs", app, `{"service_id":"app","logs":"line 1\nline 2\n","lines":2}`},
		{
			"GET /v1/containers", "", `{"containers":[{"id":"id1","name":"dream-server-app-1","service":"app","image":"example/app:1","state":"running","started_at":"TIME"}],"at":"TIME"}`,
		},
		{"GET /v1/stack", "", `{"files":["docker-compose.base.yml","extensions/services/search/compose.yaml","data/user-extensions/app/compose.yaml"],"skipped":[]}`},
		{"POST /v1/extension/disable", `{"service_id": "search"}`, `{"status":"ok","service_id":"search","action":"disable"}`},
		{"POST /v1/extension/enable", `{"service_id": "search"}`, `{"status":"ok","service_id":"search","action":"enable"}`},
		{"POST /v1/extension/stop", app, `{"status":"ok","service_id":"app","action":"stop"}`},
		{"POST /v1/extension/remove", app, `{"status":"ok","service_id":"app","action":"remove"}`},
		{"POST /v1/extension/remove", `{"service_id": "gone"}`, `{"status":"ok","service_id":"gone","action":"remove"}`},
		{"POST /v1/stack/down", `{}`, `{"status":"ok","service_id":"","action":"down"}`},
	}
	for _, tt := range tests {
		method, path, _ := strings.Cut(tt.call, " ")
		status, body := in.request(method, path, tt.body)
		wantEqual(t, tt.call, "200 "+tt.want, fmt.Sprint(status, " ", withoutTimes(body)))
	}
	wantEqual(t, "calls", []string{"create app", "up app", "stop app", "rm app", "down"}, in.docker.calls())
}

// withoutTimes puts TIME for every moment, and for every digest, in a JSON text.
func withoutTimes(body string) string {
	for _, field := range []string{`"started_at":"`, `"at":"`, `"digest":"`} {
		if i := strings.Index(body, field); i >= 0 {
			rest := body[i+len(field):]
			body = body[:i+len(field)] + "TIME" + rest[strings.IndexByte(rest, '"'):]
		}
	}
	return body
}
