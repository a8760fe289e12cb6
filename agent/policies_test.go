package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/internal/problem"
	_ "dreamserver/security/policy/requiredigest"
	_ "dreamserver/security/policy/resourcelimits"
	_ "dreamserver/security/policy/rules"
)

// policies writes the operator's config; $DIR is a folder with the programs.
func (in *installation) policies(config string, programs map[string]string) {
	in.t.Helper()
	dir := in.path("config/server/plugins")
	in.must(os.MkdirAll(dir, 0o755))
	for name, lines := range programs {
		in.must(os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+lines+"\n"), 0o755))
	}
	in.must(os.WriteFile(in.path("config/server/config.yml"), []byte(strings.ReplaceAll(config, "$DIR", dir)), 0o644))
}

// What policies change is what runs, what they refuse does not, and each is named.
func TestPolicies_DecideAboutEachStart(t *testing.T) {
	const app = "services:\n  app:\n    image: example/app:1\n    environment: {APP_SECRET: \"${APP_SECRET:-}\"}\n"
	tests := []struct {
		name     string
		config   string
		programs map[string]string
		runs     string // that the file which runs has this
		note     string
		code     problem.Code
		err      string
	}{
		{name: "no config", runs: "image: example/app:1"},
		{name: "an empty config", config: "plugins: []\n", runs: "image: example/app:1"},
		{
			name: "a rule that sets", runs: "team: my_team",
			config: "rules:\n- {name: tags, set: {services.*.labels.team: \"'my_team'\"}}\n",
		},
		{
			name: "a rule that refuses", config: "rules:\n- {name: no-tags, match: \"spec.services.exists(s, !spec.services[s].image.contains('@sha256:'))\", deny: name images by digest}\n",
			code: problem.PolicyDenied, err: `extension "app" is refused by policy no-tags: name images by digest`,
		},
		{
			name: "one that is compiled in", config: "plugins: [require_digest]\n", code: problem.PolicyDenied,
			err: `extension "app" is refused by policy require_digest: images without a digest: app (example/app:1); write name:tag@sha256:…`,
		},
		{
			name: "limits", config: "plugins:\n- {name: resource_limits, config: {default: {memory: 512m}}}\n", runs: `mem_limit: "536870912"`,
		},
		{name: "to warn", config: "plugins:\n- {name: require_digest, mode: warn}\n", runs: "image: example/app:1", note: "require_digest would refuse this"},
		{
			name: "a program", config: "plugins: [tagger]\n", runs: "hostname: tagged",
			programs: map[string]string{"tagger": `sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"image":"example\/app:1"/"image":"example\/app:1","hostname":"tagged"/; s/"hostname":"tagged",\(.*\)"hostname":"tagged"/\1"hostname":"tagged"/'`},
		},
		{
			name: "what policies make of it is scanned", config: "rules:\n- {name: evil, set: {services.app.privileged: \"true\"}}\n", code: problem.PolicyDenied,
			err: `extension "app": what the policies make of it (evil) is not accepted: extension "app" is refused by the security scan:…`,
		},
		{
			name: "a key that Compose does not know", config: "rules:\n- {name: typo, set: {services.app.hostnam: \"'x'\"}}\n", code: problem.PolicyDenied,
			err: `extension "app": what the policies make of it (typo) is not accepted: …`,
		},
		{
			name: "a program that fails", config: "plugins: [down]\n", programs: map[string]string{"down": "echo no database >&2; exit 1"}, code: problem.PolicyUnavailable,
			err: `extension "app": policy down cannot decide (on_service_apply): it ended with exit status 1: no database; mend it and try again`,
		},
		{name: "one that fails, and may", config: "plugins:\n- {name: down, on_error: allow}\n", programs: map[string]string{"down": "exit 1"}, runs: "image: example/app:1", note: "down could not decide"},
		{
			name: "secrets are hidden", config: "plugins: [spy]\n", code: problem.PolicyDenied,
			programs: map[string]string{"spy": `grep -q hunter2 && echo '{"error":"seen"}' || echo '{"error":"hidden"}'`},
			err:      `extension "app" is refused by policy spy: hidden`,
		},
		{
			name: "and shown where that is said", config: "plugins:\n- {name: spy, secrets: true}\n", code: problem.PolicyDenied,
			programs: map[string]string{"spy": `grep -q hunter2 && echo '{"error":"seen"}' || echo '{"error":"hidden"}'`},
			err:      `extension "app" is refused by policy spy: seen`,
		},
		{
			name: "a plugin that is missing", config: "plugins: [nobody]\n", code: problem.PolicyLocked,
			err: `policies are locked, and nothing is started until that is mended: config/server/config.yml:1: plugin nobody cannot be loaded: there is no plugin of that name…`,
		},
		{name: "a misspelt key", config: "plugin: [x]\n", code: problem.PolicyLocked, err: `policies are locked, …config/server/config.yml:1: plugin: is no key that is understood here…`},
		{name: "no YAML", config: "plugins: [x\n", code: problem.PolicyLocked, err: `policies are locked, …yaml…`},
		{name: "a rule that does not check", config: "rules:\n- {name: r, match: usr == 'x', deny: no}\n", code: problem.PolicyLocked, err: `policies are locked, …config.yml:2:20: r.match: undeclared reference to 'usr'…`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, extension("app", app, "env_vars: [{key: APP_SECRET, secret: true}]"))
			in.setEnv("APP_SECRET=hunter2")
			if tt.config != "" {
				in.policies(tt.config, tt.programs)
			}
			in.serve()
			r, err := in.start("app")
			if tt.err != "" {
				in.wantRefusal(err, tt.code, tt.err)
				wantEqual(t, "containers", map[string]string{}, in.docker.services())
				return
			}
			in.must(err)
			file, err := os.ReadFile(in.path("state/approved/app.yaml"))
			in.must(err)
			if !strings.Contains(string(file), tt.runs) || !strings.Contains(string(file), "hunter2") {
				t.Errorf("what runs lacks %q:\n%s", tt.runs, file)
			}
			if notes := fmt.Sprint(r.Notes); !strings.Contains(notes, tt.note) {
				t.Errorf("notes %s, want %q", notes, tt.note)
			}
		})
	}
}

