package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

const (
	startIt = "start it with `make run` (systemd: systemctl start dream-host-agent)"

	notForUs = "the host agent at $SOCKET closed the connection without an answer: it takes none from this user (uid %d), or no more of them, or ended just now: use the install's owner or root"

	pingVariable = "AGENT_TEST_PING"
)

// pingCommand pings the socket from another process, which may be another user.
func pingCommand(socket string) int {
	c := agent.NewClient(config.Settings{AgentSocket: socket, AgentKey: key}, version)
	defer c.Close()
	_, err := c.Ping(context.Background())
	if err == nil {
		fmt.Println("answered")
	} else {
		fmt.Println(problem.As(err).Code, err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the connection stays as long as whoever asked for it wants
	return 0
}

// Each way of being away is told apart, for what is asked and for what is to be changed.
func TestClient_TellsWhyTheAgentIsAway(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(in *installation)
		code    problem.Code
		want    string
	}{
		{
			name: "no socket", prepare: func(*installation) {},
			code: problem.AgentNoSocket, want: "the host agent is not running: there is no socket $SOCKET; " + startIt,
		},
		{
			name: "killed", prepare: func(in *installation) { in.listen().Close() },
			code: problem.AgentRefused, want: "the host agent does not listen at $SOCKET: it was stopped or killed; " + startIt,
		},
		{
			name: "wrong key", prepare: func(in *installation) {
				in.options.Settings.AgentKey = "another"
				in.serve()
			},
			code: problem.AgentUnauthorized, want: "the host agent at $SOCKET rejects our key: DREAM_AGENT_KEY must be the same on both sides; after a change of .env run `make run`",
		},
		{
			name: "closes every connection", prepare: func(in *installation) {
				l := in.listen()
				in.t.Cleanup(func() { l.Close() })
				go accept(l, func(c net.Conn) { c.Close() })
			},
			code: problem.AgentRefused, want: fmt.Sprintf(notForUs, os.Geteuid()),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t)
			tt.prepare(in)
			for name, call := range map[string]func() error{
				"ping":  func() error { _, err := in.client.Ping(t.Context()); return err },
				"start": func() error { _, err := in.start("app"); return err },
				"stop":  func() error { return in.client.Stop(t.Context(), "app") },
				"up":    func() error { _, err := in.client.Up(t.Context(), nil, false, nil); return err },
				"logs":  func() error { _, err := in.client.Logs(t.Context(), "app", 1); return err },
			} {
				err := call()
				if !problem.AgentAway(err) {
					t.Errorf("%s: %v does not count as away", name, err)
				}
				in.wantRefusal(err, tt.code, tt.want)
			}
		})
	}
}

// listen makes a socket without an agent behind it. Closed, it stays as that of a killed agent does.
func (in *installation) listen() *net.UnixListener {
	in.t.Helper()
	in.must(os.MkdirAll(filepath.Dir(in.settings.AgentSocket), 0o755))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: in.settings.AgentSocket, Net: "unix"})
	in.must(err)
	l.SetUnlinkOnClose(false)
	return l
}

func accept(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		serve(c)
	}
}

func TestClient_TellsThatTheAgentHangs(t *testing.T) {
	in := prepare(t)
	l := in.listen() // the kernel accepts, nobody answers
	defer l.Close()
	for name, call := range map[string]func(context.Context) error{
		"ping": func(ctx context.Context) error { _, err := in.client.Ping(ctx); return err },
		"start": func(ctx context.Context) error {
			_, err := in.client.Start(ctx, "app", catalog.Starting{}, nil)
			return err
		},
	} {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now())
		err := call(ctx)
		cancel()
		if name == "ping" || err != nil {
			in.wantRefusal(err, problem.AgentHung, "the host agent at $SOCKET accepts connections and does not answer: restart it with `make stop` and `make run` (systemd: systemctl restart dream-host-agent)")
		}
	}
}

func TestClient_TellsThatTheSocketMayNotBeOpened(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	in := prepare(t)
	defer in.listen().Close()
	in.must(os.Chmod(filepath.Dir(in.settings.AgentSocket), 0o700))
	wantEqual(t, "answer", "agent_refused the host agent's socket $SOCKET may not be opened by this user: use the install's owner or root", in.pingAs(65534, 65534))
}

// pingAs pings the agent as another user, in another process, and gives the code and the text of what came of it.
func (in *installation) pingAs(uid, gid uint32) string {
	in.t.Helper()
	answer, hangUp := in.holdAs(uid, gid)
	hangUp()
	return answer
}

// holdAs is pingAs by somebody who then keeps the connection until told to hang up.
func (in *installation) holdAs(uid, gid uint32) (answer string, hangUp func()) {
	in.t.Helper()
	dir := shortDir(in.t)
	in.must(os.Chmod(dir, 0o755))
	program := filepath.Join(dir, "ping") // go test's own folder is closed to others
	data, err := os.ReadFile("/proc/self/exe")
	in.must(err)
	in.must(os.WriteFile(program, data, 0o755))
	cmd := exec.CommandContext(context.Background(), program) // its end is waited for when the test's own context is over
	cmd.Env = []string{pingVariable + "=" + in.settings.AgentSocket, "GORACE=atexit_sleep_ms=0"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	stdin, err := cmd.StdinPipe()
	in.must(err)
	stdout, err := cmd.StdoutPipe()
	in.must(err)
	in.must(cmd.Start())
	hangUp = sync.OnceFunc(func() {
		stdin.Close()
		in.must(cmd.Wait())
	})
	in.t.Cleanup(hangUp)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	in.must(err)
	return strings.ReplaceAll(strings.TrimSpace(line), in.settings.AgentSocket, "$SOCKET"), hangUp
}

// A connection that breaks when the work was asked for leaves it open what came of it.
func TestClient_DoesNotKnowWhatCameOfABrokenConnection(t *testing.T) {
	const unknown = "the host agent stopped answering in the middle of the work: what came of it is unknown, see `dream status`; an unfinished change is finished when it is back ("
	for name, broken := range map[string]http.HandlerFunc{
		"closed":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half reply": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status": "o`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/health" {
					fmt.Fprint(w, `{"status": "ok"}`)
					return
				}
				broken(w, r)
			}))
			defer server.Close()
			c := agent.NewClient(settingsFor(t, server.Listener.Addr()), version)
			defer c.Close()
			for _, call := range []func() error{
				func() error { _, err := c.Start(t.Context(), "app", catalog.Starting{}, nil); return err },
				func() error { return c.Stop(t.Context(), "app") },
				func() error { _, err := c.Up(t.Context(), nil, false, nil); return err },
			} {
				if err := call(); !problem.HasCode(err, problem.OutcomeUnknown) || !strings.HasPrefix(err.Error(), unknown) {
					t.Errorf("got %v, want outcome_unknown", err)
				}
			}
			if _, err := c.Containers(t.Context()); !problem.AgentAway(err) {
				t.Errorf("what was only asked: %v, want the agent away", err)
			}
		})
	}
}

func TestClient_IsNotFooledByAnotherServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := agent.NewClient(settingsFor(t, server.Listener.Addr()), version)
	defer c.Close()
	if err := c.Stop(t.Context(), "app"); !problem.HasCode(err, problem.Unavailable) || err.Error() != "unexpected reply: HTTP 404 Not Found" {
		t.Errorf("got %v", err)
	}
}

func TestClient_SaysThatItWasGivenUp(t *testing.T) {
	in := prepare(t)
	defer in.listen().Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := in.client.Ping(ctx)
	in.wantRefusal(err, problem.AgentRefused, "the request to the host agent at $SOCKET was given up before it was answered")
}
