package catalog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// configurable is a service with a variable of each kind.
func configurable(t *testing.T) *manifest.Service {
	t.Helper()
	m, err := manifest.Parse("manifest.yaml", []byte(manifestOf("notes", `external_port_env: NOTES_PORT`, `external_port_default: 9000`, `env_vars:
    - {key: NOTES_USER, required: true, description: Who may sign in.}
    - {key: NOTES_PASSWORD, required: true, description: With which word.}
    - {key: NOTES_DB, type: url, default: 'http://db:1/'}
    - {key: OPENAI_API_KEY, description: Your account.}
    - {key: NOTES_MODE, type: enum, options: [fast, exact], default: fast}
    - {key: LLM_MODEL}
    - {key: N8N_PASS}
    - {key: NOTES_SALT, secret: true}`)))
	if err != nil {
		t.Fatal(err)
	}
	return &m.Service
}

func factsOf(env map[string]string) catalog.ConfigFacts {
	return catalog.ConfigFacts{
		Env: env, Required: []string{"NOTES_SALT"},
		Reserved: func(key string) bool { return key == "LLM_MODEL" },
		Owner:    func(key string) string { return map[string]string{"N8N_PASS": "n8n"}[key] },
		Hidden:   func(key string) bool { return key == "N8N_PASS" },
	}
}

// shownAs is what of a variable depends on its value.
type shownAs struct {
	Set, Generated, Reserved bool
	Value, Problem           string
}

func TestNewConfig_ShowsWhatMayBeShown(t *testing.T) {
	const secret, hidden = "s3cret-s3cret", "http://user:s3cret-s3cret@db/"
	c := catalog.NewConfig(configurable(t), factsOf(map[string]string{
		"NOTES_PASSWORD": secret, "NOTES_DB": hidden, "NOTES_MODE": "slow", "NOTES_PORT": "9001", "N8N_PASS": secret, "OTHER": secret,
	}))
	got := map[string]shownAs{}
	for _, v := range c.Variables {
		value := ""
		if v.Value != nil {
			value = *v.Value
		}
		got[v.Key] = shownAs{v.Set, v.CanGenerate, v.Reserved, value, v.Problem}
	}
	want := map[string]shownAs{
		"NOTES_USER":     {Problem: "is not set, and the extension cannot start without it"},
		"NOTES_PASSWORD": {Set: true, Generated: true},
		"NOTES_DB":       {Set: true},
		"OPENAI_API_KEY": {},
		"NOTES_MODE":     {Set: true, Value: "slow", Problem: "is not one of fast, exact"},
		"LLM_MODEL":      {Reserved: true},
		"N8N_PASS":       {Set: true, Generated: true},
		"NOTES_SALT":     {Generated: true},
		"NOTES_PORT":     {Set: true, Value: "9001"},
	}
	wantEqual(t, "variables", want, got)
	wantEqual(t, "missing", []string{"NOTES_USER"}, c.Missing)
	if c.Configured {
		t.Error("it counts as configured, and lacks NOTES_USER")
	}

	err := catalog.MissingConfig(c)
	wantProblem(t, err, problem.MissingConfig, "extension \"notes\" needs a value for NOTES_USER (Who may sign in, such as admin): give it with `dream config notes set NOTES_USER` and try again")
	wantItems := []problem.Item{{
		Rule: "missing-variable", Severity: "error", Path: "NOTES_USER", Message: "Who may sign in, such as admin", Fix: "give it with `dream config notes set NOTES_USER`",
	}}
	wantEqual(t, "items", wantItems, problem.As(err).Items)

	complete := catalog.NewConfig(configurable(t), factsOf(map[string]string{"NOTES_USER": "ada"}))
	if err := catalog.MissingConfig(complete); err != nil || !complete.Configured {
		t.Errorf("configured %v, %v; want that nothing is missing: the secrets are made", complete.Configured, err)
	}
}