// The audit log has what policies did, and not what they left alone.
func TestPolicies_AreInTheAuditLog(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("plugins: [{name: require_digest, mode: audit}]\nrules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n- {name: quiet, match: \"false\", deny: never}\n", nil)
	in.serve()
	in.mustStart("app")
	entries, err := in.client.Audit(t.Context(), 1)
	in.must(err)
	var got []string
	for _, d := range entries[0].Policies {
		got = append(got, fmt.Sprintf("%s %s %s", d.Plugin, d.Mode, d.Outcome))
	}
	wantEqual(t, "policies", []string{"require_digest audit rejected", "tags enforce changed"}, got)
}

// Core services are the platform's own: no policy is asked about them, and a lock keeps none from starting, because they are
// what things are mended with. What is started beside them is refused.
func TestPolicies_AreNotAskedAboutCoreServices(t *testing.T) {
	for config, why := range map[string]string{
		"plugins: [nobody]\n": "policies are locked, and nothing is started until that is mended",
		"rules:\n- {name: never, match: \"true\", deny: not here}\n": `extension "app" is refused by policy never: not here`,
	} {
		in := prepare(t, extension("app", ""))
		in.policies(config, nil)
		in.serve()
		report, err := in.client.Up(t.Context(), nil, false, nil)
		in.must(err)
		wantEqual(t, "runs", map[string]string{"dashboard": "running"}, in.docker.services())
		if len(report.Failed) != 1 || !strings.HasPrefix(report.Failed["app"], why) {
			t.Errorf("failed: %v, want that %s", report.Failed, why)
		}
	}
}

// A locked agent says so, and turns things off all the same.
func TestPolicies_LockTurnsNothingOn(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("plugins: [nobody]\n", nil)
	in.docker.update(func(s *dockerState) { s.Containers = nil })
	in.serve()
	status, err := in.client.Ping(t.Context())
	in.must(err)
	if !strings.Contains(status.Policies, "plugin nobody cannot be loaded") {
		t.Errorf("it says %+v", status)
	}
	_, err = in.client.Check(t.Context(), "app", false)
	in.wantRefusal(err, problem.PolicyLocked, "policies are locked, …")
	in.must(in.client.Stop(t.Context(), "app"))
	_, body := in.request("GET", "/metrics", "")
	if !strings.Contains(body, "dream_policy_locked 1") {
		t.Error("the metric does not tell")
	}
	in.log.wait(t, "policies are locked: nothing is installed, enabled or started")
}
