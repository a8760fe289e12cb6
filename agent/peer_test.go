package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/agent"
)

func TestAdmits(t *testing.T) {
	tests := []struct {
		name            string
		uid, own, owner int
		want            bool
	}{
		{"root", 0, 1000, 1000, true},
		{"the agent's own user", 1000, 1000, -1, true},
		{"the install's owner", 1000, 0, 1000, true},
		{"another user", 1001, 0, 1000, false},
		{"another user, and no owner is recorded", 1001, 0, -1, false},
		{"nobody knows who, and no owner is recorded", -1, 0, -1, false},
		{"the user that others' users are mapped to", 65534, 0, 1000, false},
		{"the largest number", 1<<32 - 2, 0, 1000, false},
	}
	for _, tt := range tests {
		if got := agent.Admits(tt.uid, tt.own, tt.owner); got != tt.want {
			t.Errorf("%s: admits(%d, %d, %d) = %v, want %v", tt.name, tt.uid, tt.own, tt.owner, got, tt.want)
		}
	}
}

// openToOthers lets other users reach the folder that the tests' sockets are in.
func (in *installation) openToOthers() {
	in.t.Helper()
	in.must(os.Chmod(filepath.Dir(filepath.Dir(in.settings.AgentSocket)), 0o755))
}

// A member of the socket's group passes through the directory and is turned away all the same, unless it is the
// install's owner.
func TestPeer_IsRootOrTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	in := prepare(t)
	in.openToOthers()
	in.options.Settings.UID, in.options.Settings.GID = 4320, 4321
	in.serve()
	wantEqual(t, "root", "answered", in.pingAs(0, 0))
	wantEqual(t, "the owner", "answered", in.pingAs(4320, 4321))
	wantEqual(t, "one of the group", "agent_refused "+fmt.Sprintf(notForUs, 4322), in.pingAs(4322, 4321))
	in.log.wait(t, `"level":"warn","uid":4322,"untold":0,"message":"a connection is refused: only root and the install's owner (DREAM_UID) may use the socket"`)
	wantEqual(t, "root, after a refusal", "answered", in.pingAs(0, 0))
}

// Somebody who knocks again and again fills no log.
func TestPeer_IsToldOfAHandfulOfTimes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	in := prepare(t)
	in.openToOthers()
	in.options.Settings.GID = 4321
	in.serve()
	for range 7 {
		in.pingAs(4322, 4321)
	}
	wantEqual(t, "lines", 5, strings.Count(in.log.String(), `"uid":4322`))
}

func TestSocketDirectory(t *testing.T) {
	const elsewhere = "set DREAM_AGENT_SOCKET to a path in a folder of its own"
	tests := []struct {
		name    string
		inside  bool // the directory lies below the installation
		mode    os.FileMode
		uid     int // its owner; 0 means who runs the tests
		refused string
		want    string // its mode afterwards
	}{
		{name: "as it should be", mode: 0o710, want: "drwx--x---"},
		{name: "ours, open to others", inside: true, mode: 0o755, want: "drwx--x---"},
		{name: "ours, writable by everybody", inside: true, mode: 0o777, want: "drwx--x---"},
		{name: "shared, such as /run", mode: 0o755, want: "drwxr-xr-x"},
		{name: "shared, such as /tmp", mode: 0o777 | os.ModeSticky, refused: "socket directory: others can write to DIR (dtrwxrwxrwx) and put another socket there: " + elsewhere, want: "dtrwxrwxrwx"},
		{name: "writable by a group", mode: 0o770, refused: "socket directory: others can write to DIR (drwxrwx---) and put another socket there: " + elsewhere, want: "drwxrwx---"},
		{name: "somebody else's", mode: 0o700, uid: 4322, refused: "socket directory: DIR belongs to uid 4322, who could put another socket there: " + elsewhere, want: "drwx------"},
		{name: "ours, and somebody else's", inside: true, mode: 0o710, uid: 4322, refused: "socket directory: DIR belongs to uid 4322, who could put another socket there: " + elsewhere, want: "drwx--x---"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.uid != 0 && os.Geteuid() != 0 {
				t.Skip("only root gives folders away")
			}
			in := prepare(t)
			dir := filepath.Join(shortDir(t), "run")
			in.must(os.Mkdir(dir, 0o700))
			in.must(os.Chmod(dir, tt.mode))
			if tt.uid != 0 {
				in.must(os.Chown(dir, tt.uid, -1))
			}
			if tt.inside {
				in.options.Settings.InstallDir = filepath.Dir(dir)
			}
			in.options.Settings.AgentSocket = filepath.Join(dir, "agent.sock")
			_, err := in.run(in.options)
			in.wantError(err, strings.ReplaceAll(tt.refused, "DIR", dir))
			wantEqual(t, "mode", tt.want, modeOf(t, dir))
		})
	}
}

// What is mounted into the API's container is the directory: the socket's file dies with the agent.
func TestBaseFile_MountsTheSocketsDirectory(t *testing.T) {
	data, err := os.ReadFile("../docker-compose.base.yml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if !strings.Contains(text, "- ./run:/dream-server/run:ro\n") || strings.Contains(text, "agent.sock:") {
		t.Error("docker-compose.base.yml must mount ./run read-only, and never the socket itself")
	}
}
