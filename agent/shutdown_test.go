package agent_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// background runs a start and gives its error.
func (in *installation) background(id string) <-chan error {
	result := make(chan error, 1)
	go func() { _, err := in.client.Start(in.t.Context(), id, catalog.Starting{}, nil); result <- err }()
	return result
}

// stopping asks the agent to end and waits until it takes no new connections.
func (in *installation) stopping() <-chan error {
	in.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- in.stop() }()
	for {
		conn, err := (&net.Dialer{}).DialContext(in.t.Context(), "unix", in.settings.AgentSocket)
		if err != nil {
			return ended
		}
		conn.Close()
	}
}

func TestShutdown_LetsRunningWorkFinish(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	result := in.background("app")
	in.docker.entered()
	ended := in.stopping()
	in.docker.release()
	in.must(<-result)
	in.must(<-ended)
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
}

func TestShutdown_EndsAndRollsBackWhatTakesTooLong(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.options.Settings.StopTimeout = time.Millisecond
	in.serve()
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	result := in.background("app")
	in.docker.entered()
	in.must(in.stop())
	in.wantRefusal(<-result, problem.ShuttingDown, `extension "app": the host agent is shutting down: the start was undone`)
	wantEqual(t, "calls", []string{"create app", "up app", "rm app"}, in.docker.calls())
	wantEqual(t, "containers", map[string]string{}, in.docker.services())
}

func TestShutdown_EndsAPull(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.options.Settings.StopTimeout = time.Millisecond
	in.serve()
	in.docker.update(func(s *dockerState) { s.Waits["pull"] = true; s.Missing = []string{"example/app:1"} })
	result := in.background("app")
	in.docker.entered()
	in.must(in.stop())
	if err := <-result; !problem.HasCode(err, problem.ShuttingDown) || !strings.HasPrefix(err.Error(), "the host agent is shutting down: start was ended before it was done; try again when it is back (") {
		t.Errorf("start: %v", err)
	}
	wantEqual(t, "calls", []string{"pull app"}, in.docker.calls())
}

// Work that nobody asked for over HTTP is ended in time, too.
func TestShutdown_EndsWhatIsReconciled(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.options.Settings.StopTimeout = time.Millisecond
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	in.pending("app", "install")
	in.serve()
	in.docker.entered()
	in.must(in.stop())
	wantEqual(t, "containers", map[string]string{}, in.docker.services())
	wantEqual(t, "unfinished", map[string]string{"app": "install"}, in.unfinished())
}

// An install that the agent's end interrupts stays, and the next agent starts it.
func TestShutdown_InTheMiddleOfAnInstallIsMadeUpFor(t *testing.T) {
	in := prepare(t, inFolder("data/extensions-library", "app", ""))
	in.options.Settings.StopTimeout = time.Millisecond
	in.serve()
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	m := catalog.New(catalog.Options{Settings: in.settings, Agent: in.client, Version: version, Actor: "test", Log: in.options.Log})
	type answer struct {
		catalog.Result
		err error
	}
	result := make(chan answer, 1)
	go func() { r, err := m.Install(t.Context(), "app", catalog.Given{}); result <- answer{r, err} }()
	in.docker.entered()
	in.must(in.stop())
	if a := <-result; a.err != nil || !a.RestartRequired {
		t.Errorf("install: %+v", a)
	}
	wantEqual(t, "containers", map[string]string{}, in.docker.services())

	in.docker.update(func(s *dockerState) { s.Waits["up"] = false })
	in.serve()
	in.log.wait(t, "an unfinished change is applied")
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
}

func TestRun_RefusesASecondAgent(t *testing.T) {
	in := newInstallation(t)
	_, err := in.run(in.options)
	in.wantError(err, "another host agent has locked $INSTALL/state/.lock: stop it first")

	other := in.options
	other.Settings.StateDir = in.path("other-state")
	_, err = in.run(other)
	in.wantError(err, "another host agent listens at $SOCKET: stop it first")
	if _, err := in.client.Ping(t.Context()); err != nil {
		t.Errorf("the first agent is gone: %v", err)
	}

	in.must(in.stop())
	in.serve()
}

func (in *installation) wantError(err error, want string) {
	in.t.Helper()
	got := ""
	if err != nil {
		got = strings.NewReplacer(in.dir, "$INSTALL", in.settings.AgentSocket, "$SOCKET").Replace(err.Error())
	}
	wantEqual(in.t, "error", want, got)
}

func TestRun_ReplacesAStaleSocket(t *testing.T) {
	in := prepare(t)
	in.must(os.MkdirAll(filepath.Dir(in.settings.AgentSocket), 0o755))
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: in.settings.AgentSocket, Net: "unix"})
	in.must(err)
	killed.SetUnlinkOnClose(false)
	killed.Close()
	in.serve()
	_, err = in.client.Ping(t.Context())
	in.must(err)
	wantEqual(t, "socket", "Srw-rw----", modeOf(t, in.settings.AgentSocket))
	in.must(in.stop())
	if _, err := os.Lstat(in.settings.AgentSocket); err == nil {
		t.Error("the socket is left behind")
	}
}

func TestRun_RemovesNoFileThatIsNoSocket(t *testing.T) {
	in := prepare(t)
	in.must(os.MkdirAll(filepath.Dir(in.settings.AgentSocket), 0o755))
	in.must(os.WriteFile(in.settings.AgentSocket, []byte("precious"), 0o600))
	_, err := in.run(in.options)
	in.wantError(err, "socket: $SOCKET is there and is no socket: set DREAM_AGENT_SOCKET to another path")
	data, err := os.ReadFile(in.settings.AgentSocket)
	in.must(err)
	wantEqual(t, "file", "precious", string(data))
}

func TestRun_GivesTheSocketToItsGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	in := prepare(t)
	in.options.Settings.GID = 4321
	in.serve()
	for name, want := range map[string]string{in.settings.AgentSocket: "Srw-rw----", filepath.Dir(in.settings.AgentSocket): "drwx--x---"} {
		info, err := os.Lstat(name)
		in.must(err)
		wantEqual(t, name, want, info.Mode().String())
		wantEqual(t, "group", uint32(4321), info.Sys().(*syscall.Stat_t).Gid)
	}
}

func TestRun_NamesATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in := prepare(t)
	in.options.Settings.AgentPort = taken.Addr().(*net.TCPAddr).Port
	_, err = in.run(in.options)
	in.wantError(err, "listen: listen tcp "+taken.Addr().String()+": bind: address already in use: is another host agent running? set DREAM_AGENT_PORT, or DREAM_AGENT_TCP=off")
	in.options.Settings.AgentPort = 0
	in.serve()
}

// The socket is enough for every client. What TCP would be reached at is taken, and nobody minds.
func TestRun_LeavesTCPAlone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in := prepare(t)
	in.setEnv("DREAM_AGENT_TCP=off")
	in.settings = in.load()
	in.options.Settings = in.settings
	in.options.Settings.AgentPort = taken.Addr().(*net.TCPAddr).Port
	in.serve()
	wantEqual(t, "TCP address", "", in.addr)
	_, err = in.client.Ping(t.Context())
	in.must(err)
}

func TestNewServer_NeedsAKey(t *testing.T) {
	in := prepare(t)
	in.options.Settings.AgentKey = ""
	_, err := in.run(in.options)
	in.wantError(err, "no key: set DREAM_AGENT_KEY in $INSTALL/.env, or run `dream init`")
}
