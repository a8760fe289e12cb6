package agent_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestStats_AreOfTheProjectsContainers(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("board", ""))
	in.mustStart("app")
	in.mustStart("board")
	got, err := in.client.Stats(t.Context())
	in.must(err)
	services := map[string]compose.Usage{}
	for _, u := range got.Usages {
		u.ID = ""
		services[u.Service] = u
	}
	wantEqual(t, "services", map[string]compose.Usage{
		"app":   {Name: "dream-server-app-1", Service: "app", CPU: 1e9, Memory: 1 << 20},
		"board": {Name: "dream-server-board-1", Service: "board", CPU: 1e9, Memory: 1 << 20},
	}, services)

	in.engine.set(func(e *fakeEngine) { e.mute = "board" })
	got, err = in.client.Stats(t.Context())
	in.must(err)
	wantEqual(t, "problem", "not every container could be asked: the Docker Engine does not answer in time: look whether it is overloaded, and try again", got.Problem)
	if len(got.Usages) != 1 {
		t.Errorf("got %+v", got.Usages)
	}
}

func TestStats_SayThatDockerIsAway(t *testing.T) {
	in := newInstallation(t, "-- data/x --\n")
	in.engine.set(func(e *fakeEngine) { e.down = true })
	_, err := in.client.Stats(t.Context())
	in.wantRefusal(err, problem.DockerUnavailable, "the Docker Engine does not answer at unix:///fake: start it")
}

// An agent that was not updated yet knows some paths, and says of the others that it does not.
func TestClient_SaysThatTheAgentIsOlder(t *testing.T) {
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.NewDocument(problem.Newf(problem.NotFound, "the host agent has no %s", r.URL.Path)).Write(w)
	}))
	defer old.Close()
	c := agent.NewClient(settingsFor(t, old.Listener.Addr()), version)
	defer c.Close()
	for name, ask := range map[string]func() error{
		"stats":   func() error { _, err := c.Stats(t.Context()); return err },
		"storage": func() error { _, err := c.Storage(t.Context()); return err },
		"ports":   func() error { _, err := c.Ports(t.Context(), []int{80}); return err },
	} {
		err := ask()
		want := "the host agent at " + old.Listener.Addr().String() + " is older than this program and cannot tell this: run `make run`, which updates both"
		if !problem.HasCode(err, problem.Unavailable) || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
