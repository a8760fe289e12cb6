package catalog_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func fails(code problem.Code) error { return problem.Newf(code, "it is %s", code) }

// What a change leaves on disk and in the journal depends on what became of the agent's part. A row's want lists the
// compose file of notes, if any; pending is what the agent finishes by itself.
func TestManager_LeavesOnDisk(t *testing.T) {
	running := compose.Container{Name: "dream-notes", Service: "notes", State: "running"}
	tests := []struct {
		name    string
		files   string
		do      string
		agent   fakeAgent
		away    error // every call fails with it
		want    string
		pending string
		err     problem.Code // empty: none
		restart bool
	}{
		{name: "install", files: library("notes"), do: "install notes", want: "compose.yaml"},
		{name: "enable", files: disabled("notes"), do: "enable notes", want: "compose.yaml"},
		{name: "disable", files: enabled("notes"), do: "disable notes", want: "compose.yaml.disabled"},
		{name: "uninstall", files: disabled("notes"), do: "uninstall notes"},
		{name: "start", files: enabled("notes"), do: "start notes", want: "compose.yaml"},
		{name: "stop", files: enabled("notes"), do: "stop notes", want: "compose.yaml"},
		{name: "restart", files: enabled("notes"), do: "restart notes", want: "compose.yaml"},

		// The agent is away: the files change, and the agent does the rest when it is back.
		{name: "install without a socket", files: library("notes"), do: "install notes", away: fails(problem.AgentNoSocket), want: "compose.yaml", pending: "install", restart: true},
		{name: "install while it refuses", files: library("notes"), do: "install notes", away: fails(problem.AgentRefused), want: "compose.yaml", pending: "install", restart: true},
		{name: "install with a wrong key", files: library("notes"), do: "install notes", away: fails(problem.AgentUnauthorized), want: "compose.yaml", pending: "install", restart: true},
		{name: "install while it hangs", files: library("notes"), do: "install notes", away: fails(problem.AgentHung), want: "compose.yaml", pending: "install", restart: true},
		{name: "install while it shuts down", files: library("notes"), do: "install notes", away: fails(problem.ShuttingDown), want: "compose.yaml", pending: "install", restart: true},
		{name: "enable without an agent", files: disabled("notes"), do: "enable notes", away: errAway, want: "compose.yaml", pending: "enable", restart: true},
		{name: "disable without an agent", files: enabled("notes"), do: "disable notes", away: errAway, want: "compose.yaml.disabled", pending: "disable", restart: true},
		{name: "uninstall without an agent", files: disabled("notes"), do: "uninstall notes", away: errAway, pending: "uninstall", restart: true},
		{name: "start without an agent", files: enabled("notes"), do: "start notes", away: errAway, want: "compose.yaml", err: problem.AgentNoSocket},
		{name: "stop without an agent", files: enabled("notes"), do: "stop notes", away: errAway, want: "compose.yaml", err: problem.AgentNoSocket},

		// The agent stopped answering in the middle: an error, and the agent finishes it.
		{name: "install with unknown outcome", files: library("notes"), do: "install notes", agent: startFails(problem.OutcomeUnknown), want: "compose.yaml", pending: "install", err: problem.OutcomeUnknown},
		{name: "enable with unknown outcome", files: disabled("notes"), do: "enable notes", agent: startFails(problem.OutcomeUnknown), want: "compose.yaml", pending: "enable", err: problem.OutcomeUnknown},
		{name: "disable with unknown outcome", files: enabled("notes"), do: "disable notes", agent: stopFails(problem.OutcomeUnknown), want: "compose.yaml", pending: "disable", err: problem.OutcomeUnknown},
		{name: "uninstall with unknown outcome", files: disabled("notes"), do: "uninstall notes", agent: removeFails(problem.OutcomeUnknown), want: "compose.yaml.disabled", pending: "uninstall", err: problem.OutcomeUnknown},
		{name: "restart with unknown outcome", files: enabled("notes"), do: "restart notes", agent: startFails(problem.OutcomeUnknown), want: "compose.yaml", pending: "restart", err: problem.OutcomeUnknown},
		{name: "stop with unknown outcome", files: enabled("notes"), do: "stop notes", agent: stopFails(problem.OutcomeUnknown), want: "compose.yaml", pending: "stop", err: problem.OutcomeUnknown},

		// The gate refuses: nothing was touched.
		{name: "install what the scan refuses", files: library("notes"), do: "install notes", agent: checkFails(problem.ScanRefused), err: problem.ScanRefused},
		{name: "install with missing configuration", files: library("notes"), do: "install notes", agent: checkFails(problem.MissingConfig), err: problem.MissingConfig},
		{name: "enable what the scan refuses", files: disabled("notes"), do: "enable notes", agent: checkFails(problem.ScanRefused), want: "compose.yaml.disabled", err: problem.ScanRefused},

		// The start fails before there is a container: undone whole.
		{name: "install without its image", files: library("notes"), do: "install notes", agent: startFails(problem.StartFailed), err: problem.StartFailed},
		{name: "install on a taken port", files: library("notes"), do: "install notes", agent: startFails(problem.PortTaken), err: problem.PortTaken},
		{name: "enable without its image", files: disabled("notes"), do: "enable notes", agent: startFails(problem.StartFailed), want: "compose.yaml.disabled", err: problem.StartFailed},
		{name: "enable on a taken port, its old container stopped", files: disabled("notes"), do: "enable notes", agent: startFails(problem.PortTaken, running), want: "compose.yaml.disabled", err: problem.PortTaken},
		{name: "install without Docker", files: library("notes"), do: "install notes", agent: dockerIsDown(), pending: "install", err: problem.DockerUnavailable},

		// A container was created and failed: it stays, so that its log can be read.
		{name: "install what dies", files: library("notes"), do: "install notes", agent: startFails(problem.StartFailed, running), want: "compose.yaml", err: problem.StartFailed},
		{name: "enable what dies", files: disabled("notes"), do: "enable notes", agent: startFails(problem.StartFailed, running), want: "compose.yaml", err: problem.StartFailed},
		{name: "install what dies, and nobody can tell", files: library("notes"), do: "install notes", agent: startFailsThenAway(), want: "compose.yaml", err: problem.StartFailed},
		{name: "start what dies", files: enabled("notes"), do: "start notes", agent: startFails(problem.StartFailed, running), want: "compose.yaml", err: problem.StartFailed},

		// The stop fails: no running container stands behind a disabled file.
		{name: "disable what cannot be stopped", files: enabled("notes"), do: "disable notes", agent: stopFails(problem.StopFailed), want: "compose.yaml", err: problem.StopFailed},
		{name: "uninstall what cannot be removed", files: disabled("notes"), do: "uninstall notes", agent: removeFails(problem.StopFailed), want: "compose.yaml.disabled", err: problem.StopFailed},

		// Turning off what cannot run any more.
		{name: "disable on another GPU", files: enabled("notes", "gpu_backends: [nvidia]"), do: "disable notes", want: "compose.yaml.disabled"},
		{name: "stop on another GPU", files: enabled("notes", "gpu_backends: [nvidia]"), do: "stop notes", want: "compose.yaml"},
		{name: "disable what calls itself core", files: enabled("notes", "category: core"), do: "disable notes", want: "compose.yaml.disabled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.files)
			*in.agent = tt.agent
			if tt.away != nil {
				in.agent.goAway(tt.away)
			}
			r, err := in.do(tt.do)
			if got := problem.As(orNone(err)).Code; err != nil && got != tt.err || (err == nil) != (tt.err == "") {
				t.Errorf("error %v, want code %q", err, tt.err)
			}
			if r.RestartRequired != tt.restart {
				t.Errorf("restart_required = %t, want %t; %+v", r.RestartRequired, tt.restart, r)
			}
			wantEqual(t, "user-extensions", notesWith(tt.want), in.userExtensions())
			wantEqual(t, "unfinished", one("notes", tt.pending), in.pending())
		})
	}
}

