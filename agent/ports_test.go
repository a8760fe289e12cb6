package agent_test

import (
	"net"
	"strconv"
	"testing"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestStart_RefusesTakenPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	publishes := "services:\n  app:\n    image: example/app:1\n    ports: [\"127.0.0.1:" + port + ":80\"]\n"

	in := newInstallation(t, extension("app", publishes))
	in.kernel.Store(true)
	_, err = in.start("app")
	in.wantRefusal(err, problem.PortTaken, `extension "app": port `+port+` on 127.0.0.1 is taken by another program on this machine: stop it, or set another port in .env`)
	wantEqual(t, "calls", nil, in.docker.calls())

	number, _ := strconv.Atoi(port)
	in.engine.set(func(e *fakeEngine) { e.ports[number] = "their-web" })
	_, err = in.start("app")
	in.wantRefusal(err, problem.PortTaken, `extension "app": port `+port+` on 127.0.0.1 is taken by container their-web: stop it, or set another port in .env`)

	// A port that its own container publishes is its own.
	in.docker.update(func(s *dockerState) {
		s.Containers = []fakeContainer{{Container: compose.Container{
			ID: "old", Name: "dream-app", Service: "app", State: "running", Ports: []compose.Port{{IP: "127.0.0.1", Host: number, Container: 80, Protocol: "tcp"}},
		}}}
	})
	in.mustStart("app")
}
