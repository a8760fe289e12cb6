package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"dreamserver/agent"
)

// sampled is how many of the mutations go through the real docker compose and engine.
const sampled = 20

// What is approved is what the containers get: a sample of the mutations becomes real containers, which are not run.
func TestMutations_AreWhatContainersGet(t *testing.T) {
	if os.Getenv("DREAM_TEST_ENGINE") == "" {
		t.Skip("needs the Docker Engine: run `make test`")
	}
	d := newDock(t)
	in, server := mutable(t, "DREAM_PROJECT="+d.project, "DREAM_NETWORK="+d.project+"-network", "DREAM_CONTAINER_PREFIX="+d.project+"-")
	keys := map[string]bool{}
	for seed := range uint64(sampled) {
		m := newMutation(seed*101+7, in.path("data/app"), d.project+"-image")
		if m["image"] == nil {
			m["image"] = d.project + "-image:1"
		}
		if m["command"] == nil {
			m["command"] = []any{"/nothing"} // the image has none
		}
		mutating.Store(&m)
		file, approved, done, err := agent.Prepare(t.Context(), server, "app", false)
		in.must(err)
		name := filepath.Join(t.TempDir(), "approved.yaml")
		in.must(os.WriteFile(name, file, 0o600))
		d.compose(name, "create", "--force-recreate")
		done()
		for key := range m {
			keys[key] = true
		}
		d.compare(seed, name, approved["services"].(map[string]any)["app"].(map[string]any))
	}
	if len(keys) < 15 {
		t.Errorf("the sample changes %d keys, and is none of the whole: %v", len(keys), slices.Sorted(maps.Keys(keys)))
	}
}

// dock is a project of the real engine, and an image with nothing in it.
type dock struct {
	t       *testing.T
	project string
}

func newDock(t *testing.T) *dock {
	d := &dock{t: t, project: "dreamplan" + strconv.Itoa(os.Getpid())}
	for _, tag := range []string{"1", "2"} { // two images: what is imported has the time in it
		d.docker(bytes.NewReader(make([]byte, 1024)), "import", "--message", tag, "-", d.project+"-image:"+tag)
	}
	t.Cleanup(func() {
		file := filepath.Join(t.TempDir(), "none.yaml")
		_ = os.WriteFile(file, []byte("services: {}\n"), 0o600)
		for _, args := range [][]string{
			{"compose", "-p", d.project, "-f", file, "down", "--volumes", "--remove-orphans"},
			{"image", "rm", d.project + "-image:1", d.project + "-image:2"},
			{"volume", "rm", d.project + "_app.data"},
			{"network", "rm", d.project + "-network"},
		} {
			_ = exec.Command("docker", args...).Run() // some of it is gone already
		}
	})
	return d
}

func (d *dock) docker(stdin *bytes.Reader, args ...string) []byte {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), "docker", args...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	out, err := cmd.Output()
	if err != nil {
		text := ""
		if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as exec returns it
			text = string(e.Stderr)
		}
		d.t.Fatalf("docker %v: %v\n%s", args, err, text)
	}
	return out
}

// compose runs docker compose on an approved file as the agent does.
func (d *dock) compose(file string, args ...string) []byte {
	d.t.Helper()
	return d.docker(nil, append([]string{"compose", "-p", d.project, "--env-file", "/dev/null", "-f", file}, args...)...)
}

// compare tells what of the approved service is something else in its container.
func (d *dock) compare(seed uint64, file string, service map[string]any) {
	d.t.Helper()
	id := strings.TrimSpace(string(d.compose(file, "ps", "--all", "--quiet", "app")))
	var all []container.InspectResponse
	if err := json.Unmarshal(d.docker(nil, "inspect", id), &all); err != nil {
		d.t.Fatal(err)
	}
	c := all[0]
	want := func(key string, got any) {
		d.t.Helper()
		wantEqual(d.t, fmt.Sprintf("seed %d: %s", seed, key), asText(service[key]), asText(got))
	}
	want("image", c.Config.Image)
	want("environment", envOf(c.Config.Env))
	want("command", c.Config.Cmd)
	want("entrypoint", c.Config.Entrypoint)
	maps.DeleteFunc(c.Config.Labels, func(k, _ string) bool { return strings.HasPrefix(k, "com.docker.compose.") })
	want("labels", c.Config.Labels)
	want("tty", orNothing(c.Config.Tty))
	want("user", orNothing(c.Config.User))
	want("working_dir", orNothing(c.Config.WorkingDir))
	want("read_only", orNothing(c.HostConfig.ReadonlyRootfs))
	wantEqual(d.t, fmt.Sprintf("seed %d: cap_drop", seed), capabilities(service["cap_drop"]), capabilities(c.HostConfig.CapDrop))
	want("stop_signal", orNothing(c.Config.StopSignal))
	if service["hostname"] != nil {
		want("hostname", c.Config.Hostname)
	}
	if service["init"] != nil {
		want("init", c.HostConfig.Init)
	}
	want("restart", restartOf(c))
	if service["stop_grace_period"] != nil {
		want("stop_grace_period", spelt(time.Duration(*c.Config.StopTimeout)*time.Second))
	}
	d.compareLimits(seed, c, service)
	d.compareHealth(seed, c, service)
	d.compareMounts(seed, c, service)
	bound := map[string]bool{}
	for port, bindings := range c.HostConfig.PortBindings {
		for _, b := range bindings {
			bound[fmt.Sprintf("%s:%s:%s", b.HostIP, b.HostPort, port)] = true
		}
	}
	asked := map[string]bool{}
	for _, p := range listOf(service["ports"]) {
		asked[fmt.Sprintf("%v:%v:%v/%v", p["host_ip"], p["published"], p["target"], p["protocol"])] = true
	}
	wantEqual(d.t, fmt.Sprintf("seed %d: ports", seed), asked, bound)
}

