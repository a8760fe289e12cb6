package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The first signal asks the program to end. Where it waits for something that does not hear of it, the next one ends it.
func TestMain_EndsWithTheSecondSignal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "in")
	extension := filepath.Join(dir, "data", "user-extensions", "notes")
	must(t, os.MkdirAll(extension, 0o755))
	for name, text := range map[string]string{
		filepath.Join(dir, "docker-compose.base.yml"): "services: {}\n",
		filepath.Join(extension, "manifest.yaml"):     "schema_version: dream.services.v1\nservice:\n  id: notes\n  name: Notes\n  port: 8080\n  health: /\n  env_vars: [{key: NOTES_A, secret: true}, {key: NOTES_B, secret: true}]\n",
		filepath.Join(extension, "compose.yaml"):      "services: {notes: {image: \"example/notes:1\"}}\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(text), 0o644))
	}
	dream, err := exec.LookPath("dream") // [testscript.Main] put this very program there
	must(t, err)
	// It warns of the secret on its command line, and then waits for the other one on a pipe that nobody writes to.
	cmd := exec.CommandContext(t.Context(), dream, "config", "notes", "set", "NOTES_A=1", "NOTES_B", "--install-dir", dir)
	_, err = cmd.StdinPipe()
	must(t, err)
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil || !strings.Contains(line, "NOTES_A was readable") {
		t.Fatalf("%q, %v", line, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err == nil || err.Error() != "signal: interrupt" {
				t.Errorf("it ended otherwise: %v", err)
			}
			return
		case <-late:
			t.Fatal("signals do not end it")
		case <-tick.C:
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended just now
		}
	}
}
