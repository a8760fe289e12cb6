package agent_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security/policy/decisions"
)

// ran is the container as docker compose makes it of the default extension.
func ran(id, containerID string) compose.Inspected {
	return compose.Inspected{
		ID: containerID, Name: "dream-server-" + id + "-1", Project: "dream-server", Service: id, Image: "example/" + id + ":1", ImageID: "sha256:example/" + id + ":1-0",
		CapDrop: []string{"NET_RAW", "MKNOD"}, NetworkMode: "dream-network", Networks: []string{"dream-network"}, IPCMode: "private",
	}
}

// What runs is compared when that is asked for; what is found is told everywhere, recorded once, and so is that it is
// mended.
func TestDrift_IsFoundToldAndRecorded(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	inspect := func(change func(*compose.Inspected)) {
		c := ran("app", in.docker.state().Containers[0].ID)
		change(&c)
		in.engine.set(func(e *fakeEngine) { e.inspections = []compose.Inspected{c} })
	}
	inspect(func(*compose.Inspected) {})
	r, err := in.client.ScanDrift(t.Context())
	in.must(err)
	if len(r.Findings) != 0 || r.Containers != 1 || r.Approved != 1 || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
	inspect(func(c *compose.Inspected) { c.Privileged = true })
	for range 2 {
		r, err = in.client.ScanDrift(t.Context())
		in.must(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Message != "container dream-server-app-1: privileged on, and was approved with off" || r.Findings[0].Fix != "docker rm -f dream-server-app-1 && dream start app" {
		t.Errorf("%+v", r.Findings)
	}
	last, err := in.client.Drift(t.Context())
	in.must(err)
	wantEqual(t, "last", r, last)
	_, metrics := in.request("GET", "/metrics", "")
	if !strings.Contains(metrics, "\ndream_policy_drift_findings 1\n") {
		t.Error("the metric does not tell")
	}
	in.log.wait(t, "privileged on, and was approved with off")
	inspect(func(*compose.Inspected) {})
	_, err = in.client.ScanDrift(t.Context())
	in.must(err)
	records := in.decided(decisions.Filter{Extension: "app"})
	if len(records) != 2 || records[0].Outcome != decisions.Mended || records[1].Outcome != decisions.Drifted || records[1].Phase != decisions.Audit ||
		len(records[1].Findings) != 1 {
		t.Errorf("%+v", records)
	}
	// While Docker is away the last findings stay, with why there are no newer ones.
	in.engine.set(func(e *fakeEngine) { e.down = true })
	_, err = in.client.ScanDrift(t.Context())
	in.wantRefusal(err, problem.DockerUnavailable, "the Docker Engine does not answer …")
	if last, err = in.client.Drift(t.Context()); err != nil || !strings.Contains(last.Problem, "does not answer") || last.Containers != 1 {
		t.Errorf("%+v, %v", last, err)
	}
	if _, metrics = in.request("GET", "/metrics", ""); strings.Contains(metrics, "dream_policy_drift_findings") {
		t.Error("the metric tells what nobody knows")
	}
}

// Who made a container is told by its id: an imitation has every label and every setting. An agent that was started anew
// knows what it has made, one that was killed while it made containers says nothing of them, and after the next start it
// knows them.
func TestDrift_TellsWhatTheAgentHasNotMade(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	scan := func(id string) (what []string) {
		t.Helper()
		in.engine.set(func(e *fakeEngine) { e.inspections = []compose.Inspected{ran("app", id)} })
		r, err := in.client.ScanDrift(t.Context())
		in.must(err)
		for _, f := range r.Findings {
			what = append(what, f.What+": "+f.Fix)
		}
		return what
	}
	imitation := []string{"outside: docker rm -f dream-server-app-1 && dream start app"}
	in.mustStart("app")
	made := in.docker.state().Containers[0].ID
	wantEqual(t, "made", nil, scan(made))
	wantEqual(t, "imitated", imitation, scan("imitation"))
	in.must(in.stop())
	in.serve()
	wantEqual(t, "made, after a restart of the agent", nil, scan(made))
	wantEqual(t, "imitated, after a restart of the agent", imitation, scan("imitation"))

	in.docker.update(func(s *dockerState) { s.Containers[0].ID, s.Containers[0].State = "imitation", "exited" })
	in.mustStart("app") // docker compose takes it for its own
	wantEqual(t, "imitated, and started by the agent", imitation, scan("imitation"))

	in.must(os.WriteFile(in.path("state/made.json"), []byte(`{"containers":{},"making":{"app":["app"]}}`), 0o600))
	wantEqual(t, "of a killed agent", nil, scan("imitation"))
	in.docker.update(func(s *dockerState) { s.Containers[0].State = "exited" })
	in.mustStart("app")
	wantEqual(t, "taken over", nil, scan("imitation"))
	wantEqual(t, "another", imitation, scan("another"))

	in.must(os.Remove(in.path("state/made.json"))) // as an older agent left it
	wantEqual(t, "of an older agent", nil, scan("imitation"))
	wantEqual(t, "not of an older agent", imitation, scan("another"))
}

// An extension whose files are not what was started is told, until it is started again.
func TestDrift_TellsOfFilesThatHaveChangedSince(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	scan := func() []string {
		t.Helper()
		c := ran("app", in.docker.state().Containers[0].ID)
		in.engine.set(func(e *fakeEngine) { e.inspections = []compose.Inspected{c} })
		r, err := in.client.ScanDrift(t.Context())
		in.must(err)
		got := []string{}
		for _, f := range r.Findings {
			got = append(got, f.What+" "+f.Extension+": "+f.Fix)
		}
		return got
	}
	in.mustStart("app")
	wantEqual(t, "as started", []string{}, scan())
	in.must(os.WriteFile(in.path("data/user-extensions/app/README.md"), []byte("more\n"), 0o644))
	wantEqual(t, "changed", []string{"files app: dream restart app"}, scan())
	_, err := in.client.Restart(t.Context(), "app", nil)
	in.must(err)
	wantEqual(t, "restarted", []string{}, scan())
}

// Of what is being changed nothing is said: it may be half of each.
func TestDrift_SaysNothingOfWhatIsBeingChanged(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("other", ""))
	in.mustStart("app")
	in.mustStart("other")
	evil := func(id string) compose.Inspected {
		i := slices.IndexFunc(in.docker.state().Containers, func(c fakeContainer) bool { return c.Service == id })
		c := ran(id, in.docker.state().Containers[i].ID)
		c.Privileged = true
		return c
	}
	in.engine.set(func(e *fakeEngine) { e.inspections = []compose.Inspected{evil("app"), evil("other")} })
	in.docker.update(func(s *dockerState) { s.Waits["stop"] = true })
	stopped := make(chan error, 1)
	go func() { stopped <- in.client.Stop(t.Context(), "app") }()
	in.docker.entered()
	r, err := in.client.ScanDrift(t.Context())
	in.must(err)
	wantEqual(t, "changing", []string{"app"}, r.Changing)
	if len(r.Findings) != 1 || r.Findings[0].Extension != "other" {
		t.Errorf("%+v", r.Findings)
	}
	in.docker.release()
	in.must(<-stopped)
}

// What runs is compared at once, every hour, soon after a change, and a minute after a time when it could not be.
func TestDrift_IsLookedForEveryHour(t *testing.T) {
	in := prepare(t)
	for _, name := range []string{"approved", "grants", "trees", "empty"} {
		in.must(os.MkdirAll(in.path("state/"+name), 0o700))
	}
	synctest.Test(t, func(t *testing.T) {
		o := in.options
		o.Log = zerolog.Nop()
		s, err := agent.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); agent.WatchDrift(s, ctx) }()
		scans := func(after time.Duration) int {
			time.Sleep(after) // the bubble's time
			synctest.Wait()
			in.engine.mu.Lock()
			defer in.engine.mu.Unlock()
			return in.engine.scans
		}
		wantEqual(t, "at once", 1, scans(time.Second))
		wantEqual(t, "within the hour", 1, scans(59*time.Minute))
		wantEqual(t, "after an hour", 2, scans(time.Minute))
		agent.LookForDrift(s)
		agent.LookForDrift(s)
		wantEqual(t, "right after a change", 2, scans(time.Second))
		wantEqual(t, "after changes", 3, scans(2*time.Second))
		wantEqual(t, "an hour after that", 4, scans(time.Hour))
		in.engine.set(func(e *fakeEngine) { e.down = true })
		agent.LookForDrift(s)
		wantEqual(t, "while Docker is away", 4, scans(10*time.Second))
		in.engine.set(func(e *fakeEngine) { e.down = false })
		wantEqual(t, "a minute later", 5, scans(time.Minute))
		cancel()
		<-ended
	})
}
