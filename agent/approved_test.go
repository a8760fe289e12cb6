package agent_test

import (
	"os"
	"strings"
	"testing"

	"dreamserver/compose"
)

func TestStart_OfWhatRunsMakesNoCall(t *testing.T) {
	in := newInstallation(t, extension("app", withSidecars))
	in.mustStart("app")
	in.docker.calls()
	r := in.mustStart("app")
	if !r.Unchanged || len(r.Containers) != 3 {
		t.Errorf("report %+v, want unchanged with 3 containers", r)
	}
	wantEqual(t, "calls", nil, in.docker.calls())
}

func TestStart_SeesWhatHasChanged(t *testing.T) {
	tests := []struct {
		name   string
		change func(in *installation)
		want   []string // calls of the second start
		err    string
	}{
		{name: "compose file", change: func(in *installation) {
			in.add(extension("app", strings.Replace(withSidecars, "example/db:1", "example/db:2", 1)))
		}, want: []string{"up app app-db app-worker"}},
		{name: "variable in .env", change: func(in *installation) { in.setEnv("APP_MODE=loud") }, want: []string{"up app app-db app-worker"}},
		{name: "a variable that it does not read", change: func(in *installation) { in.setEnv("OTHER=1") }},
		{name: "a shipped file", change: func(in *installation) { in.add("-- data/user-extensions/app/conf/app.ini --\nb\n") }, want: []string{"up app app-db app-worker"}},
		{name: "a container was stopped", change: func(in *installation) {
			in.docker.update(func(s *dockerState) { s.Containers[0].State = "exited" })
		}, want: []string{"up app app-db app-worker"}},
		{name: "a container is unhealthy", change: func(in *installation) {
			in.docker.update(func(s *dockerState) { s.Containers[0].Health = "unhealthy" })
		}, want: []string{"up app app-db app-worker"}, err: "is unhealthy"},
		{name: "a container was removed", change: func(in *installation) {
			in.docker.update(func(s *dockerState) { s.Containers = s.Containers[1:] })
		}, want: []string{"up app app-db app-worker"}},
		{name: "a container was made anew by somebody else", change: func(in *installation) {
			in.docker.update(func(s *dockerState) { s.Containers[0].ID = "other" })
		}, want: []string{"up app app-db app-worker"}},
		{name: "it is privileged now", change: func(in *installation) {
			in.add(extension("app", "services:\n  app:\n    image: example/app:1\n    privileged: true\n"))
		}, err: "privileged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compose := strings.Replace(withSidecars, "container_name: dream-app",
				"container_name: dream-app\n    environment: {MODE: \"${APP_MODE:-quiet}\"}\n    volumes: [\"./conf/app.ini:/app.ini:ro\"]", 1)
			in := newInstallation(t, extension("app", compose, "env_vars: [{key: APP_MODE}]"), "-- data/user-extensions/app/conf/app.ini --\na\n")
			in.mustStart("app")
			in.docker.calls()
			tt.change(in)
			_, err := in.start("app")
			if tt.err == "" && err != nil || err != nil && !strings.Contains(err.Error(), tt.err) || err == nil && tt.err != "" {
				t.Errorf("start: %v, want %q", err, tt.err)
			}
			wantEqual(t, "calls", tt.want, in.docker.calls())
		})
	}
}

// An install whose start fails is undone: nothing of it may be left.
func TestStart_LeavesNoRecordWhenItFailsBeforeAContainer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ran    bool // it has been started before
		change func(s *dockerState)
		err    string
		kept   bool
		killed bool // an agent was killed in the middle of the start before
	}{
		{name: "the agent was killed before", killed: true, change: func(s *dockerState) { s.Missing, s.Fails["pull"] = []string{"example/app:1"}, "manifest unknown" }, err: "manifest unknown"},
		{name: "another service of it runs", killed: true, change: func(s *dockerState) {
			s.Missing, s.Fails["pull"] = []string{"example/app:1"}, "manifest unknown"
			s.Containers = append(s.Containers, fakeContainer{Container: compose.Container{Service: "app-old", State: "running"}})
		}, err: "manifest unknown", kept: true},
		{name: "no image", change: func(s *dockerState) { s.Missing, s.Fails["pull"] = []string{"example/app:1"}, "manifest unknown" }, err: "manifest unknown"},
		{name: "not created", change: func(s *dockerState) { s.Fails["create"] = "no space left on device" }, err: "no space left"},
		{name: "it runs", ran: true, change: func(s *dockerState) { s.Rebuilt++; s.Fails["up"] = "no space left on device" }, err: "no space left", kept: true},
		{name: "it is unwell", change: func(s *dockerState) { s.Becomes["app"] = compose.Container{State: "running", Health: "unhealthy"} }, err: "is unhealthy", kept: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, extension("app", ""))
			if tt.ran {
				in.mustStart("app")
			}
			if tt.killed {
				in.must(os.MkdirAll(in.path("state/approved"), 0o700))
				in.must(os.WriteFile(in.path("state/approved/app.yaml"), []byte("services: {app: {image: example/app:1}}\n"), 0o600))
			}
			in.docker.update(tt.change)
			if _, err := in.start("app"); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("start: %v, want %q", err, tt.err)
			}
			_, err := os.Stat(in.path("state/approved/app.yaml"))
			wantEqual(t, "approved", tt.kept, err == nil)
		})
	}
}

func TestStart_WritesTheApprovedFile(t *testing.T) {
	in := newInstallation(t, extension("app", `services:
  app:
    image: example/app:1
    command: ["sh", "-c", "echo $$HOME costs 5$$"]
    environment: {KEY: "${APP_KEY}"}
    env_file: [app.env]
    volumes: ["./data/app:/data", "./conf:/conf:ro", "cache:/cache"]
    networks: [dream-network]
volumes: {cache: {}}
networks: {dream-network: {external: true}}
`, "env_vars: [{key: APP_KEY}]"), "-- data/user-extensions/app/app.env --\nFROM_FILE=1\n", "-- data/user-extensions/app/conf/x --\n")
	in.setEnv("APP_KEY='pa$word'")
	in.mustStart("app")
	file := in.path("state/approved/app.yaml")
	wantEqual(t, "mode", "-rw-------", modeOf(t, file))
	data, err := os.ReadFile(file)
	in.must(err)
	trees, err := os.ReadDir(in.path("state/trees"))
	in.must(err)
	got := strings.NewReplacer(in.dir, "$INSTALL", trees[0].Name(), "$DIGEST").Replace(string(data))
	wantEqual(t, "approved", `name: dream-server
networks:
  default:
    name: dream-network
services:
  app:
    cap_drop:
      - NET_RAW
      - MKNOD
    command:
      - sh
      - -c
      - echo $$HOME costs 5$$
    environment:
      FROM_FILE: "1"
      KEY: pa$$word
    image: example/app:1
    logging:
      driver: json-file
      options:
        max-file: "3"
        max-size: 10m
    networks:
      default: null
    volumes:
      - bind: {}
        source: $INSTALL/data/app
        target: /data
        type: bind
      - bind: {}
        read_only: true
        source: $INSTALL/state/trees/$DIGEST/conf
        target: /conf
        type: bind
      - source: app.cache
        target: /cache
        type: volume
        volume: {}
volumes:
  app.cache: {}
`, got)
}
