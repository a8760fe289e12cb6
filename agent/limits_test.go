package agent_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// soon is a limit that a test can wait for.
const soon = 50 * time.Millisecond

// limitedInstallation has an agent with these limits.
func limitedInstallation(t *testing.T, l agent.Limits, files ...string) *installation {
	t.Helper()
	in := prepare(t, files...)
	in.options.Limits = l
	in.serve()
	return in
}

// dial connects to the socket. A test that hangs ends.
func (in *installation) dial(send string, args ...any) net.Conn {
	in.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(in.t.Context(), "unix", in.settings.AgentSocket)
	in.must(err)
	in.t.Cleanup(func() { conn.Close() })
	in.must(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	_, err = fmt.Fprintf(conn, send, args...)
	in.must(err)
	return conn
}

// untilDropped reads what the agent says until it closes the connection.
func (in *installation) untilDropped(conn net.Conn) string {
	in.t.Helper()
	reply, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		in.t.Fatalf("the connection is still there; read so far: %s", reply)
	}
	return string(reply)
}

func TestLimits_DropAClientThat(t *testing.T) {
	const head = "POST /v1/extension/start HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer " + key + "\r\n"
	tests := []struct {
		name   string
		limits agent.Limits
		send   string
		want   []string // what the reply holds; none: there is no reply
	}{
		{"says nothing", agent.Limits{Header: soon}, "", nil},
		{"never ends its header", agent.Limits{Header: soon}, head, nil},
		{"sends a header of 64 KB", agent.Limits{}, head + "X: " + strings.Repeat("x", 64<<10), []string{"431 Request Header Fields Too Large"}},
		{"never ends its body", agent.Limits{Body: soon}, head + "Content-Length: 100\r\n\r\n{", []string{"400 Bad Request", "it came too slowly"}},
		{"never ends a body in chunks", agent.Limits{Body: soon}, head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", []string{"400 Bad Request", "it came too slowly"}},
		{"announces a body that nobody asked for", agent.Limits{Body: soon}, "GET /health HTTP/1.1\r\nHost: agent\r\nContent-Length: 100\r\n\r\n", []string{"200 OK", `"status":"ok"`}},
		{"sends too large a body", agent.Limits{Body: soon}, head + "Content-Length: 20000\r\n\r\n" + strings.Repeat(" ", 20000), []string{"413 Request Entity Too Large"}},
		{"has no key", agent.Limits{}, "GET /v1/host HTTP/1.1\r\nHost: agent\r\n\r\n", []string{"401 Unauthorized", "Connection: close"}},
		{"has another key", agent.Limits{}, "GET /v1/host HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer x\r\n\r\n", []string{"403 Forbidden", "Connection: close"}},
		{"asks once and stays", agent.Limits{Idle: soon}, "GET /health HTTP/1.1\r\nHost: agent\r\n\r\n", []string{"200 OK", `"status":"ok"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := limitedInstallation(t, tt.limits)
			reply := in.untilDropped(in.dial("%s", tt.send))
			for _, want := range tt.want {
				if !strings.Contains(reply, want) {
					t.Errorf("the reply has no %q: %s", want, reply)
				}
			}
			if tt.want == nil && reply != "" {
				t.Errorf("a reply: %s", reply)
			}
		})
	}
}

// Replies that nobody reads fill the socket's buffer; then the connection ends and not the agent's patience.
func TestLimits_DropAClientThatDoesNotRead(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{Write: soon})
	conn := in.dial("")
	var err error
	for err == nil {
		_, err = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: agent\r\n\r\n")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still there")
	}
}

// passes waits until a request's time is over for one whose body never comes.
func (in *installation) passes() {
	in.t.Helper()
	in.untilDropped(in.dial("GET /health HTTP/1.1\r\nHost: agent\r\nContent-Length: 1\r\n\r\n"))
}

func TestLimits_CutNoEvents(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{Header: time.Minute, Body: soon, Write: time.Minute, Idle: soon})
	resp := in.open(http.MethodGet, "/v1/events", "")
	defer resp.Body.Close()
	s := bufio.NewScanner(resp.Body)
	eventLines(t, s) // hello
	in.passes()
	in.engine.changes <- compose.Change{Service: "app", Action: "start"}
	if got := eventLines(t, s); !strings.HasPrefix(got, "event: container\n") {
		t.Errorf("got %q", got)
	}
}

func TestLimits_CutNoLongChange(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{Body: soon, Write: soon, Idle: soon}, extension("slow", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	result := in.background("slow")
	in.docker.entered()
	in.passes()
	in.docker.release()
	in.must(<-result)
}

// Who holds all connections over TCP keeps nobody from the socket.
func TestLimits_AreApartForTheSocketAndTCP(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{TCPConns: 1})
	held, err := net.Dial("tcp", in.addr)
	in.must(err)
	defer held.Close()
	for range 3 {
		_, err := in.client.Ping(t.Context())
		in.must(err)
	}
}

// Who holds all the connections that one user may have keeps root from none: turning off goes on.
func TestLimits_KeepConnectionsForRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be somebody else")
	}
	in := prepare(t, extension("app", ""))
	in.openToOthers()
	in.options.Settings.UID, in.options.Settings.GID = 4320, 4321
	in.options.Limits = agent.Limits{SocketConns: 5}
	in.serve()
	in.mustStart("app")
	var hangUp func()
	for i := range 3 {
		answer, hang := in.holdAs(4320, 4321)
		wantEqual(t, fmt.Sprint("connection ", i), "answered", answer)
		hangUp = hang
	}
	wantEqual(t, "one more", "agent_refused "+fmt.Sprintf(notForUs, 4320), in.pingAs(4320, 4321))
	in.must(in.client.Stop(t.Context(), "app"))
	wantEqual(t, "containers", map[string]string{"app": "exited"}, in.docker.services())
	wantEqual(t, "audit log", "|uid 4320|connect||unavailable|this user has 3 of the socket's 5 connections, and the others are kept for root", in.told()[1])
	hangUp()
	in.eventually("one of them has ended", func() bool { return in.pingAs(4320, 4321) == "answered" })
}

// A stream lasts as long as its client: of those there are not many.
func TestLimits_BoundStreamsOfEvents(t *testing.T) {
	in := limitedInstallation(t, agent.Limits{Streams: 3, PeerStreams: 2})
	follow := func() (status int, hangUp func()) {
		resp := in.open(http.MethodGet, "/v1/events", "")
		t.Cleanup(func() { resp.Body.Close() })
		return resp.StatusCode, func() { resp.Body.Close() }
	}
	first, hangUp := follow()
	second, _ := follow()
	wantEqual(t, "streams", []int{200, 200}, []int{first, second})
	_, body := in.request(http.MethodGet, "/v1/events", "")
	d := decode[problem.Document](t, body)
	wantEqual(t, "the third", "503 unavailable there are enough streams of events: 2 for one user and 3 in all; end one and try again",
		fmt.Sprint(d.Status, " ", d.Code, " ", d.Detail))
	_, err := in.client.Ping(t.Context())
	in.must(err)
	hangUp()
	in.eventually("one of them has ended", func() bool { status, _ := follow(); return status == 200 })
}

// eventually waits for what another goroutine of the agent does without telling.
func (in *installation) eventually(what string, is func() bool) {
	in.t.Helper()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			in.t.Fatalf("it is never so that %s", what)
		}
	}
}

// waitingListener has as many connections as anybody wants.
type waitingListener struct {
	net.Listener
	accepted int
}

func (l *waitingListener) Accept() (net.Conn, error) {
	l.accepted++
	c, _ := net.Pipe()
	return c, nil
}
func (l *waitingListener) Close() error { return nil }

func TestBounded_AcceptsTheNextWhenOneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &waitingListener{}
		l := agent.Bounded(inner, 2)
		conns, ended := make(chan net.Conn), make(chan error)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					ended <- err
					return
				}
				conns <- c
			}
		}()
		first, second := <-conns, <-conns
		synctest.Wait()
		wantEqual(t, "accepted", 2, inner.accepted)
		first.Close()
		first.Close() // frees one place, not two
		third := <-conns
		synctest.Wait()
		wantEqual(t, "accepted", 3, inner.accepted)
		l.Close()
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		second.Close()
		third.Close()
	})
}
