package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal is a terminal of its own: what a person types goes into keyboard, and the program has screen.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// echoes reports whether the terminal shows what is typed.
func echoes(t *testing.T, screen *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// notes makes an installation whose library has an extension that asks for values.
func notes(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "in")
	made := exec.CommandContext(t.Context(), "dream", "init", "--install-dir", dir)
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	folder := filepath.Join(dir, "data/extensions-library/notes")
	write(t, filepath.Join(folder, "manifest.yaml"), `schema_version: dream.services.v1
service: {id: notes, name: Notes, port: 8080, health: /, gpu_backends: [all], compose_file: compose.yaml, env_vars: [{key: NOTES_LEVEL, type: integer}, {key: NOTES_TOKEN, secret: true}]}
`)
	write(t, filepath.Join(folder, "compose.yaml"), "services:\n  notes:\n    image: example/notes:1\n")
	write(t, filepath.Join(dir, "docker.yml"), "services: {jot: {image: \"example/jot:1\", ports: [\"8080:80\"]}}\n")
	write(t, filepath.Join(dir, "editor"), "#!/bin/sh\necho NOTES_LEVEL=high >\"$1\"\n")
	if err := os.Chmod(filepath.Join(dir, "editor"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestQuestion_EndsWithAnInterruptAndWithTheEndOfInput(t *testing.T) {
	const end, interrupt = "\x04", "\x03"
	for _, tt := range []struct {
		name   string
		args   []string
		asks   string
		typed  string // or SIGTERM
		code   int
		says   string
		unseen bool
	}{
		{"Ctrl-C, a value", []string{"config", "notes", "set", "NOTES_LEVEL"}, "value (such as 10): ", interrupt, 130, "dream: interrupted", false},
		{"SIGTERM, a value", []string{"config", "notes", "set", "NOTES_LEVEL"}, "value (such as 10): ", "", 130, "dream: interrupted", false},
		{"Ctrl-D, a value", []string{"config", "notes", "set", "NOTES_LEVEL"}, "value (such as 10): ", end, 1, "dream: NOTES_LEVEL was not given", false},
		{"Ctrl-C, a secret", []string{"config", "notes", "set", "NOTES_TOKEN"}, "value", interrupt, 130, "dream: interrupted", true},
		{"SIGTERM, a secret", []string{"config", "notes", "set", "NOTES_TOKEN"}, "value", "", 130, "dream: interrupted", true},
		{"Ctrl-D, a secret", []string{"config", "notes", "set", "NOTES_TOKEN"}, "value", end, 1, "dream: NOTES_TOKEN was not given", true},
		{"Ctrl-C, edit again", []string{"config", "notes", "edit"}, "Edit it again?", interrupt, 130, "dream: interrupted", false},
		{"Ctrl-D, edit again", []string{"config", "notes", "edit"}, "Edit it again?", end, 1, "NOTES_LEVEL", false},
		{"Ctrl-C, new", []string{"new", "jot", "--from-compose", "docker.yml"}, "On which path", interrupt, 130, "dream: interrupted", false},
		{"Ctrl-D, new", []string{"new", "jot", "--from-compose", "docker.yml"}, "On which path", end, 0, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := notes(t)
			before, err := os.ReadFile(filepath.Join(dir, ".env"))
			if err != nil {
				t.Fatal(err)
			}
			keyboard, screen := openTerminal(t)
			stderr, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stderr.Close()
			cmd := exec.CommandContext(t.Context(), "dream", tt.args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "DREAM_INSTALL_DIR="+dir, "VISUAL="+filepath.Join(dir, "editor"))
			cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, io.Discard, in
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			in.Close()
			kill := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
			said := readUntil(t, stderr, tt.asks)
			for deadline := time.Now().Add(10 * time.Second); tt.unseen && echoes(t, screen); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the terminal shows the secret")
				}
			}
			if tt.typed == "" {
				err = cmd.Process.Signal(syscall.SIGTERM)
			} else {
				_, err = keyboard.WriteString(tt.typed)
			}
			if err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(stderr)
			if err != nil {
				t.Fatal(err)
			}
			code := 0
			err = cmd.Wait()
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if said += string(rest); code != tt.code || !strings.Contains(said, tt.says) {
				t.Errorf("exit code %d and %q, want %d and %q", code, said, tt.code, tt.says)
			}
			if !echoes(t, screen) {
				t.Error("the terminal shows no more what is typed")
			}
			after, err := os.ReadFile(filepath.Join(dir, ".env"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, after) {
				t.Errorf(".env has changed:\n%s", after)
			}
		})
	}
}

// readUntil reads up to the question.
func readUntil(t *testing.T, r io.Reader, question string) string {
	t.Helper()
	var said []byte
	for b := make([]byte, 1); !bytes.Contains(said, []byte(question)); said = append(said, b...) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("no question: %v: %s", err, said)
		}
	}
	return string(said)
}

func TestReadPipe_EndsWithAnInterrupt(t *testing.T) {
	r, w, err := os.Pipe() // nobody writes
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if value, err := readPipe(ctx, r); value != "" || !errors.Is(err, errInterrupted) {
		t.Errorf("%q, %v, want that it was interrupted", value, err)
	}
}
