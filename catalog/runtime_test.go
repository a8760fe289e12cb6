package catalog_test

import (
	"strings"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// containers of notes, one for each state: "running", "running healthy", "exited 1".
func containers(states ...compose.Container) []compose.Container {
	for i := range states {
		states[i].Service = "notes"
		states[i].Name = "dream-notes-" + string(rune('a'+i))
	}
	return states
}

func TestSnapshot_Runtime(t *testing.T) {
	running := compose.Container{State: "running"}
	healthy := compose.Container{State: "running", Health: "healthy"}
	starting := compose.Container{State: "running", Health: "starting"}
	unhealthy := compose.Container{State: "running", Health: "unhealthy"}
	restarting := compose.Container{State: "restarting"}
	died := compose.Container{State: "exited", ExitCode: 1}
	finished := compose.Container{State: "exited"}
	tests := []struct {
		name    string
		state   string // compose.yaml unless said otherwise
		have    []compose.Container
		failure string
		want    catalog.Runtime // without the containers
	}{
		{name: "no container", want: catalog.Runtime{State: "not_deployed"}},
		{name: "no container, and why", failure: "no image", want: catalog.Runtime{State: "not_deployed", Reason: "no image"}},
		{name: "running", have: containers(running), want: catalog.Runtime{State: "running"}},
		{name: "healthy", have: containers(healthy), want: catalog.Runtime{State: "running", Health: "healthy"}},
		{name: "running beside a finished one", have: containers(healthy, finished), want: catalog.Runtime{State: "running", Health: "healthy"}},
		{name: "one starts", have: containers(healthy, starting), want: catalog.Runtime{State: "starting", Health: "starting"}},
		{name: "one is unhealthy", have: containers(healthy, unhealthy), want: catalog.Runtime{State: "partial", Health: "unhealthy", Reason: "dream-notes-b is unhealthy"}},
		{name: "all are broken", have: containers(died, restarting), want: catalog.Runtime{State: "failed", Reason: "dream-notes-a is exited (code 1); dream-notes-b is restarting"}},
		{name: "broken, and the start said why", have: containers(died), failure: "out of memory", want: catalog.Runtime{State: "failed", Reason: "out of memory"}},
		{name: "stopped", have: containers(finished), want: catalog.Runtime{State: "stopped"}},
		{name: "stopped by a signal while disabled", state: "compose.yaml.disabled", have: containers(compose.Container{State: "exited", ExitCode: 137}), want: catalog.Runtime{State: "stopped"}},
		{name: "unwell until it died", have: containers(compose.Container{State: "exited", ExitCode: 2, Health: "unhealthy"}), want: catalog.Runtime{State: "failed", Reason: "dream-notes-a is exited (code 2)"}},
		{name: "unwell until it was stopped", have: containers(compose.Container{State: "exited", ExitCode: 143, Health: "unhealthy"}), want: catalog.Runtime{State: "stopped"}},
		{name: "started until it was stopped", have: containers(compose.Container{State: "exited", ExitCode: 137, Health: "starting"}), want: catalog.Runtime{State: "stopped"}},
		{name: "unwell until it was paused", have: containers(compose.Container{State: "paused", Health: "unhealthy"}), want: catalog.Runtime{State: "stopped", Reason: "dream-notes-a is paused"}},
		{name: "well until it was paused", have: containers(compose.Container{State: "paused", Health: "healthy"}), want: catalog.Runtime{State: "stopped", Reason: "dream-notes-a is paused"}},
		{name: "unwell until it restarted", have: containers(compose.Container{State: "restarting", Health: "unhealthy", ExitCode: 1}), want: catalog.Runtime{State: "failed", Reason: "dream-notes-a is restarting"}},
		{name: "one runs and is well, the other died unwell", have: containers(healthy, compose.Container{State: "exited", ExitCode: 1, Health: "unhealthy"}), want: catalog.Runtime{State: "partial", Health: "healthy", Reason: "dream-notes-b is exited (code 1)"}},
		{name: "another's container", have: []compose.Container{{Service: "notes2", State: "running"}, {Service: "notes-plus-web", State: "running"}}, want: catalog.Runtime{State: "not_deployed"}},
		{name: "a sidecar", have: []compose.Container{{Service: "notes-db", State: "running"}}, want: catalog.Runtime{State: "running"}},
		{name: "a sidecar named like what is only in the library", have: []compose.Container{{Service: "notes-mini", State: "running"}}, want: catalog.Runtime{State: "running"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := "compose.yaml"
			if tt.state != "" {
				file = tt.state
			}
			in := newInstallation(t, archive("data/user-extensions", "notes", file, nil), enabled("notes-plus"), library("notes-mini"))
			in.agent.containers = func() (catalog.State, error) {
				return catalog.State{Containers: tt.have, Failures: one("notes", tt.failure)}, nil
			}
			in.Refresh(t.Context())
			e, _ := in.Snapshot().Find("notes")
			got := e.Runtime
			got.Containers = nil
			wantEqual(t, "runtime", tt.want, got)
		})
	}
}

func TestRuntime_Up(t *testing.T) {
	up := map[string]string{ // state → healths with which it is up
		"running": "none healthy starting degraded unknown", "starting": "none healthy starting degraded unknown",
		"not_deployed": "healthy degraded", "unknown": "healthy degraded",
		"partial": "", "failed": "", "stopped": "", "": "",
	}
	for state, want := range up {
		var got []string
		for _, h := range []string{"none", "healthy", "unhealthy", "starting", "degraded", "down", "not_deployed", "unknown"} {
			r := catalog.Runtime{State: state, Health: strings.TrimPrefix(h, "none")}
			if r.Up() {
				got = append(got, h)
			}
		}
		wantEqual(t, state, want, strings.Join(got, " "))
	}
}

func TestSnapshot_TellsWhyTheAgentIsAway(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	in.agent.goAway(errAway)
	in.mustDo("disable notes")
	s := in.Snapshot()
	wantEqual(t, "agent", catalog.AgentStatus{Code: "agent_no_socket", Reason: errAway.Error()}, s.Agent)
	e, _ := s.Find("notes")
	wantEqual(t, "runtime", catalog.Runtime{State: "unknown", Reason: errAway.Error(), Pending: "disable"}, e.Runtime)
}

func TestSnapshot_TellsThatDockerIsAway(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	in.agent.containers = func() (catalog.State, error) {
		return catalog.State{}, problem.Newf(problem.DockerUnavailable, "start Docker")
	}
	in.Refresh(t.Context())
	wantEqual(t, "agent", catalog.AgentStatus{Available: true, Version: "2.1.0", Docker: "start Docker"}, in.Snapshot().Agent)
}

// What is told of an extension is that of the container with its name; restarts are those of all.
func TestRuntime_NamesTheMainContainer(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	started := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	in.agent.has(
		compose.Container{Service: "notes-db", Image: "example/db:1", State: "running", Restarts: 2, StartedAt: started.Add(-time.Hour)},
		compose.Container{Service: "notes", Image: "example/notes:1", State: "running", Restarts: 1, StartedAt: started})
	in.Refresh(t.Context())
	e, _ := in.Snapshot().Find("notes")
	if r := e.Runtime; !r.StartedAt.Equal(started) || r.Image != "example/notes:1" || r.Restarts != 3 {
		t.Errorf("started %s, image %s, %d restarts", r.StartedAt, r.Image, r.Restarts)
	}
}