func TestCheckChange(t *testing.T) {
	set := func(key, value string) catalog.ConfigChange {
		return catalog.ConfigChange{Values: map[string]string{key: value}}
	}
	for name, tt := range map[string]struct {
		change catalog.ConfigChange
		want   string // of each item: path, message: fix
	}{
		"fine":                     {catalog.ConfigChange{Values: map[string]string{"NOTES_USER": "ada", "NOTES_PORT": "9009"}, Unset: []string{"NOTES_MODE"}, Generate: []string{"NOTES_PASSWORD"}}, ""},
		"an optional one to empty": {set("OPENAI_API_KEY", ""), ""},
		"a value that is strange":  {set("NOTES_USER", "a\n'\"$#\U0001f600"), ""},
		"undeclared":               {set("PATH", "/tmp"), "PATH is not declared by the manifest of notes: `dream config notes` lists what is"},
		"undeclared, unset":        {catalog.ConfigChange{Unset: []string{"COMPOSE_FILE"}}, "COMPOSE_FILE is not declared by the manifest of notes: `dream config notes` lists what is"},
		"the platform's":           {set("LLM_MODEL", "x"), "LLM_MODEL belongs to the platform: set it in .env, as the owner of the machine"},
		"another's secret":         {set("N8N_PASS", "x"), "N8N_PASS is a secret of n8n: set it there: `dream config n8n`"},
		"of another type":          {set("NOTES_PORT", "http"), "NOTES_PORT is not a port from 1 to 65535: write one such as 9000"},
		"no option":                {set("NOTES_MODE", "slow"), "NOTES_MODE is not one of fast, exact: write one such as fast"},
		"NUL":                      {set("NOTES_USER", "a\x00"), "NOTES_USER holds a NUL byte, which no environment can have: write one such as admin"},
		"1 MB":                     {set("NOTES_USER", strings.Repeat("x", 1<<20)), "NOTES_USER is longer than 65536 bytes: write one such as admin"},
		"a required one to empty":  {set("NOTES_USER", ""), "NOTES_USER is empty, and the extension cannot start without it: give a value"},
		"nobody can make it":       {catalog.ConfigChange{Generate: []string{"OPENAI_API_KEY"}}, "OPENAI_API_KEY cannot be generated: only you can know it: give a value"},
		"twice":                    {catalog.ConfigChange{Values: map[string]string{"NOTES_MODE": "fast"}, Unset: []string{"NOTES_MODE"}}, "NOTES_MODE is named twice: leave it out"},
		"several":                  {catalog.ConfigChange{Values: map[string]string{"NOTES_PORT": "0", "HOME": "/"}}, "HOME is not declared by the manifest of notes: `dream config notes` lists what is; NOTES_PORT is not a port from 1 to 65535: write one such as 9000"},
	} {
		t.Run(name, func(t *testing.T) {
			err := catalog.CheckChange(configurable(t), tt.change, factsOf(nil))
			if tt.want == "" {
				if err != nil {
					t.Errorf("%v, want no refusal", err)
				}
				return
			}
			wantProblem(t, err, problem.InvalidConfig, `extension "notes": `+tt.want)
		})
	}
}

func wantProblem(t *testing.T, err error, code problem.Code, text string) {
	t.Helper()
	if err == nil || !problem.HasCode(err, code) || err.Error() != text {
		t.Errorf("got:  %v\nwant: %s (%s)", err, text, code)
	}
}

