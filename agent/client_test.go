package agent_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
)

// What each method of the client sends.
func TestClient_Sends(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("X-Dream-Version") != version {
			t.Errorf("headers %v", r.Header)
		}
		if r.URL.Path != "/health" {
			got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body))
		}
		fmt.Fprint(w, `{"report": {}}`)
	}))
	defer server.Close()
	c := agent.NewClient(settingsFor(t, server.Listener.Addr()), version)
	defer c.Close()
	ctx := t.Context()
	tests := []struct {
		call func() error
		want string
	}{
		{func() error { _, err := c.Check(ctx, "app", false); return err }, `POST /v1/extension/check {"service_id":"app"}`},
		{func() error { _, err := c.Check(ctx, "app", true); return err }, `POST /v1/extension/check {"service_id":"app","library":true}`},
		{func() error { _, err := c.Start(ctx, "app", catalog.Starting{}, nil); return err }, `POST /v1/extension/start {"service_id":"app"}`},
		{func() error { _, err := c.Restart(ctx, "app", nil); return err }, `POST /v1/extension/restart {"service_id":"app"}`},
		{func() error { return c.Stop(ctx, "app") }, `POST /v1/extension/stop {"service_id":"app"}`},
		{func() error { return c.Remove(ctx, "app") }, `POST /v1/extension/remove {"service_id":"app"}`},
		{func() error { return c.SetBuiltin(ctx, "app", true) }, `POST /v1/extension/enable {"service_id":"app"}`},
		{func() error { return c.SetBuiltin(ctx, "app", false) }, `POST /v1/extension/disable {"service_id":"app"}`},
		{func() error { _, err := c.Logs(ctx, "app", 7); return err }, `POST /v1/extension/logs {"service_id":"app","tail":7}`},
		{func() error { _, err := c.Containers(ctx); return err }, `GET /v1/containers`},
		{func() error { _, err := c.Host(ctx); return err }, `GET /v1/host`},
		{func() error { _, err := c.Machine(ctx); return err }, `GET /v1/host?without=docker`},
		{func() error { _, err := c.Stack(ctx); return err }, `GET /v1/stack`},
		{func() error { return c.Down(ctx) }, `POST /v1/stack/down {}`},
		{func() error { _, err := c.Up(ctx, []string{"app"}, true, nil); return err }, `POST /v1/stack/up {"services":["app"],"wait":true}`},
	}
	for _, tt := range tests {
		if err := tt.call(); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		wantEqual(t, "sent", tt.want, got)
	}
}

