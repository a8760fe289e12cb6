package agent_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

func (in *installation) plan(req catalog.PlanRequest) catalog.Plan {
	in.t.Helper()
	p, err := in.client.Plan(in.t.Context(), req)
	in.must(err)
	return p
}

// rename moves a file below the installation.
func (in *installation) rename(from, to string) {
	in.t.Helper()
	in.must(os.Rename(in.path(from), in.path(to)))
}

// files is every file below a folder of the installation, and what is in it.
func (in *installation) files(dir string) map[string]string {
	in.t.Helper()
	out := map[string]string{}
	in.must(filepath.WalkDir(in.path(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		out[strings.TrimPrefix(name, in.dir+"/")] = string(data)
		return err
	}))
	return out
}

const plannedApp = "services:\n  app:\n    image: example/app:1\n    environment: {APP_SECRET: \"x-${APP_SECRET}\"}\n    ports: [\"127.0.0.1:8123:80\"]\n    volumes: [\"./html:/html:ro\"]\n"

const indexPage = "-- data/extensions-library/app/html/index.html --\nhello\n"

// The plan of an extension is the same in the library, installed, disabled, enabled and running, and a start carries it out.
func TestPlan_IsTheSameFromTheLibraryToTheStart(t *testing.T) {
	in := prepare(t, inFolder("data/extensions-library", "app", plannedApp, "env_vars: [{key: APP_SECRET, secret: true, required: true}]"),
		indexPage)
	in.policies("rules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n", nil)
	in.serve()
	const installed = "data/user-extensions/app"
	first := in.plan(catalog.PlanRequest{ID: "app"})
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"asked again", func() {}},
		{"installed", func() { in.must(os.CopyFS(in.path(installed), os.DirFS(in.path("data/extensions-library/app")))) }},
		{"disabled", func() { in.rename(installed+"/compose.yaml", installed+"/compose.yaml.disabled") }},
		{"enabled", func() { in.rename(installed+"/compose.yaml.disabled", installed+"/compose.yaml") }},
		{"started", func() {
			_, err := in.client.Start(t.Context(), "app", catalog.Starting{Plan: first.Hash}, nil)
			in.must(err)
		}},
		{"the agent is another one", func() { in.must(in.stop()); in.serve() }},
	} {
		step.do()
		p := in.plan(catalog.PlanRequest{ID: "app"})
		if p.Hash != first.Hash || p.Verdict != catalog.PlanAllowed {
			t.Errorf("%s: %s %s %s, want %s", step.name, p.Verdict, p.Text, p.Hash, first.Hash)
		}
		wantEqual(t, step.name, first.Effective, p.Effective)
	}
	file, err := os.ReadFile(in.path("state/approved/app.yaml"))
	in.must(err)
	mounts := first.Effective["services"].(map[string]any)["app"].(map[string]any)["volumes"].([]any)
	if source := mounts[0].(map[string]any)["source"].(string); !strings.Contains(string(file), "source: "+source) {
		t.Errorf("the plan mounts %s, and what runs is\n%s", source, file)
	}
}

// The same holds for a built-in extension, whose files the agent renames.
func TestPlan_OfABuiltInExtensionIsTheSame(t *testing.T) {
	in := newInstallation(t, inFolder("extensions/services", "tool", "services: {tool: {image: example/tool:1, volumes: [\"./data/tool:/data\"], environment: {S: \"${TOOL_SECRET}\"}}}\n",
		"env_vars: [{key: TOOL_SECRET, secret: true, required: true}]"))
	in.rename("extensions/services/tool/compose.yaml", "extensions/services/tool/compose.yaml.disabled")
	off := in.plan(catalog.PlanRequest{ID: "tool"})
	in.must(in.client.SetBuiltin(t.Context(), "tool", true))
	on := in.plan(catalog.PlanRequest{ID: "tool"})
	wantEqual(t, "hash", off.Hash, on.Hash)
	wantEqual(t, "inputs", off.Inputs, on.Inputs)
	_, err := in.client.Start(t.Context(), "tool", catalog.Starting{Plan: off.Hash}, nil)
	in.must(err)
}

