package catalog_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// live keeps the installation's snapshot up to date until the test ends.
func (in *installation) live() {
	in.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { in.Live(ctx) })
	in.t.Cleanup(func() { cancel(); running.Wait() })
	in.await(func(*catalog.Snapshot) bool { return true })
}

// await waits for a snapshot that is as it should be.
func (in *installation) await(right func(*catalog.Snapshot) bool) *catalog.Snapshot {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 20*time.Second)
	defer cancel()
	for generation := uint64(0); ; {
		s, err := in.Await(ctx, generation)
		if err != nil {
			in.t.Fatalf("the snapshot does not become right: %v", err)
		}
		if right(s) {
			return s
		}
		generation = s.Generation
	}
}

func hasStatus(id string, want catalog.Status) func(*catalog.Snapshot) bool {
	return func(s *catalog.Snapshot) bool {
		e, ok := s.Find(id)
		return ok == (want != "") && e.Status == want
	}
}

func TestLive_ShowsWhatChangesOnDisk(t *testing.T) {
	in := newInstallation(t, library("notes"), enabled("board"))
	in.must(os.MkdirAll(in.path("data/user-extensions"), 0o755))
	in.live()
	in.await(hasStatus("notes", catalog.NotInstalled))

	in.must(os.Rename(in.path("data/user-extensions/board/compose.yaml"), in.path("data/user-extensions/board/compose.yaml.disabled")))
	in.await(hasStatus("board", catalog.Disabled))
	in.add(library("shelf")) // by hand, while it runs
	in.await(hasStatus("shelf", catalog.NotInstalled))
	in.add("-- data/extensions-library/shelf/manifest.yaml --\n" + strings.Replace(manifestOf("shelf"), "The shelf", "Another name", 1))
	in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find("shelf"); return e.Name == "Another name" })
	in.must(os.RemoveAll(in.path("data/extensions-library/shelf")))
	in.await(hasStatus("shelf", ""))
	in.add("-- data/user-extensions/board/manifest.yaml --\nnonsense: [\n")
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("board")
		return strings.Contains(e.Problem, "not valid YAML")
	})
}

// A folder that was given another name is watched under it, and what comes in its place, too.
func TestLive_FollowsFoldersThatAreGivenOtherNames(t *testing.T) {
	in := newInstallation(t, enabled("n0"))
	in.live()
	dir := in.path("data/user-extensions")
	for i := range 20 {
		before, after := fmt.Sprintf("n%d", i), fmt.Sprintf("n%d", i+1)
		in.must(os.Rename(filepath.Join(dir, before), filepath.Join(dir, after)))
		in.await(func(s *catalog.Snapshot) bool {
			e, ok := s.Find(after)
			return ok && strings.Contains(e.Problem, before)
		})
		in.must(os.WriteFile(filepath.Join(dir, after, "manifest.yaml"), []byte(manifestOf(after)), 0o644))
		in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find(after); return e.Name == "The "+after })
		in.await(hasStatus(before, ""))
	}
}

// What this program changes is there when the change returns, without waiting for an event.
func TestLive_HasItsOwnChangesAtOnce(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.live()
	for _, step := range []struct {
		command string
		want    catalog.Status
	}{{"install notes", catalog.Enabled}, {"disable notes", catalog.Disabled}, {"enable notes", catalog.Enabled}, {"disable notes", catalog.Disabled}, {"uninstall notes", catalog.NotInstalled}} {
		in.mustDo(step.command)
		if e, _ := in.Snapshot().Find("notes"); e.Status != step.want {
			t.Errorf("after %s: %s, want %s", step.command, e.Status, step.want)
		}
	}
}

