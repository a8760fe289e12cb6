package compose_test

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func running(ids ...string) []compose.Container {
	var list []compose.Container
	for _, id := range ids {
		list = append(list, compose.Container{ID: id, Name: "test-" + id, Service: id, State: "running"})
	}
	return list
}

// The first is of an engine on cgroup v1, the second on v2; figures that an engine does not have are missing.
func TestEngine_Stats(t *testing.T) {
	var asked string
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/one/stats": func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.RawQuery
			io.WriteString(w, `{"read":"2026-01-02T03:04:05.5Z","pids_stats":{"current":7},"num_procs":0,
"cpu_stats":{"cpu_usage":{"total_usage":5000000000},"system_cpu_usage":1,"online_cpus":2},"precpu_stats":{"cpu_usage":{"total_usage":0}},
"memory_stats":{"usage":1000,"limit":4000,"stats":{"inactive_file":1,"total_inactive_file":300}},
"blkio_stats":{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":10},{"op":"Write","value":20},{"op":"Sync","value":30},{"major":9,"op":"Read","value":1}]},
"networks":{"eth0":{"rx_bytes":100,"tx_bytes":200},"eth1":{"rx_bytes":1,"tx_bytes":2}}}`)
		},
		"GET /v1.41/containers/two/stats": answer(`{"read":"2026-01-02T03:04:05.5Z","memory_stats":{"usage":100,"stats":{"inactive_file":200}},
"blkio_stats":{"io_service_bytes_recursive":[{"op":"read","value":5},{"op":"write","value":6}]}}`),
		"GET /v1.41/containers/ended/stats": answer(""),
	})
	containers := append(running("one", "ended", "two"), compose.Container{ID: "stopped", State: "exited"})
	got, err := e.Stats(t.Context(), containers)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC)
	want := []compose.Usage{
		{
			ID: "one", Name: "test-one", Service: "one", At: at, CPU: 5e9, Memory: 700, MemoryLimit: 4000, Received: 101, Sent: 202, Read: 11, Written: 20, Processes: 7,
		},
		{ID: "two", Name: "test-two", Service: "two", At: at, Read: 5, Written: 6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if asked != "one-shot=1&stream=0" {
		t.Errorf("asked for %q", asked)
	}
}

// One that cannot be asked does not keep the others from being told of.
func TestEngine_StatsOfTheOthers(t *testing.T) {
	e := newEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/one/stats": answer(`{"memory_stats":{"usage":1}}`),
		"GET /v1.41/containers/odd/stats": answer(`{"memory_stats":`),
		"GET /v1.41/containers/bad/stats": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	})
	for _, bad := range []string{"odd", "bad", "unknown"} {
		got, err := e.Stats(t.Context(), running(bad, "one"))
		if err == nil || len(got) != 1 || got[0].ID != "one" || got[0].At.IsZero() {
			t.Errorf("%s: got %+v, %v", bad, got, err)
		}
	}
	away, err := compose.NewEngine("unix:///nowhere/docker.sock", "test")
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	_, err = away.Stats(t.Context(), running("one"))
	wantRefusal(t, err, problem.DockerUnavailable, "the Docker Engine does not answer at unix:///nowhere/docker.sock: start it (systemctl start docker) and try again")
}

// The engine looks at one control group for each question: it gets eight at a time.
func TestEngine_AsksForStatsWithinBounds(t *testing.T) {
	var now, most atomic.Int32
	var once sync.Once
	enough := make(chan struct{})
	handler := func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 8 {
			once.Do(func() { close(enough) })
		}
		<-enough
		io.WriteString(w, `{}`)
	}
	handlers := map[string]http.HandlerFunc{}
	var ids []string
	for _, id := range "abcdefghijklmnop" {
		ids = append(ids, string(id))
		handlers["GET /v1.41/containers/"+string(id)+"/stats"] = handler
	}
	e := newEngine(t, handlers)
	got, err := e.Stats(t.Context(), running(ids...))
	if err != nil || len(got) != 16 || most.Load() > 8 {
		t.Errorf("%d of 16, %d at a time, %v", len(got), most.Load(), err)
	}
}