func TestConfigure_NamesAndRestartsWhatRunsWithOldValues(t *testing.T) {
	in := newInstallation(t, enabled("notes"), enabled("board"), enabled("idle"))
	in.agent.has(compose.Container{Service: "notes", State: "running"}, compose.Container{Service: "board", State: "running"})
	in.agent.configure = func(id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
		return catalog.ConfigResult{Config: catalog.Config{ID: id}, Changed: change.Keys(), Restart: []string{"board", "idle", "notes"}}, nil
	}
	change := catalog.ConfigChange{Values: map[string]string{"NOTES_USER": "ada"}}
	r, err := in.Configure(t.Context(), "notes", change, false)
	in.must(err)
	want := catalog.ConfigResult{Config: catalog.Config{ID: "notes"}, Changed: []string{"NOTES_USER"}, Restart: []string{"board", "notes"}}
	if diff := cmp.Diff(want, r, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r, err = in.Configure(t.Context(), "notes", change, true)
	in.must(err)
	wantEqual(t, "restarted", []string{"board", "notes"}, r.Restarted)

	in.agent.start = func(id string) (catalog.Report, error) {
		return catalog.Report{}, problem.Newf(problem.StartFailed, "extension %q: it died", id)
	}
	r, err = in.Configure(t.Context(), "notes", change, true)
	wantProblem(t, err, problem.StartFailed, `the values are kept, and board was not restarted with them: extension "board": it died`)
	wantEqual(t, "restarted", 0, len(r.Restarted))
}

func TestInstall_KeepsTheValuesThatComeWithIt(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.agent.check = func(string, bool) error { return problem.Newf(problem.MissingConfig, "needs a value for NOTES_TOKEN") }
	given := catalog.Given{Values: map[string]string{"NOTES_USER": "ada"}}
	_, err := in.Install(t.Context(), "notes", given)
	wantProblem(t, err, problem.MissingConfig, "needs a value for NOTES_TOKEN")
	in.agent.check = nil
	_, err = in.Install(t.Context(), "notes", catalog.Given{})
	in.must(err)
	wantEqual(t, "changes", []catalog.ConfigChange{{Values: given.Values}}, in.agent.changed)

	in.agent.goAway(errAway)
	in.add(library("board"))
	_, err = in.Install(t.Context(), "board", given)
	wantProblem(t, err, problem.AgentNoSocket, errAway.Error())
	if got := in.pending(); len(got) > 0 {
		t.Errorf("unfinished %v, want that nothing was begun: its values would be lost", got)
	}
}

func TestUninstall_ForgetsOnlyWhatNobodyElseReads(t *testing.T) {
	vars := "env_vars: [{key: SHARED}, {key: NOTES_TOKEN}, {key: NOTES_USER}, {key: LLM_MODEL}]"
	in := newInstallation(t, disabled("notes", vars), disabled("board", "env_vars: [{key: SHARED}]"), library("shelf", "env_vars: [{key: NOTES_USER}]"))
	in.agent.config = catalog.NewConfig(&manifest.Service{ID: "notes", EnvVars: []manifest.EnvVar{{Key: "SHARED"}, {Key: "NOTES_TOKEN"}, {Key: "NOTES_USER"}, {Key: "LLM_MODEL"}, {Key: "EMPTY"}}},
		factsOf(map[string]string{"SHARED": "1", "NOTES_TOKEN": "2", "NOTES_USER": "3", "LLM_MODEL": "4"}))
	r, err := in.Uninstall(t.Context(), "notes", true)
	in.must(err)
	wantEqual(t, "changes", []catalog.ConfigChange{{Unset: []string{"NOTES_TOKEN", "NOTES_USER"}}}, in.agent.changed)
	if !strings.Contains(r.Message, "Forgotten: NOTES_TOKEN, NOTES_USER.") || !strings.Contains(r.CleanupHint, "does not open with new ones") {
		t.Errorf("%+v does not say what is forgotten, and what that means for the data", r)
	}

	in.agent.goAway(errAway)
	_, err = in.Uninstall(t.Context(), "board", true)
	wantProblem(t, err, problem.AgentNoSocket, errAway.Error())
	if !in.Snapshot().Installed("board") {
		t.Error("board is gone, and its values are not")
	}
}

// What cannot be removed keeps its values, and so does what a neighbour may read that cannot be read now.
func TestUninstall_ForgetsNothingTooEarly(t *testing.T) {
	vars := "env_vars: [{key: NOTES_TOKEN}, {key: SHARED}]"
	in := newInstallation(t, disabled("notes", vars), disabled("board"))
	in.agent.config = catalog.NewConfig(&manifest.Service{ID: "notes", EnvVars: []manifest.EnvVar{{Key: "NOTES_TOKEN"}, {Key: "SHARED"}}},
		factsOf(map[string]string{"NOTES_TOKEN": "1", "SHARED": "2"}))
	in.agent.remove = func(string) error { return problem.Newf(problem.DockerUnavailable, "Docker does not answer") }
	_, err := in.Uninstall(t.Context(), "notes", true)
	wantProblem(t, err, problem.DockerUnavailable, "Docker does not answer")
	wantEqual(t, "changes", 0, len(in.agent.changed))

	in.agent.remove = nil
	in.add("-- data/user-extensions/board/manifest.yaml --\nbroken: [\n")
	r, err := in.Uninstall(t.Context(), "notes", true)
	in.must(err)
	wantEqual(t, "changes", []catalog.ConfigChange{{Unset: []string{"NOTES_TOKEN"}}}, in.agent.changed)
	wantEqual(t, "forgotten", []string{"NOTES_TOKEN"}, r.Forgotten)
}