// settingsFor are the settings of a client that reaches an agent over TCP.
func settingsFor(t *testing.T, addr net.Addr) config.Settings {
	t.Helper()
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"DREAM_INSTALL_DIR": t.TempDir(), "DREAM_AGENT_KEY": key, "DREAM_AGENT_HOST": host, "DREAM_AGENT_PORT": port}
	s, err := config.Load(func(name string) string { return vars[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPing_SaysThatTheVersionsDiffer(t *testing.T) {
	in := newInstallation(t)
	c := agent.NewClient(in.settings, "2.2.0")
	defer c.Close()
	got, err := c.Ping(t.Context())
	in.must(err)
	wantEqual(t, "ping", catalog.AgentStatus{
		Available: true, Version: "2.1.0", Mismatch: "the host agent is 2.1.0, this program is 2.2.0: run `make run` to update both",
	}, got)
}

func TestHost_TellsTheFacts(t *testing.T) {
	in := newInstallation(t, extension("app", ""), `
-- state/approved/app.yaml --
-- state/approved/gone.yaml --
-- state/approved/gone.json --
-- state/approved/going.yaml --
-- state/approved/dashboard.yaml --
-- state/grants/gone.json --
-- state/grants/not an id --
-- data/operations/pending/going --
`)
	in.engine.set(func(e *fakeEngine) { e.ports[80] = "their-web" })
	got, err := in.client.Host(t.Context())
	in.must(err)
	wantEqual(t, "leftovers", []string{"approved/gone.json", "approved/gone.yaml", "grants/gone.json"}, got.Leftovers)
	wantEqual(t, "published", []compose.Publication{{Name: "their-web", Port: 80, Protocol: "tcp"}}, got.Published)
	wantEqual(t, "set-up", compose.EngineInfo{OS: "linux", Arch: "amd64", Root: "/", Runtimes: []string{"runc"}}, got.Setup)
	for _, d := range []catalog.Disk{got.Disk, got.DockerDisk} {
		if d.Total == 0 || d.Free > d.Total || d.InodesFree > d.Inodes {
			t.Errorf("disk %+v", d)
		}
	}
	if got.Compose != "5.5.1" || got.Engine.Version != "20.10.24" || got.Project != "dream-server" || got.GPUBackend != "cpu" || got.CPUs < 1 || got.MemoryKB < 1 {
		t.Errorf("got %+v", got)
	}
}

// It can be asked every few seconds: nobody is asked for it who would have to work for the answer, but the engine for its
// version, once a minute.
func TestMachine_AsksForNothingThatCosts(t *testing.T) {
	in := newInstallation(t, "-- data/x --\n")
	in.engine.set(func(e *fakeEngine) { e.ports[80] = "their-web"; e.down = true })
	got, err := in.client.Machine(t.Context())
	in.must(err)
	wantEqual(t, "engine while it is away", "", got.Engine.Version)
	for _, down := range []bool{false, true} { // what it was is kept
		in.engine.set(func(e *fakeEngine) { e.down = down })
		got, err = in.client.Machine(t.Context())
		in.must(err)
		wantEqual(t, "engine", "20.10.24", got.Engine.Version)
	}
	if got.Disk.Total == 0 || got.MemoryKB < 1 || got.Project != "dream-server" {
		t.Errorf("got %+v", got)
	}
	if got.Published != nil || got.Compose != "" || got.Leftovers != nil {
		t.Errorf("Docker was asked: %+v", got)
	}
}

// A tool that hangs keeps nobody: what it did not tell is not known.
func TestMachine_DoesNotWaitForAToolThatHangs(t *testing.T) {
	in := prepare(t, "-- data/x --\n")
	smi := filepath.Join(t.TempDir(), "nvidia-smi")
	in.must(os.WriteFile(smi, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755))
	in.options.GPUs = gpu.NewMachine(gpu.Options{SMI: smi, Root: fstest.MapFS{}})
	in.serve()
	got, err := in.client.Machine(t.Context())
	in.must(err)
	if !got.GPUs.At.IsZero() || len(got.GPUs.Devices) != 0 || got.Disk.Total == 0 {
		t.Errorf("got %+v", got)
	}
}

// The GPUs are of the machine that the agent runs on, and whose work is on them is known there alone.
func TestHost_TellsOfGPUs(t *testing.T) {
	in := prepare(t, "-- data/x --\n")
	id := strings.Repeat("0f", 32)
	in.options.GPUs = gpu.NewMachine(gpu.Options{SMI: "-", Root: fstest.MapFS{
		"sys/class/drm/card0/device/uevent":              {Data: []byte("DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n")},
		"sys/class/drm/card0/device/product_name":        {Data: []byte("Radeon RX 7900 XTX\n")},
		"sys/class/drm/card0/device/mem_info_vram_total": {Data: []byte("25753026560\n")},
		"sys/class/drm/card0/device/drm/renderD128/dev":  {Data: []byte("226:128\n")},
		"sys/class/kfd/kfd/topology/nodes/1/gpu_id":      {Data: []byte("56387\n")},
		"sys/class/kfd/kfd/topology/nodes/1/properties":  {Data: []byte("drm_render_minor 128\n")},
		"sys/class/kfd/kfd/proc/4711/vram_56387":         {Data: []byte("4096\n")},
		"proc/4711/cgroup":                               {Data: []byte("0::/system.slice/docker-" + id + ".scope\n")},
	}})
	in.serve()
	got, err := in.client.Host(t.Context())
	in.must(err)
	wantEqual(t, "devices", []gpu.Device{{
		Vendor: gpu.AMD, Name: "Radeon RX 7900 XTX", Address: "0000:03:00.0", Driver: "amdgpu", MemoryType: gpu.Discrete, MemoryTotal: new(uint64(25753026560)),
		Processes: []gpu.Process{{PID: 4711, Memory: new(uint64(4096)), Container: id}},
	}}, got.GPUs.Devices)
}

// A driver that hangs costs no other fact, and stopping the agent does not wait for it.
func TestHost_DoesNotWaitForADriver(t *testing.T) {
	in := prepare(t, "-- data/x --\n")
	hung := filepath.Join(t.TempDir(), "nvidia-smi")
	in.must(os.WriteFile(hung, []byte("#!/bin/sh\nexec sleep 600\n"), 0o755))
	in.options.GPUs = gpu.NewMachine(gpu.Options{SMI: hung, Root: fstest.MapFS{}})
	in.serve()
	got, err := in.client.Host(t.Context())
	in.must(err)
	if got.Compose != "5.5.1" || !got.GPUs.At.IsZero() || got.GPUs.Devices == nil {
		t.Errorf("got %+v", got)
	}
	in.must(in.stop())
}

// What Docker does not say in time is left out; the rest is told.
func TestHost_DoesNotWaitForDocker(t *testing.T) {
	in := newInstallation(t, "-- data/x --\n")
	in.engine.set(func(e *fakeEngine) { e.hung = true })
	got, err := in.client.Host(t.Context())
	in.must(err)
	if got.Compose != "5.5.1" || got.Setup.Root != "" || got.DockerDisk.Total != 0 || got.Disk.Total == 0 {
		t.Errorf("got %+v", got)
	}
}
