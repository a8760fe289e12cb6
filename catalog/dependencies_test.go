package catalog_test

import (
	"testing"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// chain is app → web → db, with db in the library only.
func chain() []string {
	return []string{disabled("app", "depends_on: [web, dashboard]"), disabled("web", "depends_on: [db]"), library("db")}
}

func TestEnable_WithDependenciesInstallsAndEnablesThemInOrder(t *testing.T) {
	in := newInstallation(t, chain()...)
	var started []string
	in.agent.start = func(id string) (catalog.Report, error) {
		started = append(started, id)
		return catalog.Report{ID: id}, nil
	}
	got, err := in.do("enable --with-dependencies app")
	in.must(err)
	wantEqual(t, "result", catalog.Result{
		ID: "app", Action: "enabled", Message: "The app is enabled and running.", Also: []string{"db", "web"},
	}, got)
	wantEqual(t, "started", []string{"db", "web", "app"}, started)
	wantEqual(t, "user-extensions", "app/compose.yaml app/manifest.yaml db/compose.yaml db/manifest.yaml web/compose.yaml web/manifest.yaml",
		in.userExtensions())
}

func TestEnable_StopsAtTheDependencyThatFails(t *testing.T) {
	in := newInstallation(t, chain()...)
	in.agent.start = func(id string) (catalog.Report, error) {
		if id == "web" {
			return catalog.Report{}, fails(problem.StartFailed)
		}
		return catalog.Report{ID: id}, nil
	}
	got, err := in.do("enable --with-dependencies app")
	in.wantRefusal(err, problem.StartFailed, `extension "app": it is start_failed`)
	wantEqual(t, "result", catalog.Result{ID: "app", Also: []string{"db"}}, got)
	wantEqual(t, "user-extensions", "app/compose.yaml.disabled app/manifest.yaml db/compose.yaml db/manifest.yaml web/compose.yaml.disabled web/manifest.yaml",
		in.userExtensions())
}

func TestEnable_WithDependenciesRefusesOneForAnotherGPU(t *testing.T) {
	in := newInstallation(t, disabled("app", "depends_on: [paint]"), library("paint", "gpu_backends: [nvidia]"))
	before := in.disk("")
	_, err := in.do("enable --with-dependencies app")
	in.wantRefusal(err, problem.Incompatible, `extension "app": extension "paint" runs on nvidia; this machine's GPU_BACKEND is cpu`)
	wantEqual(t, "disk", before, in.disk(""))
}

func TestDisable_NamesWhoNeedsIt(t *testing.T) {
	in := newInstallation(t, enabled("db"), enabled("web", "depends_on: [db]"), enabled("app", "depends_on: [web]"), disabled("other", "depends_on: [db]"))
	got, err := in.do("disable db")
	in.must(err)
	wantEqual(t, "result", catalog.Result{
		ID: "db", Action: "disabled", Message: "The db is disabled and its containers are stopped.",
		Dependents: []string{"app", "web"}, Warnings: []string{"needed by enabled extensions: app, web"},
	}, got)
}

// publishing is an agent whose containers run and publish ports.
func publishing(ports ...compose.Port) fakeAgent {
	return fakeAgent{start: func(id string) (catalog.Report, error) {
		return catalog.Report{ID: id, Containers: []compose.Container{{Service: id, State: "running", Ports: ports}}}, nil
	}}
}

// What a person reads after each change.
func TestManager_SaysWhatItDid(t *testing.T) {
	tests := []struct {
		name  string
		files string
		agent fakeAgent
		away  bool
		do    string
		want  catalog.Result
	}{
		{name: "install", files: library("notes"), do: "install notes", want: catalog.Result{ID: "notes", Action: "installed", Message: "The notes is installed and running."}},
		{
			name: "install, health not known", files: library("notes"), do: "install notes",
			agent: fakeAgent{start: func(id string) (catalog.Report, error) {
				return catalog.Report{ID: id, Waiting: []string{"notes"}, Notes: []string{"a note"}}, nil
			}},
			want: catalog.Result{
				ID: "notes", Action: "installed", Message: "The notes is installed. It runs, and its healthcheck has not answered yet.", Warnings: []string{"a note"},
			},
		},
		{
			name: "install, at one address", files: library("notes"), do: "install notes", agent: publishing(compose.Port{IP: "127.0.0.1", Host: 7806, Protocol: "tcp"}),
			want: catalog.Result{ID: "notes", Action: "installed", Message: "The notes is installed and running at http://127.0.0.1:7806/."},
		},
		{
			name: "install, at the addresses of the LAN", files: library("notes"), do: "install notes", agent: publishing(compose.Port{IP: "0.0.0.0", Host: 17900, Protocol: "tcp"}, compose.Port{IP: "::", Host: 17900, Protocol: "tcp"}),
			want: catalog.Result{ID: "notes", Action: "installed", Message: "The notes is installed and running on port 17900 of every address of this machine."},
		},
		{
			name: "install, at the addresses of the LAN, IPv6", files: library("notes"), do: "install notes", agent: publishing(compose.Port{IP: "::", Host: 17900, Protocol: "tcp"}),
			want: catalog.Result{ID: "notes", Action: "installed", Message: "The notes is installed and running on port 17900 of every address of this machine."},
		},
		{name: "install without an agent", files: library("notes"), away: true, do: "install notes", want: catalog.Result{
			ID: "notes", Action: "installed", RestartRequired: true,
			Message: "The notes is installed, but not started: the host agent is not running: start it. It is started as soon as the host agent is back.",
		}},
		{
			name: "start what runs", files: enabled("notes"), do: "start notes",
			agent: fakeAgent{start: func(id string) (catalog.Report, error) { return catalog.Report{ID: id, Unchanged: true}, nil }},
			want:  catalog.Result{ID: "notes", Action: "started", Message: "The notes runs already; nothing was changed."},
		},
		{name: "restart", files: enabled("notes"), do: "restart notes", want: catalog.Result{ID: "notes", Action: "restarted", Message: "The notes is restarted and running."}},
		{name: "stop", files: enabled("notes"), do: "stop notes", want: catalog.Result{ID: "notes", Action: "stopped", Message: "The notes is stopped. It stays enabled: `dream start notes` starts it again."}},
		{name: "stop what is disabled", files: disabled("notes"), do: "stop notes", want: catalog.Result{ID: "notes", Action: "stopped", Message: "The notes is stopped."}},
		{name: "disable without an agent", files: enabled("notes"), away: true, do: "disable notes", want: catalog.Result{
			ID: "notes", Action: "disabled", RestartRequired: true, Dependents: []string{},
			Message: "The notes is disabled, but its containers may still run: the host agent is not running: start it. They are stopped as soon as the host agent is back.",
		}},
		{name: "uninstall", files: disabled("notes"), do: "uninstall notes", want: catalog.Result{
			ID: "notes", Action: "uninstalled", Message: "The notes is uninstalled.",
			CleanupHint: "its data, if it has any, stays: the folder notes of the data directory and the volumes dream-server_notes.*; delete them by hand when they are not needed",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.files)
			*in.agent = tt.agent
			if tt.away {
				in.agent.goAway(errAway)
			}
			got, err := in.do(tt.do)
			in.must(err)
			got.CleanupHint = in.anonymous(got.CleanupHint)
			wantEqual(t, "result", tt.want, got)
		})
	}
}

func TestUninstall_LeavesTheData(t *testing.T) {
	in := newInstallation(t, disabled("notes"), "-- data/notes/precious --\nkept\n")
	in.mustDo("uninstall notes")
	wantEqual(t, "data", map[string]string{"precious": "kept\n"}, in.disk("data/notes"))
}

func TestLogs_AsksTheAgent(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	for _, id := range []string{"notes", "dashboard"} {
		got, err := in.Logs(t.Context(), id, 20)
		in.must(err)
		wantEqual(t, "logs", catalog.Logs{ServiceID: id, Logs: "a line\n", Lines: 1}, got)
	}
}