// Everything that a plan tells, of an extension with something in each part.
func TestPlan_TellsWhatAnInstallWouldDo(t *testing.T) {
	in := prepare(t, inFolder("data/extensions-library", "app", plannedApp, "env_vars: [{key: APP_SECRET, secret: true, required: true}]"), indexPage)
	in.policies("plugins: [{name: require_digest, mode: warn}]\nrules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n", nil)
	in.docker.update(func(s *dockerState) { s.Missing = []string{"example/app:1"} })
	in.serve()
	before := in.files("")
	p := in.plan(catalog.PlanRequest{ID: "app"})
	wantEqual(t, "files after the plan", before, in.files(""))
	wantEqual(t, "calls of docker", nil, in.docker.calls())

	for i := range p.Decisions {
		p.Decisions[i].MS = 0
	}
	wantEqual(t, "verdict", catalog.PlanAllowed, p.Verdict)
	wantEqual(t, "changes", []catalog.PlanChange{{Path: "services.app.labels", After: map[string]any{"team": "x"}, Plugin: "tags"}}, p.Diff)
	wantEqual(t, "decisions", []catalog.PlanDecision{
		{Plugin: "require_digest", Hook: "on_service_apply", Mode: "warn", Outcome: "rejected", Message: "images without a digest: app (example/app:1); write name:tag@sha256:…"},
		{Plugin: "tags", Hook: "on_service_apply", Mode: "enforce", Outcome: "changed"},
	}, p.Decisions)
	wantEqual(t, "warnings", []string{"require_digest would refuse this: images without a digest: app (example/app:1); write name:tag@sha256:…"}, p.Warnings)
	wantEqual(t, "ports", []catalog.PlanPort{{Service: "app", HostIP: "127.0.0.1", Published: "8123", Target: 80, Protocol: "tcp"}}, p.Ports)
	wantEqual(t, "images", []catalog.PlanImage{{Image: "example/app:1", Services: []string{"app"}, State: "pull"}}, p.Images)
	wantEqual(t, "containers", []catalog.PlanService{{Service: "app", Action: "create"}}, p.Services)
	wantEqual(t, "secrets to make", []string{"APP_SECRET"}, p.Generated)
	var names []string
	for _, name := range []string{"app/", "app/compose.yaml", "app/manifest.yaml", "docker-compose.base.yml"} {
		if len(p.Inputs[name]) == 64 {
			names = append(names, name)
		}
	}
	if len(names) != 4 || len(p.Inputs) != 4 {
		t.Errorf("inputs %v", p.Inputs)
	}
	submitted, _ := json.Marshal(p.Submitted["services"])
	effective, _ := json.Marshal(p.Effective["services"])
	for _, text := range []string{string(submitted), string(effective)} {
		if !strings.Contains(text, `"APP_SECRET":"x-«secret:APP_SECRET»"`) {
			t.Errorf("no placeholder in %s", text)
		}
	}
	if strings.Contains(string(submitted), "team") || !strings.Contains(string(effective), `"labels":{"team":"x"}`) {
		t.Errorf("submitted %s\neffective %s", submitted, effective)
	}
}

