package catalog_test

import (
	"testing"

	"dreamserver/internal/problem"
)

func TestInstall_WithoutAnAgentChecksTheShapeItself(t *testing.T) {
	in := newInstallation(t, library("notes"), "-- data/extensions-library/notes/compose.yaml --\n"+
		"services:\n  notes:\n    image: example/notes:1\n    privileged: true\n")
	in.agent.goAway(errAway)
	before := in.disk("")
	_, err := in.do("install notes")
	if !problem.HasCode(err, problem.ScanRefused) {
		t.Errorf("install: %v, want code scan_refused", err)
	}
	wantEqual(t, "disk", before, in.disk(""))
}

func TestInstall_WithoutAnAgentTakesRequiredVariablesForSet(t *testing.T) {
	in := newInstallation(t, library("notes", "env_vars: [{key: NOTES_PORT, required: true}, {key: NOTES_SIZE, required: true}]"),
		"-- data/extensions-library/notes/compose.yaml --\n"+
			"services:\n  notes:\n    image: example/notes:1\n    mem_limit: ${NOTES_SIZE:?}m\n    ports: [\"127.0.0.1:${NOTES_PORT:?}:80\"]\n")
	in.agent.goAway(errAway)
	in.mustDo("install notes")
}

// The agent renames the file of a built-in extension; without it nothing is changed.
func TestManager_AsksTheAgentToToggleWhatIsBuiltIn(t *testing.T) {
	in := newInstallation(t, builtin("search", "compose.yaml.disabled"))
	asked := map[string]bool{}
	in.agent.setBuiltin = func(id string, enabled bool) error { asked[id] = enabled; return nil }
	in.mustDo("enable search")
	wantEqual(t, "asked", map[string]bool{"search": true}, asked)

	in.agent.goAway(errAway)
	before := in.disk("")
	_, err := in.do("enable search")
	in.wantRefusal(err, problem.AgentNoSocket, errAway.Error())
	wantEqual(t, "disk", before, in.disk(""))
}

func TestInstall_MakesModesSimple(t *testing.T) {
	in := newInstallation(t, library("notes"), "-- data/extensions-library/notes/bin/run.sh --\n#!/bin/sh\n")
	in.must(chmod(in.path("data/extensions-library/notes/bin/run.sh"), 0o4777))
	in.must(chmod(in.path("data/extensions-library/notes/manifest.yaml"), 0o600))
	in.mustDo("install notes")
	got := map[string]string{}
	for _, name := range []string{"notes", "notes/bin", "notes/bin/run.sh", "notes/manifest.yaml"} {
		got[name] = modeOf(t, in.path("data/user-extensions/"+name))
	}
	wantEqual(t, "modes", map[string]string{
		"notes": "drwxr-xr-x", "notes/bin": "drwxr-xr-x", "notes/bin/run.sh": "-rwxr-xr-x", "notes/manifest.yaml": "-rw-r--r--",
	}, got)
}

func TestInstall_SweepsWhatKilledInstallsLeft(t *testing.T) {
	in := newInstallation(t, library("notes"), `
-- data/user-extensions/.staging-notes/compose.yaml --
half
-- data/user-extensions/.staging-other/compose.yaml --
half
-- data/user-extensions/.trash-gone/sub/file --
half
-- data/user-extensions/.keep --
not ours
`)
	in.mustDo("install notes")
	wantEqual(t, "user-extensions", ".keep "+notesWith("compose.yaml"), in.userExtensions())
}

func TestRecover_SweepsAndChangesNothingElse(t *testing.T) {
	in := newInstallation(t, enabled("notes"), "-- data/user-extensions/.trash-gone/file --\n")
	in.must(in.Recover(t.Context()))
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
}
