package agent_test

import (
	"encoding/json"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// What would make a pull fail late is told before, or as soon as it is known, and as the cause.
func TestPull_TellsTheCause(t *testing.T) {
	platforms := func(words ...string) []compose.Platform {
		var out []compose.Platform
		for _, arch := range words {
			out = append(out, compose.Platform{OS: "linux", Arch: arch})
		}
		return out
	}
	layer := compose.Event{ID: "a", Parent: "Image example/app:1", Status: "Working", Text: "Downloading", Current: 10 << 20, Total: 700 << 20}
	tests := []struct {
		name      string
		compose   string
		platforms []compose.Platform
		free      uint64 // on Docker's disk, which has 1000 MB
		says      *compose.Event
		waits     bool // the pull does not end by itself
		calls     []string
		code      problem.Code
		err       string
	}{
		{name: "all is well", platforms: platforms("amd64", "arm64"), free: 900 << 20, says: &layer, calls: []string{"pull app", "create app", "up app"}},
		{name: "the registry says nothing", free: 900 << 20, calls: []string{"pull app", "create app", "up app"}},
		{name: "a disk that is not of this machine", calls: []string{"pull app", "create app", "up app"}},
		{
			name: "made for others", platforms: platforms("s390x", "arm64", "arm64"), free: 900 << 20, code: problem.WrongPlatform,
			err: `extension "app": image example/app:1 is made for linux/arm64, linux/s390x, and this machine is linux/amd64: use a tag or an image that is made for it`,
		},
		{
			name: "made for others, and asked for", compose: "services: {app: {image: example/app:1, platform: linux/arm64}}\n",
			platforms: platforms("arm64"), free: 900 << 20, calls: []string{"pull app", "create app", "up app"},
		},
		{
			name: "hardly any room", free: 400 << 20, code: problem.DiskFull,
			err: "extension \"app\" needs images that are not here, and Docker's disk (/) has 400 MB free of 1000 MB: make room, for example with `docker image prune`, and try again",
		},
		{
			name: "not enough for the layers", free: 600 << 20, says: &layer, waits: true, calls: []string{"pull app"}, code: problem.DiskFull,
			err: `extension "app": the images example/app:1 need 690 MB more on Docker's disk (/), and 600 MB are free: the pull was ended; make room and try again`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := prepare(t, extension("app", tt.compose))
			in.options.Disk = func(string) catalog.Disk {
				if tt.free == 0 {
					return catalog.Disk{Path: "/"}
				}
				return catalog.Disk{Path: "/", Total: 1000 << 20, Free: tt.free}
			}
			in.engine.set(func(e *fakeEngine) { e.platforms = map[string][]compose.Platform{"example/app:1": tt.platforms} })
			in.docker.update(func(s *dockerState) {
				s.Missing = []string{"example/app:1"}
				s.Waits["pull"] = tt.waits
				if tt.says != nil {
					line, err := json.Marshal(tt.says)
					in.must(err)
					s.Says = string(line)
				}
			})
			in.serve()
			_, err := in.start("app")
			if tt.err != "" {
				in.wantRefusal(err, tt.code, tt.err)
			} else {
				in.must(err)
			}
			wantEqual(t, "calls", tt.calls, in.docker.calls())
		})
	}
}

// A start tells how far it is, and what came of it, to who asks for it.
func TestStart_TellsItsProgress(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("bad", "services: {bad: {image: x, privileged: true}}\n"))
	in.docker.update(func(s *dockerState) {
		s.Missing = []string{"example/app:1"}
		s.Says = `{"id":"a","parent_id":"Image example/app:1","status":"Working","text":"Downloading","current":5,"total":10}`
	})
	tracker := operation.Tracker{}
	var stages []string
	take := func(p operation.Progress) {
		tracker.Take(p, tracker.Started)
		stages = nil
		for _, s := range tracker.Stages {
			stages = append(stages, s.Name)
		}
	}
	r, err := in.client.Start(t.Context(), "app", catalog.Starting{}, take)
	in.must(err)
	wantEqual(t, "stages", []string{"check", "pull", "create", "wait"}, stages)
	wantEqual(t, "report", "dream-server-app-1 running", names(r))
	if pull := tracker.Stages[1]; pull.Bytes != 5 || pull.Total != 10 || pull.Percent != 50 {
		t.Errorf("the pull is told as %+v", pull)
	}
	tracker = operation.Tracker{}
	_, err = in.client.Restart(t.Context(), "app", take)
	in.must(err)
	wantEqual(t, "stages of a restart", []string{"check", "stop", "check", "create", "wait"}, stages)

	_, plain := in.client.Start(t.Context(), "bad", catalog.Starting{}, nil)
	_, err = in.client.Start(t.Context(), "bad", catalog.Starting{}, take)
	if a, b := problem.As(plain), problem.As(err); a.Code != problem.ScanRefused || a.Code != b.Code || a.Detail != b.Detail || len(a.Items) != len(b.Items) {
		t.Errorf("with progress %v, without %v", err, plain)
	}
	_, err = in.client.Start(t.Context(), "ghost", catalog.Starting{Grants: []manifest.Grant{}}, take)
	in.wantRefusal(err, problem.NotFound, `extension "ghost" is not installed`)
}

// An agent of an older version answers with one document.
func TestStart_OfAnOlderAgent(t *testing.T) {
	for reply, want := range map[string]string{
		`{"status":"ok","service_id":"app","action":"start","report":{"service_id":"app","containers":[]}}`: "",
		`{"progress":{"stage":"pull"}}` + "\n": "outcome_unknown",
		`{"progress":{"stage":"pull"}}` + "\n" + `{"problem":{"code":"from_the_future","detail":"no"}}`: "unavailable",
	} {
		_, err := agent.ReadChange(reply)
		got := ""
		if err != nil {
			got = string(problem.As(err).Code)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", reply, got, want)
		}
	}
}