func orNone(err error) error {
	if err == nil {
		return errors.New("")
	}
	return err
}

// userExtensions lists the files of what is installed.
func (in *installation) userExtensions() string {
	in.t.Helper()
	return strings.Join(slices.Sorted(maps.Keys(in.disk("data/user-extensions"))), " ")
}

// notesWith is what is installed of notes when its compose file has this name; nothing at all when it has none.
func notesWith(compose string) string {
	if compose == "" {
		return ""
	}
	return "notes/" + compose + " notes/manifest.yaml"
}

func one(key, value string) map[string]string {
	m := map[string]string{}
	if value != "" {
		m[key] = value
	}
	return m
}

func startFails(code problem.Code, containers ...compose.Container) fakeAgent {
	a := fakeAgent{start: func(string) (catalog.Report, error) { return catalog.Report{}, fails(code) }}
	a.has(containers...)
	return a
}

func startFailsThenAway() fakeAgent {
	a := startFails(problem.StartFailed)
	a.containers = func() (catalog.State, error) { return catalog.State{}, errAway }
	return a
}

func dockerIsDown() fakeAgent {
	a := startFails(problem.DockerUnavailable)
	a.containers = func() (catalog.State, error) { return catalog.State{}, fails(problem.DockerUnavailable) }
	return a
}

func stopFails(code problem.Code) fakeAgent {
	return fakeAgent{stop: func(string) error { return fails(code) }}
}

func removeFails(code problem.Code) fakeAgent {
	return fakeAgent{remove: func(string) error { return fails(code) }}
}

func checkFails(code problem.Code) fakeAgent {
	return fakeAgent{check: func(string, bool) error { return fails(code) }}
}

// A change that is refused or never reaches the agent must not take away what waits for the agent already.
func TestManager_KeepsWhatWaitsForTheAgent(t *testing.T) {
	tests := []struct {
		name  string
		agent func(a *fakeAgent)
		do    string
		want  map[string]string
	}{
		{name: "a start that never reached the agent", do: "start notes", want: map[string]string{"notes": "install"}},
		{name: "a stop that never reached the agent", do: "stop notes", want: map[string]string{"notes": "install"}},
		{name: "a disable replaces it", do: "disable notes", want: map[string]string{"notes": "disable"}},
		{name: "a start that worked finishes it", agent: func(a *fakeAgent) { *a = fakeAgent{} }, do: "start notes", want: map[string]string{}},
		{name: "a start that failed finishes it", agent: func(a *fakeAgent) { *a = startFails(problem.StartFailed) }, do: "start notes", want: map[string]string{}},
		{name: "a stop that failed does not", agent: func(a *fakeAgent) { *a = stopFails(problem.StopFailed) }, do: "disable notes", want: map[string]string{"notes": "install"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, library("notes"))
			in.agent.goAway(errAway)
			in.mustDo("install notes")
			if tt.agent != nil {
				tt.agent(in.agent)
			}
			_, _ = in.do(tt.do)
			wantEqual(t, "unfinished", tt.want, in.pending())
		})
	}
}