// What stands in the way is an answer, with what is known all the same.
func TestPlan_Verdicts(t *testing.T) {
	const vars = "env_vars: [{key: OPENAI_API_KEY, secret: true, required: true}]"
	tests := []struct {
		name    string
		compose string
		lines   []string
		config  string
		req     catalog.PlanRequest
		prepare func(in *installation)
		verdict catalog.PlanVerdict
		code    problem.Code
		text    string
		hash    bool
		grants  catalog.PlanGrants
	}{
		{name: "nothing", verdict: catalog.PlanAllowed, hash: true},
		{
			name: "a rule", config: "rules:\n- {name: never, match: \"true\", deny: not here}\n", verdict: catalog.PlanRefused, code: problem.PolicyDenied,
			text: `extension "app" is refused by policy never: not here`,
		},
		{name: "a policy that cannot decide", config: "rules:\n- {name: odd, match: \"spec.nothing.at.all == 1\", deny: no}\n", verdict: catalog.PlanFailed, code: problem.PolicyUnavailable, text: `extension "app": policy odd cannot decide…`},
		{name: "a lock", config: "plugins: [nobody]\n", verdict: catalog.PlanFailed, code: problem.PolicyLocked, text: "policies are locked…"},
		{name: "the scan", compose: "services: {app: {image: x, privileged: true}}\n", verdict: catalog.PlanRefused, code: problem.ScanRefused, text: `extension "app" is refused by the security scan…`},
		{name: "a value that only the owner knows", lines: []string{vars}, verdict: catalog.PlanRefused, code: problem.MissingConfig, text: `extension "app" needs a value for OPENAI_API_KEY…`},
		{name: "a value that comes with it", lines: []string{vars}, req: catalog.PlanRequest{Values: map[string]string{"OPENAI_API_KEY": "sk-123456"}}, verdict: catalog.PlanAllowed, hash: true},
		{
			name: "a value that nobody declares", req: catalog.PlanRequest{Values: map[string]string{"OTHER": "x"}}, verdict: catalog.PlanRefused, code: problem.InvalidConfig,
			text: `extension "app": OTHER is not declared by the manifest of app…`,
		},
		{
			name: "grants that are not given", compose: "services: {app: {image: x, ports: [\"0.0.0.0:8123:80\"]}}\n", lines: []string{"grants: [lan-bind]"},
			verdict: catalog.PlanRefused, code: problem.GrantsRequired, text: `extension "app" asks for what no extension has by itself…`, hash: true,
			grants: catalog.PlanGrants{Needed: []manifest.Grant{manifest.LANBind}, Given: []manifest.Grant{}, Missing: []manifest.Grant{manifest.LANBind}},
		},
		{
			name: "grants that come with it", compose: "services: {app: {image: x, ports: [\"0.0.0.0:8123:80\"]}}\n", lines: []string{"grants: [lan-bind]"},
			req: catalog.PlanRequest{Grants: []manifest.Grant{manifest.LANBind}}, verdict: catalog.PlanAllowed, hash: true,
			grants: catalog.PlanGrants{Needed: []manifest.Grant{manifest.LANBind}, Given: []manifest.Grant{manifest.LANBind}, Missing: []manifest.Grant{}},
		},
		{
			name: "a port that is taken", compose: "services: {app: {image: x, ports: [\"127.0.0.1:8123:80\"]}}\n", hash: true,
			prepare: func(in *installation) { in.engine.set(func(e *fakeEngine) { e.ports[8123] = "other" }) },
			verdict: catalog.PlanRefused, code: problem.PortTaken, text: `extension "app": port 8123 on 127.0.0.1 is taken by container other…`,
		},
		{
			name: "a dependency that is not there", compose: "services: {app: {image: x, depends_on: [db]}}\n", verdict: catalog.PlanRefused, code: problem.InvalidExtension, text: `…db…`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, inFolder("data/extensions-library", "app", tt.compose, tt.lines...))
			if tt.config != "" {
				in.policies(tt.config, nil)
			}
			in.serve()
			if tt.prepare != nil {
				tt.prepare(in)
			}
			tt.req.ID = "app"
			p := in.plan(tt.req)
			if p.Verdict != tt.verdict || p.Code != tt.code || !matches(tt.text, p.Text) || (p.Hash != "") != tt.hash {
				t.Errorf("got:  %s %s %q %s\nwant: %s %s %q", p.Verdict, p.Code, p.Text, p.Hash, tt.verdict, tt.code, tt.text)
			}
			if tt.grants.Needed != nil {
				wantEqual(t, "grants", tt.grants, p.Grants)
			}
		})
	}
}

func TestPlan_HasNoneOf(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	for id, code := range map[string]problem.Code{"dashboard": problem.CoreService, "ghost": problem.NotFound, "NO": problem.InvalidArgument} {
		if _, err := in.client.Plan(t.Context(), catalog.PlanRequest{ID: id}); !problem.HasCode(err, code) {
			t.Errorf("%s: %v, want %s", id, err, code)
		}
	}
}

