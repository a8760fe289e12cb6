package agent_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dreamserver/agent"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/measure/measuretest"
)

// series are the lines of /metrics that begin with prefix.
func (in *installation) series(prefix string) []string {
	in.t.Helper()
	status, body := in.request(http.MethodGet, "/metrics", "")
	if status != http.StatusOK {
		in.t.Fatalf("%d %s", status, body)
	}
	var found []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// withGPU is an agent on a machine with a card of which all is known.
func withGPU(t *testing.T, files ...string) *installation {
	t.Helper()
	in := prepare(t, files...)
	in.options.GPUs = gpu.NewMachine(gpu.Options{SMI: "-", Root: fstest.MapFS{
		"sys/class/drm/card0/device/uevent":                      {Data: []byte("DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n")},
		"sys/class/drm/card0/device/product_name":                {Data: []byte("Radeon RX 7900 XTX\n")},
		"sys/class/drm/card0/device/unique_id":                   {Data: []byte("f2a1b3c4d5e60718\n")},
		"sys/class/drm/card0/device/mem_info_vram_total":         {Data: []byte("25753026560\n")},
		"sys/class/drm/card0/device/mem_info_vram_used":          {Data: []byte("1048576\n")},
		"sys/class/drm/card0/device/gpu_busy_percent":            {Data: []byte("25\n")},
		"sys/class/drm/card0/device/hwmon/hwmon3/temp1_input":    {Data: []byte("48000\n")},
		"sys/class/drm/card0/device/hwmon/hwmon3/power1_average": {Data: []byte("31000000\n")},
		"sys/class/drm/card1/device/uevent":                      {Data: []byte("DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:04:00.0\n")},
	}})
	in.serve()
	return in
}

func TestMetrics_TellOfTheGPUs(t *testing.T) {
	in := withGPU(t)
	for prefix, want := range map[string][]string{
		"dream_gpu_info": {
			`dream_gpu_info{driver_version="",gpu="0",name="Radeon RX 7900 XTX",uuid="GPU-f2a1b3c4d5e60718",vendor="amd"} 1`,
			`dream_gpu_info{driver_version="",gpu="1",name="AMD GPU 1002:744c",uuid="",vendor="amd"} 1`,
		},
		"dream_gpu_memory_bytes": {`dream_gpu_memory_bytes{gpu="0",kind="total"} 2.575302656e+10`, `dream_gpu_memory_bytes{gpu="0",kind="used"} 1.048576e+06`},
		"dream_gpu_utilization":  {`dream_gpu_utilization_ratio{gpu="0"} 0.25`},
		"dream_gpu_temperature":  {`dream_gpu_temperature_celsius{gpu="0"} 48`},
		"dream_gpu_power":        {`dream_gpu_power_watts{gpu="0"} 31`},
	} {
		wantEqual(t, prefix, want, in.series(prefix))
	}
}

// What the agent cannot ask is left out, and the rest is told.
func TestMetrics_TellOfTheDisks(t *testing.T) {
	in := newInstallation(t)
	names := func() (all []string) {
		for _, line := range in.series("dream_disk_bytes") {
			name, value, _ := strings.Cut(line, "} ")
			all = append(all, name)
			if !regexp.MustCompile(`^[1-9][0-9.e+]*$`).MatchString(value) {
				t.Errorf("%s", line)
			}
		}
		return all
	}
	data := []string{`dream_disk_bytes{disk="data",kind="free"`, `dream_disk_bytes{disk="data",kind="total"`}
	in.must(os.MkdirAll(in.settings.DataDir, 0o755))
	wantEqual(t, "disks", append(slices.Clone(data), `dream_disk_bytes{disk="docker",kind="free"`, `dream_disk_bytes{disk="docker",kind="total"`), names())
	in.engine.set(func(e *fakeEngine) { e.down = true })
	wantEqual(t, "disks while Docker is away", data, names())
}

func TestMetrics_CountCallsOfDockerCompose(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.mustStart("app")
	in.must(in.client.Stop(t.Context(), "app"))
	in.docker.update(func(s *dockerState) { s.Fails["up"] = "no such image" })
	if _, err := in.start("app"); err == nil {
		t.Fatal("it starts")
	}
	for line, want := range map[string]string{
		`dream_compose_invocations_total{result="ok",verb="up"}`:        "1",
		`dream_compose_invocations_total{result="failed",verb="up"}`:    "1",
		`dream_compose_invocations_total{result="ok",verb="stop"}`:      "1",
		`dream_compose_invocations_total{result="failed",verb="pull"}`:  "0",
		`dream_compose_invocations_total{result="ended",verb="create"}`: "0",
	} {
		wantEqual(t, "series", []string{line + " " + want}, in.series(line))
	}
}

// What is ended from outside did not fail by itself.
func TestMetrics_TellCallsThatWereEnded(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	first := make(chan error, 1)
	go func() { _, err := in.start("app"); first <- err }()
	in.docker.entered()
	in.must(in.client.Stop(t.Context(), "app"))
	if err := <-first; err == nil {
		t.Fatal("it starts")
	}
	wantEqual(t, "series", []string{`dream_compose_invocations_total{result="ended",verb="up"} 1`}, in.series(`dream_compose_invocations_total{result="ended",verb="up"}`))
}

func TestMetrics_CountFindingsByRule(t *testing.T) {
	in := newInstallation(t, extension("app", "services:\n  app:\n    image: example/app:1\n    privileged: true\n"))
	for range 2 {
		if status, body := in.request(http.MethodPost, "/v1/extension/check", `{"service_id": "app"}`); status != http.StatusBadRequest {
			t.Fatalf("%d %s", status, body)
		}
	}
	wantEqual(t, "series", []string{`dream_scan_findings_total{rule="privileged"} 2`}, in.series(`dream_scan_findings_total{rule="privileged"}`))
}

func TestMetrics_CountRequestsByRoute(t *testing.T) {
	in := newInstallation(t)
	in.request(http.MethodGet, "/v1/nothing", "")
	in.request(http.MethodGet, "/v1/extension/app/env", "", "Authorization: ")
	in.request("BREW", "/tea", "")
	wantEqual(t, "requests", []string{
		`dream_http_requests_total{code="401",method="GET",route="/v1/extension/{id}/env"} 1`,
		`dream_http_requests_total{code="404",method="GET",route="none"} 1`,
		`dream_http_requests_total{code="405",method="other",route="none"} 1`,
	}, in.series("dream_http_requests_total"))
}

// everything is the text of an agent that has a series of every metric.
func everything(t *testing.T) []byte {
	t.Helper()
	in := withGPU(t, extension("app", ""), "-- data/x --\n")
	in.mustStart("app")
	_, body := in.request(http.MethodGet, "/metrics", "")
	return []byte(body + "\n")
}

func TestMetrics_AreNamedAsPrometheusWants(t *testing.T) { measuretest.Lint(t, everything(t)) }

func TestMetrics_PassPromtool(t *testing.T) { measuretest.CheckMetrics(t, everything(t)) }

// The page for people has a row for each metric.
func TestDocs_DescribeEveryMetric(t *testing.T) {
	measuretest.Documented(t, "..", "The host agent", everything(t))
}

// The keys that open the API's metrics open the agent's, and nothing else of it.
func TestMetrics_OpenToTheKeysOfTheAPIsMetrics(t *testing.T) {
	in := prepare(t)
	in.setEnv("DREAM_AGENT_API_KEY="+apisKey, "DASHBOARD_API_KEY=the-key-of-the-api-that-may-all")
	in.options.Settings = in.load()
	in.serve()
	add := func(name string, scope config.Scope, expires time.Time) {
		data, err := json.Marshal(config.APIKey{Scope: scope, SHA256: config.DigestOf("key of " + name), Created: time.Now(), Expires: expires})
		in.must(err)
		dir := in.settings.APIKeysDir()
		in.must(os.MkdirAll(dir, 0o755))
		in.must(os.WriteFile(dir+"/"+config.APIKeyFile(name), data, 0o644))
	}
	add("prometheus", config.ScopeMetrics, time.Time{})
	add("reader", config.ScopeRead, time.Time{})
	add("old", config.ScopeMetrics, time.Now().Add(-time.Hour))
	in.must(os.Symlink("prometheus.json", in.settings.APIKeysDir()+"/link.json"))
	in.must(os.WriteFile(in.settings.APIKeysDir()+"/empty.json", nil, 0o644))
	for key, want := range map[string]int{
		key: http.StatusOK, apisKey: http.StatusOK, "the-key-of-the-api-that-may-all": http.StatusOK,
		"key of prometheus": http.StatusOK, "key of reader": http.StatusOK,
		"key of old": http.StatusForbidden, "key of nobody": http.StatusForbidden, "": http.StatusUnauthorized,
	} {
		if status, body := in.request(http.MethodGet, "/metrics", "", "Authorization: Bearer "+key); status != want {
			t.Errorf("%q: %d, want %d: %.200s", key, status, want, body)
		}
	}
	if status, _ := in.request(http.MethodGet, "/metrics", "", "Authorization: "); status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", status)
	}
	for _, route := range agent.Routes(in.options.Settings) {
		method, path, _ := strings.Cut(route, " ")
		if status, _ := in.request(method, path, "", "Authorization: Bearer key of prometheus"); path != "/metrics" && status != http.StatusForbidden {
			t.Errorf("%s: %d", route, status)
		}
	}
	in.must(os.Remove(in.settings.APIKeysDir() + "/" + config.APIKeyFile("prometheus")))
	if status, _ := in.request(http.MethodGet, "/metrics", "", "Authorization: Bearer key of prometheus"); status != http.StatusForbidden {
		t.Errorf("a key that was taken back: %d", status)
	}
}

func TestMetrics_DoNotOpenToAKeyThatWasExchanged(t *testing.T) {
	in := prepare(t)
	in.setEnv("DASHBOARD_API_KEY=the-key-before")
	in.options.Settings = in.load()
	in.serve()
	in.setEnv("DASHBOARD_API_KEY=the-key-after") // the later line counts
	for key, want := range map[string]int{"the-key-before": http.StatusForbidden, "the-key-after": http.StatusOK} {
		if status, _ := in.request(http.MethodGet, "/metrics", "", "Authorization: Bearer "+key); status != want {
			t.Errorf("%s: %d, want %d", key, status, want)
		}
	}
}

// Prometheus comes over TCP.
func TestMetrics_AreThereOverTCP(t *testing.T) {
	in := newInstallation(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+in.addr+"/metrics", nil)
	in.must(err)
	r.Header.Set("Authorization", "Bearer "+key)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	in.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "\ndream_build_info{") {
		t.Errorf("%v: %s", err, body)
	}
}
