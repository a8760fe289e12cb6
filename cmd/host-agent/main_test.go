package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/config"
)

func TestRun(t *testing.T) {
	home := t.TempDir()
	tests := []struct {
		name   string
		args   []string
		env    map[string]string
		code   int
		stdout string // how it begins
		stderr string
	}{
		{name: "version", args: []string{"--version"}, stdout: "2.1.0"},
		{name: "help", args: []string{"--help"}, stderr: "dream-host-agent starts and stops the containers of Dream Server.\n\nUsage: "},
		{name: "an argument", args: []string{"start"}, code: 2, stderr: "dream-host-agent: unexpected argument \"start\"\n\ndream-host-agent starts"},
		{name: "an unknown flag", args: []string{"--port", "1"}, code: 2, stderr: "flag provided but not defined: -port\ndream-host-agent starts"},
		{name: "no installation", code: 1, stderr: "dream-host-agent: DREAM_INSTALL_DIR: is not set, and neither is HOME: name the folder of the installation\n"},
		{
			name: "no key", env: map[string]string{"DREAM_INSTALL_DIR": home}, code: 1,
			stderr: "dream-host-agent: no key: set DREAM_AGENT_KEY in " + home + "/.env, or run `dream init`\n",
		},
		{
			name: "a setting that is not valid", env: map[string]string{"DREAM_INSTALL_DIR": home, "DREAM_AGENT_PORT": "x"}, code: 1,
			stderr: `dream-host-agent: DREAM_AGENT_PORT (environment): "x" is not valid: `,
		},
		{
			name: "a Docker address that is none", env: map[string]string{"DREAM_INSTALL_DIR": home, "DOCKER_HOST": "here"}, code: 1,
			stderr: `dream-host-agent: DOCKER_HOST (environment): "here" is not valid: `,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			code := run(tt.args, func(key string) string { return tt.env[key] }, &stdout, &stderr)
			if code != tt.code || !strings.HasPrefix(stdout.String(), tt.stdout) || !strings.HasPrefix(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s\nwant stdout: %s…\nwant stderr: %s…", code, tt.code, &stdout, &stderr, tt.stdout, tt.stderr)
			}
			if tt.stdout == "" && stdout.Len() > 0 {
				t.Errorf("stdout: %s", &stdout)
			}
		})
	}
}

// seen is a writer that knows when a text was written.
type seen struct {
	text  string
	found func()
}

func (s seen) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.found()
	}
	return len(p), nil
}

func TestServe_ListensUntilItIsTold(t *testing.T) {
	env := map[string]string{
		"DREAM_INSTALL_DIR": t.TempDir(), "DREAM_AGENT_KEY": "0123456789abcdef", "DREAM_AGENT_PORT": "0",
		"DOCKER_HOST": "unix:///nonexistent.sock",
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := serve(ctx, func(key string) string { return env[key] }, seen{`"listening"`, cancel}); err != nil {
		t.Error(err)
	}
}

// What systemd hears, on the socket that it names: ready, alive, stopping.
func TestServe_TellsSystemd(t *testing.T) {
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", systemd.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "30000")
	env := map[string]string{
		"DREAM_INSTALL_DIR": dir, "DREAM_AGENT_KEY": "0123456789abcdef", "DREAM_AGENT_TCP": "off", "DREAM_STOP_TIMEOUT": "90s",
		"DOCKER_HOST": "unix:///nonexistent.sock", // Docker is away
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	if err := os.MkdirAll(filepath.Join(dir, "extensions", "services"), 0o755); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- serve(ctx, func(key string) string { return env[key] }, io.Discard) }()
	next := func() string {
		t.Helper()
		_ = systemd.SetReadDeadline(time.Now().Add(30 * time.Second))
		buf := make([]byte, 1024)
		n, err := systemd.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	if got, want := next(), "READY=1\nSTATUS=Listening at "+dir+"/run/agent.sock"; got != want {
		t.Errorf("first %q, want %q", got, want)
	}
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("then %q, want WATCHDOG=1", got)
		}
	}
	cancel()
	got := next()
	for got == "WATCHDOG=1" {
		got = next()
	}
	if want := "STOPPING=1\nEXTEND_TIMEOUT_USEC=130000000\nSTATUS=Waiting for running work"; got != want {
		t.Errorf("at the end %q, want %q", got, want)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The program as it is wired: what its docker gets, and what it logs at its most talkative, holds no key.
func TestServe_KeepsItsKeysToItself(t *testing.T) {
	const key, apiKey, wrong = "0123456789abcdef0123", "fedcba98765432100123", "77777777777777777777"
	dir, err := os.MkdirTemp("", "agent") //nolint:usetesting // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dump := filepath.Join(dir, "seen")
	script := "#!/bin/sh\n{ tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ; } >>" + dump + "\n"
	for name, text := range map[string]string{"bin/docker": script, "install/extensions/services/x": ""} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"DREAM_INSTALL_DIR": filepath.Join(dir, "install"), "DREAM_AGENT_KEY": key, "DASHBOARD_API_KEY": apiKey, "DREAM_AGENT_PORT": "0",
		"DOCKER_HOST": "unix:///nonexistent.sock", "DREAM_LOG_LEVEL": "trace", "PATH": filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"),
	} {
		t.Setenv(name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log strings.Builder
	listening, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- serve(ctx, os.Getenv, zerolog.SyncWriter(io.MultiWriter(&log, seenOnce(`"listening"`, func() { close(listening) }))))
	}()
	<-listening
	settings, err := config.Load(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []config.Secret{key, wrong, apiKey} {
		settings.AgentKey = k
		client := agent.NewClient(settings, "")
		_, _ = client.Host(ctx) // runs docker compose version
		_, _ = client.Start(ctx, "nosuch", catalog.Starting{}, nil)
		client.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	given, err := os.ReadFile(dump)
	if err != nil || !strings.Contains(string(given), "\ncompose\nversion\n") || !strings.Contains(string(given), "\nPATH=") {
		t.Fatalf("docker did not write down what it was given: %v\n%s", err, given)
	}
	for _, k := range []string{key, apiKey, wrong} {
		if strings.Contains(string(given), k) {
			t.Errorf("docker gets %s:\n%s", k, given)
		}
		if strings.Contains(log.String(), k) {
			t.Errorf("the log has %s:\n%s", k, log.String())
		}
	}
}

func seenOnce(text string, found func()) io.Writer { return seen{text, sync.OnceFunc(found)} }