// No secret leaves the agent with a plan: not of the extension, of what it needs, of the programs, and not in what a policy
// says; short ones neither.
func TestPlan_ShowsNoSecret(t *testing.T) {
	in := prepare(t, extension("app", `services:
  app:
    image: example/app:1
    depends_on: [db, dashboard]
    command: ["--dsn", "postgres://u:${DB_URL_PASSWORD}@db/x", "${APP_PIN}"]
    labels: ["a.${APP_SECRET}=1"]
`, "env_vars: [{key: APP_SECRET, secret: true}, {key: APP_PIN, secret: true}, {key: DB_URL_PASSWORD}]"),
		extension("db", "services: {db: {image: y, environment: {P: \"${DB_PASSWORD:-}\"}}}\n", "env_vars: [{key: DB_PASSWORD, secret: true}]"))
	in.setEnv("APP_SECRET=hunter2-secret", "APP_PIN=42x", "DB_URL_PASSWORD=pässwort", "DB_PASSWORD=another-one", "DASHBOARD_API_KEY=fedcba98765432100123456789abcdef")
	in.policies("rules:\n- {name: teller, mode: warn, match: \"true\", deny: never}\n- {name: quote, match: extension.id == 'app', set: {services.app.hostname: \"'x'\", services.app.domainname: \"spec.services.app.command[1]\"}}\n", nil)
	in.serve()
	p := in.plan(catalog.PlanRequest{ID: "app"})
	data, err := json.Marshal(p)
	in.must(err)
	for _, secret := range []string{"hunter2-secret", `"42x"`, "pässwort", "another-one", "fedcba98765432100123456789abcdef", key} {
		if strings.Contains(string(data), secret) {
			t.Errorf("%s is in the plan:\n%s", secret, data)
		}
	}
	for _, placeholder := range []string{"a.«secret:APP_SECRET»", `"«secret:APP_PIN»"`, "postgres://u:«secret:DB_URL_PASSWORD»@db/x", `"P":"«secret:DB_PASSWORD»"`, `"ADMIN":"«secret:DASHBOARD_API_KEY»"`} {
		if !strings.Contains(string(data), placeholder) {
			t.Errorf("%s is not in the plan (%s %s):\n%s", placeholder, p.Verdict, p.Text, data)
		}
	}
}

// A start of what is not as planned says what differs, and leaves nothing: no container, no secret, no grant, no file.
func TestStart_RefusesWhatIsNotAsPlanned(t *testing.T) {
	const lan = "services: {app: {image: example/app:1, environment: {S: \"${APP_SECRET}\"}, ports: [\"0.0.0.0:8123:80\"]}}\n"
	lines := []string{"grants: [lan-bind]", "env_vars: [{key: APP_SECRET, secret: true, required: true}]"}
	tests := []struct {
		name   string
		change func(in *installation)
		text   string
	}{
		{
			name: "a file", text: "the files changed since",
			change: func(in *installation) {
				in.add("-- data/user-extensions/app/README.md --\nmine\n", "-- data/extensions-library/app/README.md --\nmine\n")
			},
		},
		{name: "the policies", text: "the policies changed since", change: func(in *installation) {
			in.must(in.stop())
			in.policies("# nothing\n", nil)
			in.serve()
		}},
		{name: "what they do", text: "the policies, what would run changed since", change: func(in *installation) {
			in.must(in.stop())
			in.policies("rules:\n- {name: tags, set: {services.*.labels.team: \"'x'\"}}\n", nil)
			in.serve()
		}},
		{name: "an image", text: "what would run changed since", change: func(in *installation) { in.docker.update(func(s *dockerState) { s.Rebuilt++ }) }},
		{name: "a setting", text: "what would run changed since", change: func(in *installation) { in.setEnv("APP_MODE=fast") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			with := append([]string{}, lines...)
			with[1] = strings.Replace(with[1], "]", ", {key: APP_MODE}]", 1)
			compose := strings.Replace(lan, "{S:", "{M: \"${APP_MODE:-}\", S:", 1)
			in := newInstallation(t, extension("app", compose, with...), inFolder("data/extensions-library", "app", compose, with...))
			grants := []manifest.Grant{manifest.LANBind}
			planned := in.plan(catalog.PlanRequest{ID: "app", Grants: grants})
			tt.change(in)
			before, env := in.files("state"), in.files(".env")
			_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: grants, Plan: planned.Hash}, nil)
			in.wantRefusal(err, problem.PlanChanged, `extension "app" is not what was planned any more: `+tt.text+"; nothing was started. …")
			after := in.files("state")
			for _, log := range []string{"state/audit.jsonl", "state/decisions/000001.jsonl"} {
				delete(before, log)
				delete(after, log)
			}
			wantEqual(t, "state", before, after)
			wantEqual(t, ".env", env, in.files(".env"))
			wantEqual(t, "containers", map[string]string{}, in.docker.services())
			wantEqual(t, "calls of docker", nil, in.docker.calls())

			items := problem.As(err).Items
			fresh := items[len(items)-1].Message
			_, err = in.client.Start(t.Context(), "app", catalog.Starting{Grants: grants, Plan: fresh}, nil)
			in.must(err)
		})
	}
}