func TestLive_FollowsContainersAndTheAgent(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	events := make(chan string)
	var mu sync.Mutex
	state, away := catalog.State{}, error(nil)
	set := func(s catalog.State, err error) { mu.Lock(); state, away = s, err; mu.Unlock() }
	in.agent.ping = func() (catalog.AgentStatus, error) {
		mu.Lock()
		defer mu.Unlock()
		return catalog.AgentStatus{Available: away == nil}, away
	}
	in.agent.containers = func() (catalog.State, error) { mu.Lock(); defer mu.Unlock(); return state, away }
	in.agent.follow = func(ctx context.Context, on func()) error {
		for {
			select {
			case event := <-events:
				if event == "gone" {
					return problem.Newf(problem.AgentNoSocket, "gone")
				}
				on()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	runs := func(want string) func(*catalog.Snapshot) bool {
		return func(s *catalog.Snapshot) bool { e, _ := s.Find("notes"); return e.Runtime.State == want }
	}
	in.live()
	in.await(runs("not_deployed"))
	set(catalog.State{Containers: []compose.Container{{Service: "notes", State: "running"}}}, nil)
	events <- "start"
	in.await(runs("running"))
	set(catalog.State{}, problem.Newf(problem.AgentNoSocket, "it is gone"))
	events <- "gone"
	s := in.await(runs("unknown"))
	wantEqual(t, "agent", "agent_no_socket", s.Agent.Code)
	set(catalog.State{Containers: []compose.Container{{Service: "notes", State: "running"}}}, nil)
	in.await(runs("running"))
}

// Docker restarts, and the agent's events end and begin again, again and again. What happened before each stream stood is
// told by no event, and shows all the same.
func TestLive_HasTheWholeStateAfterEachReconnect(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	states := make(chan string)
	var mu sync.Mutex
	container := compose.Container{Service: "notes", State: "running"}
	in.agent.containers = func() (catalog.State, error) {
		mu.Lock()
		defer mu.Unlock()
		return catalog.State{Containers: []compose.Container{container}}, nil
	}
	in.agent.follow = func(ctx context.Context, on func()) error {
		select {
		case state := <-states: // happens now, when the containers were asked for and nobody listens yet
			mu.Lock()
			container.State = state
			mu.Unlock()
		case <-ctx.Done():
			return ctx.Err()
		}
		on() // the stream stands
		select {
		case <-states:
		case <-ctx.Done():
		}
		return problem.Newf(problem.DockerUnavailable, "it restarts")
	}
	in.live()
	for _, step := range []struct{ container, want string }{{"running", "running"}, {"paused", "stopped"}, {"running", "running"}} {
		states <- step.container
		in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find("notes"); return e.Runtime.State == step.want })
		states <- "" // the stream ends
	}
}

// A generation is a change that a reader can see: touching files makes none.
func TestLive_TheGenerationStaysWhileNothingChanges(t *testing.T) {
	in := newInstallation(t, library("notes"), enabled("board"))
	in.live()
	in.await(func(s *catalog.Snapshot) bool { // all that comes by itself is there
		notes, _ := s.Find("notes")
		board, _ := s.Find("board")
		return notes.Rating > 1 && board.Rating > 1 && board.Runtime.State == "not_deployed" && board.Runtime.Health != ""
	})
	before := in.Snapshot().Generation
	now := time.Now()
	in.must(os.Chtimes(in.path("data/extensions-library/notes/manifest.yaml"), now, now))
	in.Refresh(t.Context())
	in.Refresh(t.Context())
	wantEqual(t, "generation", before, in.Snapshot().Generation)
}

func TestLive_AfterItsEndTheFoldersAreReadAgain(t *testing.T) {
	in := newInstallation(t, library("notes"))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { in.Live(ctx) })
	in.await(hasStatus("notes", catalog.NotInstalled))
	cancel()
	running.Wait()
	in.add(library("shelf"))
	if _, ok := in.Snapshot().Find("shelf"); !ok || in.Snapshot().Generation != 0 {
		t.Error("the snapshot is an old one")
	}
}

// Ratings come after the first snapshot, which does not wait for them.
func TestLive_RatesWithoutMakingReadersWait(t *testing.T) {
	in := newInstallation(t, library("notes"), enabled("board"))
	in.live()
	in.await(func(s *catalog.Snapshot) bool {
		notes, _ := s.Find("notes")
		board, _ := s.Find("board")
		return notes.Rating > 1 && board.Rating > 1
	})
}

// How services fare is asked in the background: what Docker calls running may answer errors.
func TestLive_AsksHowServicesFare(t *testing.T) {
	in := newInstallation(t, strings.Replace(enabled("notes"), "health: /", "health: /ok", 1), enabled("board"), enabled("idle"), disabled("shelf"))
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer asked.Close()
	port := asked.Listener.Addr().(*net.TCPAddr).Port
	runs := func(service string) compose.Container {
		return compose.Container{Service: service, State: "running", Ports: []compose.Port{{IP: "127.0.0.1", Host: port, Container: 8080, Protocol: "tcp"}}}
	}
	in.agent.has(runs("notes"), runs("board"))
	in.live()
	s := in.await(func(s *catalog.Snapshot) bool {
		notes, _ := s.Find("notes")
		board, _ := s.Find("board")
		idle, _ := s.Find("idle")
		return notes.Runtime.Health == "healthy" && strings.Contains(board.Runtime.HealthReason, "503") && idle.Runtime.Health == "not_deployed"
	})
	if shelf, _ := s.Find("shelf"); shelf.Runtime.Health != "" {
		t.Errorf("shelf is switched off, and said to be %s", shelf.Runtime.Health)
	}
	if notes, _ := s.Find("notes"); notes.Runtime.HealthSince.IsZero() || notes.Runtime.HealthReason != "" {
		t.Errorf("%+v: want since when, and no reason to be better", notes.Runtime)
	}
	times := in.ProbeTimes()
	for _, id := range []string{"notes", "board"} {
		if took := times[id]; took <= 0 || took > 20*time.Second {
			t.Errorf("%s took %s to answer", id, took)
		}
		delete(times, id)
	}
	if len(times) > 0 {
		t.Errorf("%v: nobody has answered for these", times)
	}
}
