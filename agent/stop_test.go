package agent_test

import (
	"os"
	"testing"

	"dreamserver/internal/problem"
)

// Turning off asks neither scan nor settings.
func TestStop_WorksWhateverIsBroken(t *testing.T) {
	for name, broke := range map[string]func(in *installation){
		"its own files": func(in *installation) { in.add(extension("app", "services: {app: {privileged: true}}\n")) },
		"its manifest":  func(in *installation) { in.add("-- data/user-extensions/app/manifest.yaml --\n\x00\n") },
		"it is gone":    func(in *installation) { in.must(os.RemoveAll(in.path("data/user-extensions/app"))) },
		"no base file":  func(in *installation) { in.must(os.Remove(in.path("docker-compose.base.yml"))) },
		"settings":      func(in *installation) { in.setEnv("GPU_BACKEND=toaster") },
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, extension("app", ""))
			in.mustStart("app")
			in.engine.prints("app", 1)
			broke(in)
			if _, err := in.client.Logs(t.Context(), "app", 1); err != nil {
				t.Error(err)
			}
			in.must(in.client.Stop(t.Context(), "app"))
			wantEqual(t, "containers", map[string]string{"app": "exited"}, in.docker.services())
			in.must(in.client.Remove(t.Context(), "app"))
			wantEqual(t, "containers", map[string]string{}, in.docker.services())
		})
	}
}

func TestStop_LeavesTheContainersOfALongerID(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("app-two", ""))
	in.mustStart("app")
	in.mustStart("app-two")
	in.must(in.client.Stop(t.Context(), "app"))
	wantEqual(t, "containers", map[string]string{"app": "exited", "app-two": "running"}, in.docker.services())
}

func TestStop_ThatFailsSaysWhy(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.docker.update(func(s *dockerState) { s.Fails["stop"] = "cannot stop container: permission denied" })
	in.wantRefusal(in.client.Stop(t.Context(), "app"), problem.StopFailed, `extension "app": docker compose stop: cannot stop container: permission denied`)
}

func TestSetBuiltin_RenamesTheFile(t *testing.T) {
	in := newInstallation(t, inFolder("extensions/services", "search", ""))
	in.must(in.client.SetBuiltin(t.Context(), "search", false))
	if _, err := os.Stat(in.path("extensions/services/search/compose.yaml.disabled")); err != nil {
		t.Error(err)
	}
	_, err := in.start("search")
	in.wantRefusal(err, problem.NotEnabled, `extension "search" is disabled: enable it first`)
	in.must(in.client.SetBuiltin(t.Context(), "search", true))
	in.mustStart("search")
}

// An empty folder with a longer name takes no running container from the extension that started it.
func TestStop_EndsWhatWasStartedWhateverFoldersAppear(t *testing.T) {
	in := newInstallation(t, extension("app", "services: {app: {image: x}, app-db: {image: y}}\n"))
	in.mustStart("app")
	in.must(os.MkdirAll(in.path("data/user-extensions/app-db"), 0o755))
	in.must(in.client.Stop(t.Context(), "app"))
	wantEqual(t, "containers", map[string]string{"app": "exited", "app-db": "exited"}, in.docker.services())
}
