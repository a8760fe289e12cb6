package tools_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stopEngine is lib.sh with an engine of the test's own: a process that calls itself dockerd, and a docker that says
// what the test wants. Nothing of the machine takes part.
const stopEngine = `
set -euo pipefail
. ./lib.sh
root=/src/ours started_dir=$1
engine_record=$1/engine engine_owner=$1/engine-owner
is_root() { return 0; }
systemctl() { echo "systemctl $*" >>"$started_dir/calls"; [ "$1" != is-active ] || [ -e "$started_dir/active" ]; }
stop_started_engine
`

func TestStop_EndsTheEngineOnlyWhereNobodyElseUsesIt(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	other := t.TempDir() // another checkout
	put(t, filepath.Join(other, "tools", "stop.sh"), "#!/bin/sh\n")
	for _, tc := range []struct {
		name, record, owner, docker string // record: pid, gone or systemd; docker: a shell script
		ended                       bool
		want                        string // PID is the engine's
	}{
		{"ours, unused", "pid", "/src/ours", "", true, "stopping Docker Engine\n"},
		{
			"ours, with a container of others", "pid", "/src/ours", "echo somebody-db", false,
			"Docker Engine goes on: containers run on it, somebody-db.\nWhen they are stopped, `tools/stop.sh --engine` ends it.\n",
		},
		{
			"ours, with many", "pid", "/src/ours", "seq 5", false,
			"Docker Engine goes on: containers run on it, 1 2 3 ….\nWhen they are stopped, `tools/stop.sh --engine` ends it.\n",
		},
		{
			"ours, and it does not answer", "pid", "/src/ours", "exit 1", false,
			"Docker Engine goes on: it does not say what runs on it. `kill PID`, as root, ends it.\n",
		},
		{
			"of another checkout", "pid", other, "", false,
			"Docker Engine goes on: " + other + " started it, not this one.\n" +
				"When `docker ps` shows nothing that anybody needs, `" + other + "/tools/stop.sh --engine` ends it.\n",
		},
		{
			"of a checkout that is gone", "pid", "/src/gone", "", false,
			"Docker Engine goes on: /src/gone started it, not this one.\n" +
				"When `docker ps` shows nothing that anybody needs, `kill PID`, as root, ends it.\n",
		},
		{
			"of nobody knows whom", "pid", "", "", false,
			"Docker Engine goes on: another checkout started it, not this one.\n" +
				"When `docker ps` shows nothing that anybody needs, `kill PID`, as root, ends it.\n",
		},
		{"gone by itself", "gone", "/src/ours", "", false, ""},
		{"ours, of systemd", "systemd", "/src/ours", "", true, "stopping Docker Engine (systemctl)\n"},
		{
			"of systemd, of others", "systemd", "/src/gone", "", false,
			"Docker Engine goes on: /src/gone started it, not this one.\n" +
				"When `docker ps` shows nothing that anybody needs, `systemctl stop docker.socket docker.service`, as root, ends it.\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "bin", "docker"), "#!/bin/sh\n[ \"$*\" = '--host unix:///var/run/docker.sock ps --format {{.Names}}' ] || exit 1\n"+tc.docker+"\n")
			engine := exec.CommandContext(t.Context(), "sleep", "60")
			engine.Args[0] = "dockerd"
			if err := engine.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { _ = engine.Wait(); close(ended) }()
			t.Cleanup(func() { _ = engine.Process.Kill(); <-ended })
			pid := strconv.Itoa(engine.Process.Pid)
			put(t, filepath.Join(dir, "engine"), map[string]string{"pid": pid, "gone": strconv.Itoa(os.Getpid()), "systemd": "systemd"}[tc.record]+"\n")
			put(t, filepath.Join(dir, "active"), "")
			if tc.owner != "" {
				put(t, filepath.Join(dir, "engine-owner"), tc.owner+"\n")
			}
			script := exec.CommandContext(t.Context(), "bash", "-c", stopEngine, "stop", dir)
			script.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "DOCKER_HOST=tcp://elsewhere")
			out, err := script.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if diff := cmp.Diff(tc.want, strings.ReplaceAll(string(out), pid, "PID")); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			stopped := strings.Contains(string(calls), "systemctl stop")
			if tc.record == "pid" && tc.ended {
				<-ended
			}
			if tc.record != "systemd" {
				select {
				case <-ended:
					stopped = true
				default:
				}
			}
			_, err = os.Stat(filepath.Join(dir, "engine"))
			if recorded := err == nil; stopped != tc.ended || recorded != (!tc.ended && tc.record != "gone") {
				t.Errorf("ended %v, record kept %v; want ended %v", stopped, recorded, tc.ended)
			}
		})
	}
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
