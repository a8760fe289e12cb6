package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/internal/problem"
	"dreamserver/security/policy"
)

// An author sees what a plugin would be asked about files on disk, and what one of the config answers; no secret, and
// nothing is started.
func TestEvalPolicy(t *testing.T) {
	const app = "services:\n  app:\n    image: example/app:1\n    environment: {APP_SECRET: \"${APP_SECRET:-}\"}\n"
	in := prepare(t, extension("app", app, "env_vars: [{key: APP_SECRET, secret: true}]"), extension("evil", "services: {evil: {image: example/x:1, privileged: true}}"),
		inFolder("data/extensions-library", "shelved", ""))
	in.setEnv("APP_SECRET=hunter2")
	in.policies("plugins:\n- {name: spy, secrets: true, hooks: [on_service_apply]}\n- {name: off, mode: 'off'}\n- {name: down, hooks: [on_fleet_apply]}\n"+
		"rules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n- {name: no, match: \"has(spec.services.app.labels)\", deny: \"no\"}\n",
		map[string]string{"spy": `grep -q hunter2 && echo '{"error":null,"warnings":["it is hunter2"]}'`, "off": "exit 1", "down": "echo hunter2 >&2; exit 1"})
	in.serve()
	ask := func(q agent.EvalRequest) (policy.Exchange, string, error) {
		x, err := in.client.EvalPolicy(t.Context(), q)
		text, e := json.Marshal(x)
		in.must(e)
		if strings.Contains(string(text), "hunter2") {
			t.Errorf("%+v: the secret is in %s", q, text)
		}
		return x, string(text), err
	}
	x, text, err := ask(agent.EvalRequest{ServiceID: "app"})
	in.must(err)
	if x.Response != nil || x.Request.Hook != policy.OnService || x.Request.Phase != "plan" || x.Request.Operation != "start" || !strings.Contains(text, `"APP_SECRET":"«secret:APP_SECRET»"`) {
		t.Errorf("the question alone: %s", text)
	}
	if port := x.Request.Spec["manifest"].(map[string]any)["service"].(map[string]any)["port"]; fmt.Sprintf("%T", port) != "json.Number" {
		t.Errorf("a number has become a %T: an answer that leaves it alone would seem to change it", port)
	}
	x, text, err = ask(agent.EvalRequest{ServiceID: "app", Plugin: "spy", Hook: "on_run_apply"})
	in.must(err)
	if x.Response == nil || len(x.Response.Warnings) != 1 || x.Response.Warnings[0] != "it is «secret:APP_SECRET»" || x.Plugin.Transport != "exec" || x.Plugin.Digest == "" {
		t.Errorf("one that sees secrets: %s", text)
	}
	if x, text, err = ask(agent.EvalRequest{ServiceID: "shelved"}); err != nil || x.Request.Spec["id"] != "shelved" {
		t.Errorf("one that is only in the library: %s, %v", text, err)
	}
	for _, tt := range []struct {
		q    agent.EvalRequest
		code problem.Code
		want string
	}{
		{agent.EvalRequest{ServiceID: "app", Plugin: "off"}, problem.InvalidArgument, "policy off is not asked about on_service_apply: it has the hooks …, and its mode is off"},
		{agent.EvalRequest{ServiceID: "app", Plugin: "nobody", Hook: "on_fleet_apply"}, problem.PolicyUnavailable, `extension "app": policy down cannot decide (on_fleet_apply): …`},
		{agent.EvalRequest{ServiceID: "app", Hook: "on_job_apply"}, problem.InvalidArgument, `"on_job_apply" is no hook: write one of …`},
		{agent.EvalRequest{ServiceID: "../x"}, problem.InvalidArgument, `service_id "../x" is no extension id`},
		{agent.EvalRequest{ServiceID: "ghost"}, problem.NotFound, `extension "ghost" is not installed…`},
		{agent.EvalRequest{ServiceID: "dashboard"}, problem.InvalidArgument, `"dashboard" is no extension: policies are not asked about it`},
		{agent.EvalRequest{ServiceID: "evil"}, problem.ScanRefused, `extension "evil" is refused by the security scan:…`},
	} {
		_, _, err := ask(tt.q)
		in.wantRefusal(err, tt.code, tt.want)
	}
	wantEqual(t, "containers", map[string]string{}, in.docker.services())
}

