package agent_test

import (
	"cmp"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const withSidecars = `services:
  app:
    image: example/app:1
    container_name: dream-app
    depends_on: [app-db]
  app-db:
    image: example/db:1
  app-worker:
    image: example/app:1
`

func TestStart_BringsUpTheWholeServiceSet(t *testing.T) {
	in := newInstallation(t, extension("app", withSidecars), extension("other", ""))
	r := in.mustStart("app")
	wantEqual(t, "calls", []string{"create app app-db app-worker", "up app app-db app-worker"}, in.docker.calls())
	wantEqual(t, "containers", map[string]string{"app": "running", "app-db": "running", "app-worker": "running"}, in.docker.services())
	wantEqual(t, "report", "dream-app running, dream-server-app-db-1 running, dream-server-app-worker-1 running", names(r))
}

func names(r catalog.Report) string {
	list := make([]string, 0, len(r.Containers))
	for _, c := range r.Containers {
		list = append(list, c.Name+" "+c.State)
	}
	return strings.Join(list, ", ")
}

func TestStart_LoadsOnlyWhatIsNeeded(t *testing.T) {
	in := newInstallation(t,
		extension("app", "services:\n  app:\n    image: example/app:1\n    depends_on: [db, dashboard]\n"),
		extension("db", "services:\n  db:\n    image: example/db:1\n    depends_on: [db-disk]\n  db-disk:\n    image: example/disk:1\n"),
		extension("broken", "services: []\n"), extension("other", ""))
	in.mustStart("app")
	wantEqual(t, "calls", []string{"create app", "up app"}, in.docker.calls())
	wantEqual(t, "containers", map[string]string{"app": "running", "db": "running", "db-disk": "running", "dashboard": "running"}, in.docker.services())
}

func TestStart_FetchesImagesFirst(t *testing.T) {
	const built = "services:\n  app:\n    build: {context: .}\n"
	tests := []struct {
		name    string
		compose string
		missing string
		fails   map[string]string
		calls   []string
		code    problem.Code // empty: start_failed
		err     string
	}{
		{name: "nothing is missing", calls: []string{"create app", "up app"}},
		{name: "pulled", missing: "example/app:1", calls: []string{"pull app", "create app", "up app"}},
		{
			name: "cannot be pulled", missing: "example/app:1", fails: map[string]string{"pull": "manifest unknown"}, calls: []string{"pull app"},
			err: `extension "app": its image cannot be had: docker compose pull: manifest unknown`,
		},
		{name: "built", compose: built, missing: "dream-server-app", calls: []string{"build app", "create app", "up app"}},
		{
			name: "cannot be built", compose: built, missing: "dream-server-app", fails: map[string]string{"build": "no Dockerfile"}, calls: []string{"build app"},
			err: `extension "app": its image cannot be built: docker compose build: no Dockerfile`,
		},
		{
			name: "up fails", fails: map[string]string{"create": "no such device"}, calls: []string{"create app"},
			err: `extension "app": docker compose create: no such device`,
		},
		{
			name: "Docker's disk is full", fails: map[string]string{"create": "no space left on device"}, calls: []string{"create app"}, code: problem.DiskFull,
			err: `extension "app": Docker's disk is full: make room, for example with ` + "`docker image prune`" + `, and try again (docker compose create: no space left on device)`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const dockerfile = "Dockerfile --\nFROM scratch\n"
			in := newInstallation(t, extension("app", tt.compose, "grants: [build]"), "-- data/user-extensions/app/"+dockerfile,
				inFolder("data/extensions-library", "app", tt.compose, "grants: [build]"), "-- data/extensions-library/app/"+dockerfile)
			in.docker.update(func(s *dockerState) {
				s.Missing = []string{tt.missing}
				if tt.fails != nil {
					s.Fails = tt.fails
				}
			})
			_, err := in.client.Start(t.Context(), "app", catalog.Starting{Grants: []manifest.Grant{manifest.Build}}, nil)
			if tt.err != "" {
				in.wantRefusal(err, cmp.Or(tt.code, problem.StartFailed), tt.err)
				wantEqual(t, "containers", map[string]string{}, in.docker.services())
			} else {
				in.must(err)
			}
			wantEqual(t, "calls", tt.calls, in.docker.calls())
		})
	}
}

func TestRestart_StopsAndStarts(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.docker.calls()
	_, err := in.client.Restart(t.Context(), "app", nil)
	in.must(err)
	wantEqual(t, "calls", []string{"stop app", "up app"}, in.docker.calls())
}

func TestRestart_DoesNotStopWhatItCannotStartAgain(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.docker.calls()
	in.add(extension("app", "services:\n  app:\n    image: example/app:1\n    privileged: true\n"))
	if _, err := in.client.Restart(t.Context(), "app", nil); !problem.HasCode(err, problem.ScanRefused) {
		t.Errorf("restart: %v, want code scan_refused", err)
	}
	wantEqual(t, "calls", nil, in.docker.calls())
}

// Two starts that need the same extension at once read and copy it side by side.
func TestStart_OfManyThatShareADependency(t *testing.T) {
	files := []string{extension("db", ""), "-- data/user-extensions/db/big --\n" + strings.Repeat("x", 1<<20) + "\n"}
	ids := []string{"a", "b", "c", "d"}
	for _, id := range ids {
		files = append(files, extension(id, "services:\n  "+id+":\n    image: example/x:1\n    depends_on: [db]\n"))
	}
	in := newInstallation(t, files...)
	results := make(chan error, len(ids))
	for _, id := range ids {
		go func() { _, err := in.client.Start(t.Context(), id, catalog.Starting{}, nil); results <- err }()
	}
	for range ids {
		in.must(<-results)
	}
	wantEqual(t, "containers", map[string]string{"a": "running", "b": "running", "c": "running", "d": "running", "db": "running"}, in.docker.services())
}

// Two that share nothing but the network start side by side, however long one of them waits for a dependency.
func TestStart_DoesNotWaitForOthers(t *testing.T) {
	in := newInstallation(t, extension("slow", ""), extension("app", ""))
	in.mustStart("app")
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	slow := make(chan error, 1)
	go func() { _, err := in.start("slow"); slow <- err }()
	in.docker.entered()
	in.docker.update(func(s *dockerState) { s.Waits["up"] = false })
	in.must(in.client.Stop(t.Context(), "app"))
	in.mustStart("app")
	in.docker.release()
	in.must(<-slow)
}

// A program built anew runs in a new container, although nothing else has changed.
func TestStart_TakesANewImage(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.docker.calls()
	in.docker.update(func(s *dockerState) { s.Rebuilt++ })
	in.mustStart("app")
	wantEqual(t, "calls", []string{"up app"}, in.docker.calls())
}

// Seen when the API's image was built anew: the dashboard and the API, started side by side, both made the API's
// container anew.
func TestStart_TriesAgainWhenAnotherMadeItsDependencyAnew(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.docker.calls()
	in.docker.update(func(s *dockerState) {
		s.Rebuilt++
		s.Fails["up"] = `Conflict. The container name "/1_app" is already in use by container "2".`
	})
	_, err := in.start("app")
	in.wantRefusal(err, problem.StartFailed, `extension "app": docker compose up: Conflict. The container name "/1_app" is already in use by container "2".`)
	wantEqual(t, "calls", []string{"up app", "up app"}, in.docker.calls())
}
