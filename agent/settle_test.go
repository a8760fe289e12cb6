package agent_test

import (
	"testing"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestStart_SaysWhatBecameOfTheContainers(t *testing.T) {
	tests := []struct {
		name    string
		becomes compose.Container
		log     []string
		waiting []string
		want    string // empty: it worked
	}{
		{name: "runs", becomes: compose.Container{State: "running"}},
		{name: "healthy", becomes: compose.Container{State: "running", Health: "healthy"}},
		{name: "health not known in time", becomes: compose.Container{State: "running", Health: "starting"}, waiting: []string{"app"}},
		{name: "ran once and is done", becomes: compose.Container{State: "exited", OneShot: true}},
		{
			name: "died", becomes: compose.Container{State: "exited", ExitCode: 3}, log: []string{"no config", "giving up"},
			want: "extension \"app\" was started and failed: dream-server-app-1 exited with code 3\nThe last lines of its log:\nno config\ngiving up",
		},
		{name: "died without a word", becomes: compose.Container{State: "exited", ExitCode: 3, OneShot: true}, want: `extension "app" was started and failed: dream-server-app-1 exited with code 3`},
		{name: "a service that exits", becomes: compose.Container{State: "exited"}, want: `extension "app" was started and failed: dream-server-app-1 exited with code 0`},
		{name: "restarts", becomes: compose.Container{State: "restarting", ExitCode: 1}, want: `extension "app" was started and failed: dream-server-app-1 exited with code 1 and is being restarted`},
		{name: "unhealthy", becomes: compose.Container{State: "running", Health: "unhealthy", LastHealth: "connection refused"}, want: `extension "app" was started and failed: dream-server-app-1 is unhealthy: connection refused`},
		{name: "out of memory", becomes: compose.Container{State: "exited", ExitCode: 137, OOMKilled: true}, want: `extension "app" was started and failed: dream-server-app-1 ran out of memory: raise deploy.resources.limits.memory`},
		{name: "never started", becomes: compose.Container{State: "created", Error: "exec: not found"}, want: `extension "app" was started and failed: dream-server-app-1 never started: exec: not found`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, extension("app", ""))
			in.docker.becomes("app", tt.becomes)
			in.engine.prints("app", 0, tt.log...)
			r, err := in.start("app")
			if tt.want != "" {
				in.wantRefusal(err, problem.StartFailed, tt.want)
			} else {
				in.must(err)
			}
			wantEqual(t, "waiting", tt.waiting, r.Waiting)
			state, err := in.client.Containers(t.Context())
			in.must(err)
			wantEqual(t, "failures", tt.want, state.Failures["app"])
		})
	}
}

// `up -d` exits 0, and somebody removes the container before anybody has looked at it.
func TestStart_FailsWhenThereIsNoContainer(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	result := make(chan error, 1)
	go func() { _, err := in.start("app"); result <- err }()
	in.docker.entered()
	in.docker.update(func(s *dockerState) { s.Containers = nil })
	in.docker.release()
	in.wantRefusal(<-result, problem.StartFailed, `extension "app" was started and failed: app has no container: somebody removed it`)
}

func TestStart_ForgetsAFailureOnceItWorks(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.becomes("app", compose.Container{State: "exited", ExitCode: 1})
	if _, err := in.start("app"); err == nil {
		t.Fatal("it works at once")
	}
	in.docker.becomes("app", compose.Container{State: "running"})
	in.mustStart("app")
	state, err := in.client.Containers(t.Context())
	in.must(err)
	wantEqual(t, "failures", nil, state.Failures)
}

func TestStart_WaitsForHealthWithinItsTime(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.options.HealthWait = time.Hour
	in.docker.becomes("app", compose.Container{State: "running", Health: "starting"})
	in.serve()
	result := make(chan error, 1)
	go func() { _, err := in.start("app"); result <- err }()
	in.engine.inspected(t)
	in.docker.update(func(s *dockerState) { s.Containers[0].Health = "healthy" })
	in.must(<-result)
}
