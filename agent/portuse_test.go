package agent_test

import (
	"net"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/internal/sockets"
)

func TestPorts_NamesWhoHasThem(t *testing.T) {
	in := newInstallation(t, "-- data/x --\n")
	in.kernel.Store(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	in.must(err)
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	free, err := net.Listen("tcp", "127.0.0.1:0")
	in.must(err)
	unused := free.Addr().(*net.TCPAddr).Port
	free.Close()
	in.engine.set(func(e *fakeEngine) { e.ports[80] = "their-web" })

	got, err := in.client.Ports(t.Context(), []int{taken, 80, unused, 80})
	in.must(err)
	uses := map[int]catalog.PortUse{}
	for _, u := range got.Ports {
		uses[u.Port] = u
	}
	if len(got.Ports) != 3 || len(uses) != 3 || got.Problem != "" {
		t.Errorf("got %+v", got)
	}
	wantEqual(t, "a container's", catalog.PortUse{Port: 80, InUse: true, Container: "their-web"}, uses[80])
	wantEqual(t, "nobody's", catalog.PortUse{Port: unused}, uses[unused])
	if u := uses[taken]; !u.InUse || u.Container != "" || !strings.HasPrefix(u.Program, "agent.test") {
		t.Errorf("this program's: %+v", u)
	}

	if n := in.tried.Load(); n > 0 && sockets.Listening().Known {
		t.Errorf("%d ports were tried: what starts at that moment does not get them", n)
	}

	in.noProc.Store(true)
	got, err = in.client.Ports(t.Context(), []int{taken, unused})
	in.must(err)
	for _, u := range got.Ports {
		wantEqual(t, "without the kernel's list", catalog.PortUse{Port: u.Port, InUse: u.Port == taken}, u)
	}

	in.engine.set(func(e *fakeEngine) { e.down = true })
	got, err = in.client.Ports(t.Context(), []int{taken})
	in.must(err)
	if !got.Ports[0].InUse || got.Problem != "ports of containers that do not run a proxy are not seen: the Docker Engine does not answer at unix:///fake: start it" {
		t.Errorf("while Docker is away: %+v", got)
	}
}

func TestPorts_RefusesWhatIsNoListOfPorts(t *testing.T) {
	in := newInstallation(t, "-- data/x --\n")
	for _, tt := range []struct {
		ports []int
		want  string
	}{
		{nil, "ports names 0 ports: write 1 to 100 of them"},
		{make([]int, 101), "ports names 101 ports: write 1 to 100 of them"},
		{[]int{80, 0}, "ports: 0 is no port: write numbers from 1 to 65535"},
		{[]int{65536}, "ports: 65536 is no port: write numbers from 1 to 65535"},
		{[]int{-1}, "ports: -1 is no port: write numbers from 1 to 65535"},
	} {
		_, err := in.client.Ports(t.Context(), tt.ports)
		in.wantRefusal(err, problem.InvalidParameter, tt.want)
	}
}
