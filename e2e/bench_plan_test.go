package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

// TestBenchPlan measures a plan of one of 50 extensions through the API: with one program and five rules that all have
// something to say, whose answers were asked for before, and without policies, in one run.
func TestBenchPlan(t *testing.T) {
	if os.Getenv("DREAM_BENCH") == "" {
		t.Skip("measures: run `make bench`")
	}
	needsEngine(t)
	b := newBench(t)
	b.fill(49)
	b.request("POST", "/api/extensions/web/install")
	without := b.plans(`"diff":[]`)
	config := filepath.Join(b.stack.dir, "config", "server")
	b.program(filepath.Join(config, "plugins", "labeller"))
	b.write(filepath.Join(config, "config.yml"), benchPolicies)
	b.check(b.stack.agent.end(syscall.SIGTERM))
	var err error
	b.stack.agent, err = b.stack.start("dream-host-agent")
	b.check(err)
	with := b.plans(`"measured":"yes","team":"my_team"`)
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "\nplan of one of 50, one program and five rules\tp50\tp95\tgoal")
	n := len(with)
	fmt.Fprintf(out, "with policies\t%s\t%s\tp95 < 150 ms\n", ms(with[n/2]), ms(with[n*95/100]))
	fmt.Fprintf(out, "without\t%s\t%s\t\n", ms(without[n/2]), ms(without[n*95/100]))
	fmt.Fprintf(out, "ratio\t%.2f\t%.2f\t\n", ratio(with[n/2], without[n/2]), ratio(with[n*95/100], without[n*95/100]))
	out.Flush()
}

// benchPolicies are one program that changes something, and rules of every kind.
const benchPolicies = `plugins: [labeller]
rules:
- {name: tags, set: {services.*.labels.team: "'my_team'"}}
- {name: no-host-network, hook: on_gateway_apply, match: "spec.network_mode.exists(s, spec.network_mode[s] == 'host')", deny: no}
- {name: no-privileges, match: "spec.services.exists(s, spec.services[s].?privileged.orValue(false) == true)", deny: no}
- {name: no-latest, match: "spec.services.exists(s, spec.services[s].?image.orValue('').endsWith(':latest'))", warn: name a version}
- {name: few-volumes, hook: on_volume_apply, match: size(spec.mounts) > 20, deny: too many}
`

// labeller is a program in Go that gives each service a label.
const labeller = `package main

import (
	"encoding/json"
	"os"
)

func main() {
	var q struct{ Spec map[string]any }
	if json.NewDecoder(os.Stdin).Decode(&q) != nil {
		os.Exit(1)
	}
	if os.Args[1] == "on_service_apply" {
		for _, s := range q.Spec["services"].(map[string]any) {
			s := s.(map[string]any)
			labels, ok := s["labels"].(map[string]any)
			if !ok {
				labels = map[string]any{}
			}
			labels["measured"] = "yes"
			s["labels"] = labels
		}
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"spec": q.Spec, "error": nil})
}
`

// program builds the plugin.
func (b *bench) program(name string) {
	b.t.Helper()
	source := filepath.Join(b.t.TempDir(), "main.go")
	b.write(source, labeller)
	b.check(os.MkdirAll(filepath.Dir(name), 0o755))
	cmd := exec.Command("go", "build", "-trimpath", "-o", name, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("build the plugin: %v\n%s", err, out)
	}
}

// plans are the times of a hundred plans, sorted, after some that nobody measures. Each of them has the text.
func (b *bench) plans(text string) []time.Duration {
	b.t.Helper()
	const warm, measured = 5, 100
	var took []time.Duration
	for i := range warm + measured {
		began := time.Now()
		status, reply, err := b.stack.request(http.MethodPost, "/api/extensions/web/plan", b.stack.key)
		if i >= warm {
			took = append(took, time.Since(began))
		}
		b.check(err)
		if status != http.StatusOK || !strings.Contains(reply, text) {
			b.t.Fatalf("a plan without %s: %d %s", text, status, reply)
		}
	}
	slices.Sort(took)
	return took
}