// Which image a name will be is not known before it is pulled: a plan of one is carried out.
func TestStart_CarriesOutThePlanOfAnImageThatIsToBePulled(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Missing = []string{"example/app:1"} })
	planned := in.plan(catalog.PlanRequest{ID: "app"})
	_, err := in.client.Start(t.Context(), "app", catalog.Starting{Plan: planned.Hash}, nil)
	in.must(err)
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
	if again := in.plan(catalog.PlanRequest{ID: "app"}); again.Hash == planned.Hash {
		t.Error("the plan is the same although it is known now which image runs")
	}
}

// What the agent finishes by itself is what was planned, or nothing.
func TestReconcile_CarriesOutThePlanOrNothing(t *testing.T) {
	for _, stale := range []bool{false, true} {
		in := prepare(t, extension("app", ""))
		server, err := agent.NewServer(in.options)
		in.must(err)
		hash, err := agent.HashOf(t.Context(), server, "app")
		in.must(err)
		want, log := map[string]string{"app": "running"}, `"op":"start","message":"an unfinished change is applied"`
		if stale {
			in.add("-- data/user-extensions/app/README.md --\nmine\n")
			want, log = map[string]string{}, `"op":"pending start","code":"plan_changed"`
		}
		in.must(os.MkdirAll(in.settings.OperationsDir, 0o755))
		c, err := in.journal().Begin("app", catalog.Intent{Kind: operation.Install, Actor: "test", Plan: hash})
		in.must(err)
		c.Leave()
		in.serve()
		in.log.wait(t, log)
		wantEqual(t, "containers", want, in.docker.services())
	}
}

// A plan waits for no start, and no start for a plan.
func TestPlan_IsMadeBesideAStart(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Waits = map[string]bool{"up": true} })
	started := make(chan error, 1)
	go func() { _, err := in.client.Start(t.Context(), "app", catalog.Starting{}, nil); started <- err }()
	in.docker.entered()
	if p := in.plan(catalog.PlanRequest{ID: "app"}); p.Verdict != catalog.PlanAllowed {
		t.Errorf("%s %s", p.Verdict, p.Text)
	}
	in.docker.release()
	in.must(<-started)
}

// What would happen to containers is told where the last approved file tells it.
func TestPlan_TellsWhatBecomesOfContainers(t *testing.T) {
	const two = "services:\n  app: {image: example/app:1, depends_on: [app-db]}\n  app-db: {image: example/db:1}\n"
	in := newInstallation(t, extension("app", two))
	actions := func(want map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, s := range in.plan(catalog.PlanRequest{ID: "app"}).Services {
			got[s.Service] = s.Action
		}
		wantEqual(t, "containers", want, got)
	}
	actions(map[string]string{"app": "create", "app-db": "create"})
	in.mustStart("app")
	actions(map[string]string{"app": "keep", "app-db": "keep"})
	in.must(in.client.Stop(t.Context(), "app"))
	actions(map[string]string{"app": "start", "app-db": "start"})
	in.mustStart("app")
	in.add(extension("app", strings.Replace(two, "example/app:1", "example/app:1, hostname: x", 1)))
	actions(map[string]string{"app": "recreate", "app-db": "keep"})
	in.docker.update(func(s *dockerState) { s.Rebuilt++ })
	actions(map[string]string{"app": "recreate", "app-db": "recreate"})
	in.add(extension("app", ""))
	actions(map[string]string{"app": "recreate", "app-db": "remove"})
	in.must(os.Remove(in.path("state/approved/app.yaml")))
	actions(map[string]string{"app": "unknown", "app-db": "remove"})
	in.engine.set(func(e *fakeEngine) { e.down = true })
	actions(map[string]string{"app": "unknown"})
	p := in.plan(catalog.PlanRequest{ID: "app"})
	wantEqual(t, "images", []catalog.PlanImage{{Image: "example/app:1", Services: []string{"app"}, State: "unknown"}}, p.Images)
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "is not known: the Docker Engine does not answer") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

