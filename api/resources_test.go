package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// keeps has the manager keep its snapshot up to date until the test ends.
func (in *installation) keeps() {
	in.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { in.manager.Live(ctx); close(done) }()
	in.t.Cleanup(func() { cancel(); <-done })
	if _, err := in.manager.Await(in.t.Context(), 0); err != nil {
		in.t.Fatal(err)
	}
}

// uses is what the agent says that containers use. JSON, because this package does not know compose.
func (in *installation) uses(usages string) {
	in.t.Helper()
	var stats catalog.Stats
	if err := json.Unmarshal([]byte(`{"usages":`+usages+`}`), &stats); err != nil {
		in.t.Fatal(err)
	}
	in.agent.mu.Lock()
	defer in.agent.mu.Unlock()
	in.agent.stats = stats
}

func TestResources_AreOfEachContainerAndExtension(t *testing.T) {
	in := newInstallation(t)
	in.uses(`[{"id":"search","name":"dream-search","service":"search","at":"2026-01-02T03:04:05Z","cpu_ns":5,"memory_bytes":300,"memory_limit_bytes":1200,
		"network_rx_bytes":1,"network_tx_bytes":2,"block_read_bytes":3,"block_write_bytes":4,"processes":5},
		{"id":"x","name":"dream-gone","service":"gone"}]`)
	in.keeps()
	rec := in.do("GET", "/api/services/resources", "")
	type use struct {
		ID, Name, Extension, Service, Container string
		Containers                              int
		CPU                                     *float64 `json:"cpu_percent"`
		Memory                                  int      `json:"memory_used_bytes"`
		Limit                                   int      `json:"memory_limit_bytes"`
		Percent                                 float64  `json:"memory_percent"`
		Rx                                      int      `json:"network_rx_bytes"`
		Tx                                      int      `json:"network_tx_bytes"`
		Read                                    int      `json:"block_read_bytes"`
		Written                                 int      `json:"block_write_bytes"`
		Processes                               int
	}
	got := decode[struct {
		Services   []use
		Containers []use
	}](t, rec)
	if len(got.Services) != 1 || len(got.Containers) != 2 {
		t.Fatalf("got %s", rec.Body)
	}
	want := use{Extension: "search", Service: "search", Container: "dream-search", Memory: 300, Limit: 1200, Percent: 25, Rx: 1, Tx: 2, Read: 3, Written: 4, Processes: 5}
	if got.Containers[1] != want || got.Containers[0].Container != "dream-gone" || got.Containers[0].Extension != "" {
		t.Errorf("containers %+v", got.Containers)
	}
	if sum := got.Services[0]; sum.ID != "search" || sum.Name == "" || sum.Containers != 1 || sum.Memory != 300 {
		t.Errorf("services %+v", sum)
	}
}

func TestResources_SayWhyThereAreNone(t *testing.T) {
	in := newInstallation(t)
	refused(t, in.do("GET", "/api/services/resources", ""), problem.Unavailable, "the host agent has not answered yet")
	in.keeps()
	in.agent.setAway(problem.Newf(problem.DockerUnavailable, "the Docker Engine does not answer: start it"))
	rec := in.do("GET", "/api/services/resources", "")
	refused(t, rec, problem.DockerUnavailable, "the Docker Engine does not answer: start it")
	if rec.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", rec.Code)
	}
}
