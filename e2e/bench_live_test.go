package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"dreamserver/compose"
)

// TestBenchLive measures from what happens to a container, by the time that Docker gives its event, until the API says so;
// and, of the same events, until Docker itself does when it is asked at once.
func TestBenchLive(t *testing.T) {
	if os.Getenv("DREAM_BENCH") == "" {
		t.Skip("measures: run `make bench`")
	}
	needsEngine(t)
	b := newBench(t)
	b.fill(49)
	b.request("POST", "/api/extensions/web/install")
	engine, err := compose.NewEngine(os.Getenv("DOCKER_HOST"), b.stack.names.Project)
	b.check(err)
	defer engine.Close()
	list, err := engine.Containers(t.Context())
	b.check(err)
	web := slices.IndexFunc(list, func(c compose.Container) bool { return c.Service == "web" })
	changes, _ := engine.Changes(t.Context())
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "\ncontainer → visible through the API\tp50\tp95\tp95 of Docker itself\tgoal")
	docker := map[string][]time.Duration{}
	took := map[string][]time.Duration{}
	for range 20 {
		for _, step := range []struct {
			event, state string
			argv         []string
		}{
			{"die", "stopped", []string{"exec", list[web].ID, "/bin/busybox", "kill", "1"}}, // it ends by itself
			{"start", "running", []string{"start", list[web].ID}},
		} {
			text, err := exec.Command("docker", step.argv...).CombinedOutput()
			if err != nil && step.event != "die" { // who kills from inside may die first
				t.Fatalf("docker %v: %v %s", step.argv, err, text)
			}
			for c := range changes {
				if c.Service == "web" && c.Action == step.event {
					_, err := engine.Inspect(t.Context(), list[web].ID)
					b.check(err)
					docker[step.event] = append(docker[step.event], time.Since(c.Time))
					took[step.event] = append(took[step.event], b.visible("web", step.state).Sub(c.Time))
					break
				}
			}
		}
	}
	for _, event := range []string{"die", "start"} {
		slices.Sort(took[event])
		slices.Sort(docker[event])
		n := len(took[event])
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\tp95 < 200 ms\n", event, ms(took[event][n/2]), ms(took[event][n*95/100]), ms(docker[event][n*95/100]))
	}
	out.Flush()
}

// visible waits until the API says that the extension is in this state, and returns when that was.
func (b *bench) visible(id, state string) time.Time {
	b.t.Helper()
	var body struct {
		Runtime struct {
			State string `json:"state"`
		} `json:"runtime"`
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		_, reply, err := b.stack.request("GET", "/api/extensions/"+id, b.stack.key)
		b.check(err)
		b.check(json.Unmarshal([]byte(reply), &body))
		if body.Runtime.State == state {
			return time.Now()
		}
	}
	b.t.Fatalf("%s is never %s, but %s", id, state, body.Runtime.State)
	return time.Time{}
}
