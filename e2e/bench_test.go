package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"dreamserver/compose"
)

// TestBench measures the whole path from a request to a container against bare docker compose, as ratios in one
// run: `make bench`. Medians of interleaved rounds; it reports and never fails on a figure.
func TestBench(t *testing.T) {
	if os.Getenv("DREAM_BENCH") == "" {
		t.Skip("measures: run `make bench`")
	}
	needsEngine(t)
	b := newBench(t)
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "\nwhat\tours\tbare compose\tratio\tgoal")
	for _, others := range []int{0, 19, 49} {
		b.fill(others)
		r := b.measure()
		fmt.Fprintf(out, "install → container started, %d others\t%s\t%s\t%.2f\t≤ 1.15\n", others, ms(r.install), ms(r.bareUp), ratio(r.install, r.bareUp))
		fmt.Fprintf(out, "disable, %d others\t%s\t%s\t%.2f\t≤ 1.15\n", others, ms(r.disable), ms(r.bareStop), ratio(r.disable, r.bareStop))
		fmt.Fprintf(out, "start of what runs, %d others\t%s\t%s\t%.2f\t< 20 ms\n", others, ms(r.again), ms(r.bareAgain), ratio(r.again, r.bareAgain))
	}
	out.Flush()
}

const rounds = 9

const benchFragment = `services:
  %[1]s:
    image: %[2]s
    init: true
    command: ["/bin/busybox", "sleep", "1000"]
    networks: [dream-network]
networks:
  dream-network:
    external: true
`

type bench struct {
	t     *testing.T
	stack *stack
	bare  string // the bare project's name
	files []string
}

// newBench brings up two projects with the network in place and one container in it: ours and a bare one.
func newBench(t *testing.T) *bench {
	s := newStack(t.TempDir())
	t.Cleanup(s.destroy)
	b := &bench{t: t, stack: s, bare: s.names.Project + "bare"}
	b.check(s.init())
	for _, id := range []string{"anchor", "web"} {
		b.extension(filepath.Join(s.dir, "data", "extensions-library"), id)
	}
	var err error
	s.agent, err = s.start("dream-host-agent")
	b.check(err)
	s.api, err = s.start("dashboard-api")
	b.check(err)
	b.request("POST", "/api/extensions/anchor/install")

	fragment := filepath.Join(t.TempDir(), "compose.yaml")
	b.write(fragment, fmt.Sprintf("services:\n  web: {image: %s, init: true, command: [/bin/busybox, sleep, \"1000\"]}\n  anchor: {image: %[1]s, init: true, command: [/bin/busybox, sleep, \"1000\"]}\n", image))
	network := filepath.Join(t.TempDir(), "network.yaml") // the base names its network: two projects cannot share it
	b.write(network, "networks: {default: {name: "+b.bare+"-network}}\n")
	b.files = []string{"-f", filepath.Join(s.dir, "docker-compose.base.yml"), "-f", network, "-f", fragment}
	t.Cleanup(func() { _ = b.compose("down", "--timeout", "1") })
	b.check(b.compose("up", "-d", "anchor"))
	return b
}

func (b *bench) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) write(file, content string) {
	b.check(os.MkdirAll(filepath.Dir(file), 0o755))
	b.check(os.WriteFile(file, []byte(content), 0o644))
}

func (b *bench) extension(dir, id string) {
	b.write(filepath.Join(dir, id, "manifest.yaml"),
		fmt.Sprintf("schema_version: dream.services.v1\nservice: {id: %s, name: %[1]s, port: 80, gpu_backends: [all]}\n", id))
	b.write(filepath.Join(dir, id, "compose.yaml"), fmt.Sprintf(benchFragment, id, image))
}

// fill installs others, enabled and not running.
func (b *bench) fill(n int) {
	for i := range n {
		b.extension(filepath.Join(b.stack.dir, "data", "user-extensions"), fmt.Sprintf("other%02d", i))
	}
}

func (b *bench) compose(args ...string) error {
	argv := append([]string{"compose", "-p", b.bare, "--env-file", filepath.Join(b.stack.dir, ".env")}, b.files...)
	cmd := exec.Command("docker", append(argv, args...)...)
	cmd.Env = b.stack.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker compose %v: %w\n%s", args, err, out)
	}
	return nil
}

func (b *bench) request(method, path string) {
	b.t.Helper()
	status, reply, err := b.stack.request(method, path, b.stack.key)
	b.check(err)
	if status != 200 {
		b.t.Fatalf("%s %s: %d %s", method, path, status, reply)
	}
}

// startedAt is when Docker started the project's web container.
func (b *bench) startedAt(project string) time.Time {
	engine, err := compose.NewEngine(os.Getenv("DOCKER_HOST"), project)
	b.check(err)
	defer engine.Close()
	list, err := engine.Containers(context.Background())
	b.check(err)
	i := slices.IndexFunc(list, func(c compose.Container) bool { return c.Service == "web" })
	if i < 0 {
		b.t.Fatalf("project %s has no container of web", project)
	}
	c, err := engine.Inspect(context.Background(), list[i].ID)
	b.check(err)
	return c.StartedAt
}

type figures struct{ install, bareUp, disable, bareStop, again, bareAgain time.Duration }

func (b *bench) measure() figures {
	var all []figures
	for range rounds {
		var f figures
		began := time.Now()
		b.check(b.compose("up", "-d", "web"))
		f.bareUp = b.startedAt(b.bare).Sub(began)
		began = time.Now()
		b.request("POST", "/api/extensions/web/install")
		f.install = b.startedAt(b.stack.names.Project).Sub(began)

		f.bareAgain = took(func() { b.check(b.compose("up", "-d", "web")) })
		f.again = took(func() { b.request("POST", "/api/extensions/web/start") })
		f.bareStop = took(func() { b.check(b.compose("stop", "web")) })
		f.disable = took(func() { b.request("POST", "/api/extensions/web/disable") })

		b.check(b.compose("rm", "-f", "web"))
		b.request("DELETE", "/api/extensions/web")
		all = append(all, f)
	}
	pick := func(of func(figures) time.Duration) time.Duration {
		d := make([]time.Duration, 0, len(all))
		for _, f := range all {
			d = append(d, of(f))
		}
		slices.Sort(d)
		return d[len(d)/2]
	}
	return figures{
		install:   pick(func(f figures) time.Duration { return f.install }),
		bareUp:    pick(func(f figures) time.Duration { return f.bareUp }),
		disable:   pick(func(f figures) time.Duration { return f.disable }),
		bareStop:  pick(func(f figures) time.Duration { return f.bareStop }),
		again:     pick(func(f figures) time.Duration { return f.again }),
		bareAgain: pick(func(f figures) time.Duration { return f.bareAgain }),
	}
}

func took(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