func (d *dock) compareLimits(seed uint64, c container.InspectResponse, service map[string]any) {
	d.t.Helper()
	memory := asText(service["mem_limit"])
	if deploy, ok := service["deploy"].(map[string]any); ok {
		memory = asText(deploy["resources"].(map[string]any)["limits"].(map[string]any)["memory"])
	}
	cpus, _ := strconv.ParseFloat(asText(service["cpus"]), 64)
	limits := map[string]any{
		"memory": [2]string{orZero(memory), strconv.FormatInt(c.HostConfig.Memory, 10)},
		"cpus":   [2]string{strconv.FormatInt(int64(math.Round(cpus*1e9)), 10), strconv.FormatInt(c.HostConfig.NanoCPUs, 10)},
		"pids":   [2]string{asText(service["pids_limit"]), asText(c.HostConfig.PidsLimit)},
		"log":    [2]string{asText(service["logging"].(map[string]any)["options"]), asText(c.HostConfig.LogConfig.Config)},
	}
	if service["shm_size"] != nil {
		limits["shm"] = [2]string{asText(service["shm_size"]), strconv.FormatInt(c.HostConfig.ShmSize, 10)}
	}
	if ulimits, ok := service["ulimits"].(map[string]any); ok {
		u, nofile := c.HostConfig.Ulimits[0], ulimits["nofile"].(map[string]any)
		limits["ulimits"] = [2]string{fmt.Sprintf("%v %v", nofile["soft"], nofile["hard"]), fmt.Sprintf("%d %d", u.Soft, u.Hard)}
	}
	for name, both := range limits {
		if pair := both.([2]string); pair[0] != pair[1] {
			d.t.Errorf("seed %d: %s: approved %s, and the container has %s", seed, name, pair[0], pair[1])
		}
	}
}

func (d *dock) compareHealth(seed uint64, c container.InspectResponse, service map[string]any) {
	d.t.Helper()
	check, ok := service["healthcheck"].(map[string]any)
	got := c.Config.Healthcheck
	switch {
	case !ok && got == nil:
	case !ok || got == nil:
		d.t.Errorf("seed %d: healthcheck: approved %v, and the container has %v", seed, check, got)
	case check["disable"] == true:
		wantEqual(d.t, fmt.Sprintf("seed %d: healthcheck", seed), []string{"NONE"}, got.Test)
	default:
		have := map[string]any{"test": got.Test, "interval": spelt(got.Interval), "timeout": spelt(got.Timeout), "start_period": spelt(got.StartPeriod), "retries": got.Retries}
		wantEqual(d.t, fmt.Sprintf("seed %d: healthcheck", seed), asText(check), asText(have))
	}
}

func (d *dock) compareMounts(seed uint64, c container.InspectResponse, service map[string]any) {
	d.t.Helper()
	asked, have := map[string]bool{}, map[string]bool{}
	for _, v := range listOf(service["volumes"]) {
		source := asText(v["source"])
		if v["type"] == "volume" {
			source = d.project + "_" + source
		}
		asked[fmt.Sprintf("%s %s %t", source, v["target"], v["read_only"] == true)] = true
	}
	for _, m := range c.HostConfig.Mounts {
		have[fmt.Sprintf("%s %s %t", m.Source, m.Target, m.ReadOnly)] = true
	}
	for _, b := range c.HostConfig.Binds {
		parts := strings.Split(b, ":")
		have[fmt.Sprintf("%s %s %t", parts[0], parts[1], strings.HasPrefix(parts[2], "ro"))] = true
	}
	wantEqual(d.t, fmt.Sprintf("seed %d: volumes", seed), asked, have)
	tmpfs := map[string]string{}
	if list, ok := service["tmpfs"].([]any); ok {
		for _, target := range list {
			tmpfs[target.(string)] = ""
		}
	}
	wantEqual(d.t, fmt.Sprintf("seed %d: tmpfs", seed), asText(tmpfs), asText(c.HostConfig.Tmpfs))
}

// asText is a value as JSON has it, and empty for nothing, in whatever way.
func asText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	data, _ := json.Marshal(v) // of plain values
	text := string(data)
	switch text {
	case "null", "[]", "{}":
		return ""
	}
	return text
}

// capabilities is a list of them in one spelling.
func capabilities(list any) map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.FieldsFunc(asText(list), func(r rune) bool { return strings.ContainsRune(`[]",`, r) }) {
		out[strings.TrimPrefix(name, "CAP_")] = true
	}
	return out
}

// orNothing is v, or nothing when it is the zero value.
func orNothing[T string | bool](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

func envOf(list []string) map[string]string {
	out := map[string]string{}
	for _, line := range list {
		key, value, _ := strings.Cut(line, "=")
		if key != "PATH" { // the engine's
			out[key] = value
		}
	}
	return out
}

func restartOf(c container.InspectResponse) any {
	p := c.HostConfig.RestartPolicy
	switch {
	case p.MaximumRetryCount > 0:
		return fmt.Sprintf("%s:%d", p.Name, p.MaximumRetryCount)
	case p.IsNone():
		return nil
	}
	return string(p.Name)
}

// spelt is a time as compose-go writes it.
func spelt(d time.Duration) string {
	return strings.Replace(strings.TrimSuffix(d.String(), "m0s")+"m", "sm", "s", 1)
}

func listOf(v any) []map[string]any {
	list, _ := v.([]any)
	out := make([]map[string]any, len(list))
	for i := range list {
		out[i], _ = list[i].(map[string]any)
	}
	return out
}