// Another config may name programs: only the owner may ask, and with a file that only the owner can change.
func TestPlan_UnderAnotherConfigIsTheOwners(t *testing.T) {
	in := withAPIKey(t, extension("app", ""))
	candidate := in.path("candidate.yml")
	write := func(text string, mode os.FileMode) {
		in.must(os.WriteFile(candidate, []byte(text), 0o644))
		in.must(os.Chmod(candidate, mode))
	}
	write("rules:\n- {name: never, match: \"true\", deny: no}\n", 0o644)
	settings := in.options.Settings
	settings.AgentKey = apisKey
	apis := agent.NewClient(settings, version)
	defer apis.Close()
	_, err := apis.Plan(t.Context(), catalog.PlanRequest{ID: "app", With: candidate})
	in.wantRefusal(err, problem.Forbidden, "another config of policies may name programs: only the owner may ask what it would do…")
	_, err = apis.PlanAll(t.Context(), candidate)
	in.wantRefusal(err, problem.Forbidden, "POST /v1/stack/plan is for the owner…")

	p := in.plan(catalog.PlanRequest{ID: "app", With: candidate})
	wantEqual(t, "verdict", catalog.PlanRefused, p.Verdict)
	in.must(syscall.Mkfifo(in.path("pipe"), 0o644))
	for _, tt := range []struct {
		name, text, file, want string
		mode                   os.FileMode
	}{
		{name: "relative", file: "candidate.yml", mode: 0o644, want: `with "candidate.yml": write the whole path of the file`},
		{name: "missing", file: in.path("none.yml"), mode: 0o644, want: `$INSTALL/none.yml cannot be loaded, and would lock the agent: …no such file…`},
		{name: "writable", file: candidate, mode: 0o666, want: `$INSTALL/candidate.yml cannot be loaded, and would lock the agent: …may be changed by others…`},
		{name: "wrong", file: candidate, mode: 0o644, text: "rule: []\n", want: `$INSTALL/candidate.yml cannot be loaded, and would lock the agent: …$INSTALL/candidate.yml:1: rule: is no key…`},
		{name: "a device", file: "/dev/zero", mode: 0o644, want: `/dev/zero cannot be loaded, and would lock the agent: /dev/zero is no file`},
		{name: "a pipe", file: in.path("pipe"), mode: 0o644, want: `$INSTALL/pipe cannot be loaded, and would lock the agent: $INSTALL/pipe is no file`},
		{name: "a plugin that is missing", file: candidate, mode: 0o644, text: "plugins: [nobody]\n", want: `…$INSTALL/candidate.yml:1: plugin nobody cannot be loaded…`},
	} {
		write(tt.text, tt.mode)
		_, err := in.client.Plan(t.Context(), catalog.PlanRequest{ID: "app", With: tt.file})
		in.wantRefusal(err, problem.InvalidArgument, tt.want)
		if strings.Contains(err.Error(), "restart the host agent") { // nothing is locked
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// What another config would break is told of everything that is installed or enabled.
func TestPlanAll_ComparesBothConfigs(t *testing.T) {
	library := inFolder("data/extensions-library", "idle", "")
	pinned := "services: {pinned: {image: \"example/pinned@sha256:" + strings.Repeat("0", 64) + "\"}}\n"
	in := prepare(t, extension("app", ""), extension("pinned", pinned), extension("evil", "services: {evil: {image: x, privileged: true}}\n"),
		extension("off", ""), extension("mended", ""), library)
	in.rename("data/user-extensions/off/compose.yaml", "data/user-extensions/off/compose.yaml.disabled")
	in.policies("rules:\n- {name: old, match: extension.id == 'mended', deny: no}\n", nil)
	in.serve()
	in.must(os.WriteFile(in.path("candidate.yml"), []byte("plugins: [{name: require_digest, config: {allow: [example/off, example/mended]}}]\nrules:\n- {name: tags, match: extension.id == 'off', set: {services.*.labels.team: \"'x'\"}}\n"), 0o644))
	outcomes := func(with string) map[string]string {
		plans, err := in.client.PlanAll(t.Context(), with)
		in.must(err)
		got := map[string]string{}
		for _, p := range plans {
			got[p.ID] = string(p.Outcome)
		}
		return got
	}
	wantEqual(t, "under the candidate", map[string]string{"app": "breaks", "pinned": "stays", "evil": "refused", "off": "changes", "mended": "mends"}, outcomes(in.path("candidate.yml")))
	wantEqual(t, "as it is", map[string]string{"app": "stays", "pinned": "stays", "evil": "refused", "off": "stays", "mended": "refused"}, outcomes(""))
}
