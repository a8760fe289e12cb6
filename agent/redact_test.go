package agent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// What a policy says or makes of a secret that it knows stays with the host agent: a refusal, its causes, warnings, plans and
// every log have a placeholder.
func TestPolicies_WhatTheySayShowsNoSecret(t *testing.T) {
	const app = "services:\n  app:\n    image: example/app:1\n    environment: {APP_SECRET: \"${APP_SECRET:-}\"}\n"
	const sees = "plugins:\n- {name: spy, secrets: true, hooks: [on_service_apply]%s}\n"
	tests := []struct {
		name    string
		config  string
		program string
		code    problem.Code // empty where it starts
		text    string
	}{
		{
			name: "the scan of what a rule has made", code: problem.PolicyDenied, text: `…u«secret:APP_SECRET»…`,
			config: "rules:\n- {name: joiner, set: {services.app.user: \"'u' + spec.services.app.environment.APP_SECRET\"}}\n",
		},
		{
			name: "the scan of what a program has made that saw a placeholder", config: strings.Replace(sees, ", secrets: true", "", 1), code: problem.PolicyDenied, text: `…u«secret:APP_SECRET»…`,
			program: `sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"user":"[^"]*",//; s/"image":"example/"user":"u«secret:APP_SECRET»",&/'`,
		},
		{name: "a reason", config: sees, program: `echo '{"error":"it is hun\"ter2-planted"}'`, code: problem.PolicyDenied, text: `…refused by policy spy: it is «secret:APP_SECRET»`},
		{name: "what it prints when it fails", config: sees, program: `echo 'bad hun"ter2-planted' >&2; exit 1`, code: problem.PolicyUnavailable, text: `…bad «secret:APP_SECRET»…`},
		{name: "a warning", config: sees, program: `echo '{"error":null,"warnings":["it is hun\"ter2-planted"]}'`},
		{name: "a reason that does not count", config: strings.Replace(sees, "%s", ", mode: warn", 1), program: `echo '{"error":"it is hun\"ter2-planted"}'`},
		{name: "a failure that does not count", config: strings.Replace(sees, "%s", ", on_error: allow", 1), program: `echo 'bad hun"ter2-planted' >&2; exit 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, extension("app", app, "env_vars: [{key: APP_SECRET, secret: true}]"))
			in.setEnv(`APP_SECRET='hun"ter2-planted'`)
			in.policies(strings.Replace(tt.config, "%s", "", 1), map[string]string{"spy": "[ $1 = describe ] && exit\n" + tt.program})
			in.serve()
			report, err := in.client.Start(t.Context(), "app", catalog.Starting{}, nil)
			if tt.code == "" {
				in.must(err)
				if len(report.Notes) == 0 || !strings.Contains(strings.Join(report.Notes, "\n"), "«secret:APP_SECRET»") {
					t.Errorf("notes %q", report.Notes)
				}
			} else {
				in.wantRefusal(err, tt.code, tt.text)
			}
			_, cerr := in.client.Check(t.Context(), "app", false)
			told, merr := json.Marshal([]any{report, problem.As(err), problem.As(cerr), in.plan(catalog.PlanRequest{ID: "app"})})
			in.must(merr)
			for where, text := range in.files("state") {
				if strings.Contains(where, "/approved/") {
					continue // it is what runs
				}
				if strings.Contains(text, "ter2-planted") {
					t.Errorf("%s: %s", where, text)
				}
			}
			for where, text := range map[string]string{"the replies": string(told), "the log": in.log.String()} {
				if strings.Contains(text, "ter2-planted") {
					t.Errorf("%s: %s", where, text)
				}
			}
		})
	}
}

// What Docker quotes of what it was given is no refusal of ours, and has no secret either.
func TestStart_DockersWordsShowNoSecret(t *testing.T) {
	in := newInstallation(t, extension("app", "services: {app: {image: example/app:1, environment: {S: \"${APP_SECRET:-}\"}}}\n", "env_vars: [{key: APP_SECRET, secret: true}]"))
	in.setEnv("APP_SECRET=hunter2-planted")
	in.docker.update(func(s *dockerState) { s.Fails["up"] = "invalid hostname: hunter2-planted" })
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{}, nil)
	in.wantRefusal(err, problem.StartFailed, "…invalid hostname: «secret:APP_SECRET»…")
	if text := in.log.String(); strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

// Nor has what an author is shown: not the keys of mappings in the question, and not those that a plugin has put there.
func TestEvalPolicy_ShowsNoSecretInKeys(t *testing.T) {
	in := prepare(t, extension("app", "services: {app: {image: example/app:1, labels: [\"a.${APP_SECRET}=1\"]}}\n", "env_vars: [{key: APP_SECRET, secret: true}]"))
	in.setEnv("APP_SECRET=hunter2")
	in.policies("plugins:\n- {name: keyer, secrets: true, hooks: [on_service_apply]}\n", map[string]string{
		"keyer": `[ $1 = describe ] && exit
sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"labels":{/&"b.hunter2":"2","b.«secret:APP_SECRET»":"3",/'`,
	})
	in.serve()
	for plugin, want := range map[string]string{"": `"a.«secret:APP_SECRET»":"1"`, "keyer": `{"a.«secret:APP_SECRET»":"1","b.«secret:APP_SECRET»":"2","b.«secret:APP_SECRET» (2)":"3"}`} {
		x, err := in.client.EvalPolicy(t.Context(), agent.EvalRequest{ServiceID: "app", Plugin: plugin})
		in.must(err)
		text, err := json.Marshal(x)
		in.must(err)
		if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), want) {
			t.Errorf("%q: %s", plugin, text)
		}
	}
}