// What is wrong with a plugin is told with its name, and no container is touched: those that run go on as they are.
func TestPolicies_BadInputTouchesNothing(t *testing.T) {
	const null = `echo '{"error":null}'`
	edit := func(sed string) string {
		return `sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; ` + sed + `'`
	}
	plugin := func(lines string) map[string]string { return map[string]string{"bad": lines} }
	const listed = "plugins:\n- {name: bad, hooks: [on_service_apply], timeout: 10s}\n"
	const cannot = `extension "app": policy bad cannot decide (on_service_apply): `
	tests := []struct {
		name     string
		config   string
		programs map[string]string
		after    func(in *installation) // the agent listens
		code     problem.Code
		err      string
	}{
		{name: "prints garbage", config: listed, programs: plugin("echo hello"), code: problem.PolicyUnavailable, err: cannot + "its answer is not …"},
		{name: "prints 5 MiB", config: listed, programs: plugin("head -c 5242880 /dev/zero | tr '\\0' ' '"), code: problem.PolicyUnavailable, err: cannot + "it answers with more than 4 MiB…"},
		{name: "prints nothing", config: listed, programs: plugin(":"), code: problem.PolicyUnavailable, err: cannot + "it answers nothing…"},
		{name: "exits 1", config: listed, programs: plugin(null + "; exit 1"), code: problem.PolicyUnavailable, err: cannot + "it ended with exit status 1…"},
		{
			name: "hangs and forks", config: strings.Replace(listed, "10s", "300ms", 1), programs: plugin("[ $1 = describe ] && exit; sleep 1000 & sleep 1000"),
			code: problem.PolicyUnavailable, err: cannot + "no answer within 300ms…",
		},
		{
			name: "never converges", config: listed, programs: plugin(edit(`s/"image":"example\/app:1x*/&x/`)), code: problem.PolicyUnavailable,
			err: `extension "app": the policies do not agree: bad changes services.app.image again…`,
		},
		{
			name: "fights another", config: listed + "rules:\n- {name: other, set: {services.app.hostname: \"'b'\"}}\n",
			programs: plugin(edit(`s/"hostname":"[ab]",//; s/"image":"example/"hostname":"a",&/`)),
			code:     problem.PolicyUnavailable, err: `extension "app": the policies do not agree: bad changes services.app.hostname again…`,
		},
		{
			name: "removes a service", config: listed, programs: plugin(edit(`s/"services":{"app":/"services":{"another":/`)), code: problem.PolicyUnavailable,
			err: cannot + `its answer cannot be used: service "app" is gone…`,
		},
		{
			name: "adds privileged", config: listed, programs: plugin(edit(`s/"privileged":true,//; s/"image":"example/"privileged":true,&/`)), code: problem.PolicyDenied,
			err: `extension "app": what the policies make of it (bad) is not accepted: …privileged…`,
		},
		{
			name: "an unknown key of the spec", config: listed, programs: plugin(edit(`s/"spec":{/&"jobs":{},/`)), code: problem.PolicyUnavailable,
			err: cannot + `its answer cannot be used: the spec has a key "jobs" that it was not given…`,
		},
		{
			name: "an unknown key of a service", config: listed, programs: plugin(edit(`s/"hostnam":"x",//; s/"image":"example/"hostnam":"x",&/`)), code: problem.PolicyDenied,
			err: `extension "app": what the policies make of it (bad) is not accepted: …hostnam…`,
		},
		{
			name: "replaced on disk while loaded", config: listed, programs: plugin(null), code: problem.PolicyUnavailable, err: cannot + "…was replaced after it was loaded…",
			after: func(in *installation) {
				in.must(os.WriteFile(in.path("config/server/plugins/bad"), []byte("#!/bin/sh\n"+null+" # other\n"), 0o755))
			},
		},
		{
			name: "a rule that does not type-check", config: "rules:\n- {name: bad, match: size(user) + 1, deny: no}\n", code: problem.PolicyLocked,
			err: "policies are locked, …config.yml:2:22: bad.match: is int, and has to be bool…",
		},
		{
			name: "an expired exception", config: listed + "exceptions:\n- {plugin: bad, extension: app, reason: it was needed, expires: 2020-01-01}\n", programs: plugin(`echo '{"error":"not here"}'`),
			code: problem.PolicyDenied, err: `extension "app" is refused by policy bad: not here (the exception in line 4 of config/server/config.yml ended on 2020-01-01)`,
		},
		{name: "a config that is not YAML", config: "plugins: [bad\n", code: problem.PolicyLocked, err: "policies are locked, …config/server/config.yml: yaml: …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, extension("app", "services:\n  app:\n    image: example/app:1\n"))
			in.policies(tt.config, tt.programs)
			in.serve()
			if tt.after != nil {
				tt.after(in)
			}
			before := in.docker.services()
			_, err := in.start("app")
			in.wantRefusal(err, tt.code, tt.err)
			wantEqual(t, "containers", before, in.docker.services())
			if _, err := os.Stat(in.path("state/approved/app.yaml")); !os.IsNotExist(err) {
				t.Errorf("a file to run was approved: %v", err)
			}
			in.must(in.client.Stop(t.Context(), "app")) // what runs can be stopped all the same
		})
	}
}
