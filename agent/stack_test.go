package agent_test

import (
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func started(r agent.StackReport) []string {
	var ids []string
	for _, s := range r.Started {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestUp_StartsEachOnItsOwn(t *testing.T) {
	in := newInstallation(t,
		inFolder("extensions/services", "search", ""), extension("app", ""), extension("dies", ""),
		extension("bad", "services: {bad: {image: x, privileged: true}}\n"), extension("torn", "services: {torn: {image: \"${TORN_TAG:?}\"}}\n", "env_vars: [{key: TORN_TAG}]"),
		"-- data/user-extensions/odd/manifest.yaml --\n- a\n",
		"-- data/user-extensions/off/manifest.yaml --\n"+manifestOf("off")+"-- data/user-extensions/off/compose.yaml.disabled --\n")
	in.docker.becomes("dies", compose.Container{State: "exited", ExitCode: 1})
	r, err := in.client.Up(t.Context(), nil, false, nil)
	in.must(err)
	wantEqual(t, "started", []string{"dashboard", "search", "app"}, started(r))
	for id, want := range map[string]string{
		"dies": `extension "dies" was started and failed: dream-server-dies-1 exited with code 1`,
		"bad":  `extension "bad" is refused by the security scan:…`,
		"torn": "extension \"torn\" needs a value for TORN_TAG: give it with `dream config torn set TORN_TAG` and try again",
	} {
		if !matches(want, r.Failed[id]) {
			t.Errorf("%s: %q, want %q", id, r.Failed[id], want)
		}
	}
	if len(r.Failed) != 3 {
		t.Errorf("failed: %v", r.Failed)
	}
	wantEqual(t, "skipped", []compose.Skip{{
		ID: "odd", Path: "data/user-extensions/odd", Warning: true,
		Reason: "odd/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys",
	}}, r.Skipped)
}

func TestUp_StartsWhatIsNamed(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("other", ""))
	r, err := in.client.Up(t.Context(), []string{"dashboard", "app", "app"}, true, nil)
	in.must(err)
	wantEqual(t, "started", []string{"app", "dashboard"}, started(r))
	wantEqual(t, "containers", map[string]string{"app": "running", "dashboard": "running"}, in.docker.services())
	_, err = in.client.Up(t.Context(), []string{"ghost"}, false, nil)
	in.wantRefusal(err, problem.NotFound, `extension "ghost" is not installed`)
}

func TestUp_SaysWhatItDoes(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) {
		s.Says = `{"id": "Container dream-app", "status": "Done", "text": "Started"}`
	})
	var events []string
	_, err := in.client.Up(t.Context(), []string{"app"}, false, func(service string, e compose.Event) {
		events = append(events, service+": "+e.ID+" "+e.Text)
	})
	in.must(err)
	wantEqual(t, "events", []string{"app: Container dream-app Started", "app: Container dream-app Started"}, events)
}

func TestUp_NeedsDocker(t *testing.T) {
	in := newInstallation(t)
	in.engine.set(func(e *fakeEngine) { e.down = true })
	_, err := in.client.Up(t.Context(), nil, false, nil)
	in.wantRefusal(err, problem.DockerUnavailable, errDown.Detail)
}

func TestDown_StopsEverything(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.must(in.client.Down(t.Context()))
	wantEqual(t, "containers", map[string]string{}, in.docker.services())
}

func TestStack_ListsTheFiles(t *testing.T) {
	in := newInstallation(t, extension("app", ""), "-- data/user-extensions/app/compose.cpu.yaml --\nservices: {}\n", extension("operations", ""))
	got, err := in.client.Stack(t.Context())
	in.must(err)
	wantEqual(t, "stack", agent.StackInfo{
		Files:   []string{"docker-compose.base.yml", "data/user-extensions/app/compose.yaml", "data/user-extensions/app/compose.cpu.yaml"},
		Skipped: []compose.Skip{{ID: "operations", Path: "data/user-extensions/operations", Warning: true, Reason: `the id "operations" is reserved for the platform`}},
	}, got)
}

// The verdict of the client's Manager and of the agent are one: installed through both, it runs.
func TestInstall_ThroughManagerClientAndServer(t *testing.T) {
	in := newInstallation(t, inFolder("data/extensions-library", "app", ""))
	m := catalog.New(catalog.Options{Settings: in.settings, Agent: in.client, Version: version, Actor: "test", Log: in.options.Log})
	ctx := t.Context()
	for _, step := range []struct {
		name string
		do   func() (catalog.Result, error)
		want map[string]string
	}{
		{"install", func() (catalog.Result, error) { return m.Install(ctx, "app", catalog.Given{}) }, map[string]string{"app": "running"}},
		{"disable", func() (catalog.Result, error) { return m.Disable(ctx, "app") }, map[string]string{"app": "exited"}},
		{"enable", func() (catalog.Result, error) { return m.Enable(ctx, "app", false) }, map[string]string{"app": "running"}},
		{"stop", func() (catalog.Result, error) { return m.Stop(ctx, "app") }, map[string]string{"app": "exited"}},
		{"restart", func() (catalog.Result, error) { return m.Restart(ctx, "app") }, map[string]string{"app": "running"}},
		{"disable", func() (catalog.Result, error) { return m.Disable(ctx, "app") }, map[string]string{"app": "exited"}},
		{"uninstall", func() (catalog.Result, error) { return m.Uninstall(ctx, "app", false) }, map[string]string{}},
	} {
		r, err := step.do()
		if err != nil || r.RestartRequired {
			t.Fatalf("%s: %+v, %v", step.name, r, err)
		}
		wantEqual(t, step.name, step.want, in.docker.services())
	}
}
