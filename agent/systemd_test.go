package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog/health"
	"dreamserver/internal/problem"
)

// onHost is an extension whose program systemd runs.
func onHost(folder, id, more string) string {
	return "-- " + folder + "/" + id + "/manifest.yaml --\nschema_version: dream.services.v1\nservice: {id: " + id + ", name: " + id + ", port: 0, type: host-systemd" + more + "}\n"
}

// withSystemd is an installation whose systemctl is a script.
func withSystemd(t *testing.T, script string, files ...string) *installation {
	t.Helper()
	in := prepare(t, files...)
	in.options.Systemctl = filepath.Join(t.TempDir(), "systemctl")
	in.must(os.WriteFile(in.options.Systemctl, []byte("#!/bin/sh\n"+script), 0o755))
	in.serve()
	return in
}

func TestUnit_IsTheOneOfTheManifest(t *testing.T) {
	// It says which unit it is asked for in the only word that may be anything.
	in := withSystemd(t, `[ "$1 $2 $3" = "show --property=LoadState,ActiveState,Result --" ] || exit 1
unit=${4%.service}; echo "ActiveState=active"; echo "LoadState=loaded"; echo "Result=$unit"; echo "Other=x"`,
		onHost("extensions/services", "editor", ""), onHost("data/user-extensions", "desk", ", unit: desk-web.service"),
		onHost("data/user-extensions", "editor", ", unit: editor-of-somebody-else.service"))
	for id, unit := range map[string]string{"editor": "editor", "desk": "desk-web"} {
		got, err := in.client.Unit(t.Context(), id)
		in.must(err)
		wantEqual(t, id, health.Unit{LoadState: "loaded", ActiveState: "active", Result: unit}, got)
	}
}

// No request names a unit, and no manifest one that belongs to somebody else.
func TestUnit_RefusesOthers(t *testing.T) {
	in := withSystemd(t, `touch "$(dirname "$0")/asked"; echo ActiveState=active`,
		extension("app", ""), onHost("data/user-extensions", "desk", ", unit: sshd.service"), onHost("data/user-extensions", "ssh", ", unit: sshd.service"))
	for id, want := range map[string]struct {
		code problem.Code
		text string
	}{
		"app":          {problem.Conflict, `extension "app" is no program of the host: its manifest does not say type: host-systemd`},
		"desk":         {problem.InvalidExtension, `extension "desk": its manifest names the unit sshd.service, which is none of its own: write unit: desk.service, or a name that begins with desk-`},
		"ssh":          {problem.InvalidExtension, `extension "ssh": its manifest names the unit sshd.service, which is none of its own: write unit: ssh.service, or a name that begins with ssh-`},
		"sshd.service": {problem.InvalidArgument, `"sshd.service" is no extension id`},
	} {
		_, err := in.client.Unit(t.Context(), id)
		in.wantRefusal(err, want.code, want.text)
	}
	if _, err := in.client.Unit(t.Context(), "unknown"); !problem.HasCode(err, problem.NotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(in.options.Systemctl), "asked")); err == nil {
		t.Error("systemd was asked")
	}
}

func TestUnit_SaysWhyItIsNotKnown(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'System has not been booted with systemd as init system' >&2; exit 1": "systemctl fails: System has not been booted with systemd as init system (exit status 1)",
		"printf 'ActiveState=\\033[31m\\nLoadState=loaded\\n'":                      "systemctl prints what nobody can read",
		"yes": "systemctl does not answer within 3s",
	} {
		in := withSystemd(t, script, onHost("extensions/services", "editor", ""))
		_, err := in.client.Unit(t.Context(), "editor")
		in.wantRefusal(err, problem.Unavailable, want)
	}
	in := prepare(t, onHost("extensions/services", "editor", ""))
	in.options.Systemctl = "no-such-systemctl"
	in.serve()
	_, err := in.client.Unit(t.Context(), "editor")
	in.wantRefusal(err, problem.Unavailable, "there is no systemd on this machine")
}

var _ health.Host = (*agent.Client)(nil)
