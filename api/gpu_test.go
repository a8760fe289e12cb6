package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

const mib = uint64(1) << 20

// sees makes the agent tell of these GPUs, and has the manager ask.
func (in *installation) sees(f gpu.Facts) {
	in.t.Helper()
	if f.At.IsZero() {
		f.At = began
	}
	host := &catalog.HostFacts{
		Hostname: "den", Disk: catalog.Disk{Path: "/srv/dream/data", Total: 500 << 30, Free: 125 << 30},
		GPUs: f,
	}
	host.Engine.Version = "20.10.24"
	in.agent.setHost(host)
	in.manager.LookAtMachine(in.t.Context())
}

func twoCards() gpu.Facts {
	return gpu.Facts{NVIDIA: gpu.NVIDIADriver{Loaded: true, Tool: true}, Devices: []gpu.Device{
		{
			Vendor: gpu.NVIDIA, Name: "NVIDIA RTX A5000", UUID: "GPU-1", MemoryType: gpu.Discrete, DriverVersion: "590.44.01",
			MemoryTotal: new(24564 * mib), MemoryUsed: new(6141 * mib), Utilization: new(50.0), Temperature: new(61.04), Power: new(120.26),
			Processes: []gpu.Process{
				{PID: 1, Memory: new(100 * mib), Container: strings.Repeat("0f", 32)},
				{PID: 2, Memory: new(2000 * mib), Container: "search"},
				{PID: 3, Memory: new(1000 * mib), Container: "search"},
				{PID: 4, Memory: new(50 * mib)},
			},
		},
		{
			Index: 1, Vendor: gpu.NVIDIA, Name: "NVIDIA A100", UUID: "GPU-2", MemoryType: gpu.Discrete, MemoryTotal: new(81920 * mib), MemoryUsed: new(uint64(0)),
			Temperature: new(40.0), Power: new(80.0),
			Instances: []gpu.Instance{{Profile: "1g.10gb", UUID: "MIG-1", MemoryTotal: new(9728 * mib), MemoryUsed: new(13 * mib)}},
			Processes: []gpu.Process{{PID: 5, Container: "search"}},
		},
	}}
}

func TestGPU_TellsWhatTheAgentReads(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia")
	in.sees(twoCards())
	in.golden("gpu", in.do("GET", "/gpu", ""))
	in.golden("gpu-detailed", in.do("GET", "/api/gpu/detailed", ""))
}

func TestGPUHistory_HasTheLastSixtyReadings(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia")
	one := func(i int) gpu.Facts {
		f := gpu.Facts{At: began.Add(time.Duration(i) * 5 * time.Second)}
		f.Devices = []gpu.Device{{Vendor: gpu.NVIDIA, Utilization: new(float64(i)), MemoryTotal: new(uint64(200)), MemoryUsed: new(uint64(i))}}
		if i == 64 { // another card appears, and the first has nothing to say
			f.Devices[0].Utilization = nil
			f.Devices = append(f.Devices, gpu.Device{Index: 1, Vendor: gpu.NVIDIA, Temperature: new(33.0)})
		}
		return f
	}
	for i := range 65 {
		in.sees(one(i))
		in.sees(one(i)) // the same reading again is no new one
	}
	type series struct {
		Utilization   []*float64
		MemoryPercent []*float64 `json:"memory_percent"`
		Temperature   []*float64
		Power         []*float64 `json:"power_w"`
	}
	got := decode[struct {
		Timestamps []time.Time
		GPUs       map[string]series
	}](t, in.do("GET", "/api/gpu/history", ""))
	last := len(got.Timestamps) - 1
	if last != 59 || !got.Timestamps[0].Equal(began.Add(25*time.Second)) || !got.Timestamps[last].Equal(began.Add(320*time.Second)) {
		t.Fatalf("%d times, from %v", last+1, got.Timestamps)
	}
	a, b := got.GPUs["0"], got.GPUs["1"]
	for _, list := range [][]*float64{a.Utilization, a.MemoryPercent, a.Temperature, a.Power, b.Utilization, b.MemoryPercent, b.Temperature, b.Power} {
		if len(list) != 60 {
			t.Fatalf("a series has %d values", len(list))
		}
	}
	if *a.Utilization[0] != 5 || a.Utilization[last] != nil || *a.MemoryPercent[last] != 32 || b.Temperature[0] != nil || *b.Temperature[last] != 33 || a.Power[last] != nil {
		t.Errorf("got %+v", got.GPUs)
	}
}

// A clock that is set back stops no history: times go up, and what seems to come from the future goes.
func TestGPUHistory_OfAClockThatIsSetBack(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia")
	const back = -3600
	for _, second := range []int{0, 5, 10, 15, 7, 12, back, back + 5} {
		f := gpu.Facts{At: began.Add(time.Duration(second) * time.Second)}
		f.Devices = []gpu.Device{{Vendor: gpu.NVIDIA, Utilization: new(float64(second))}}
		in.sees(f)
		got := decode[struct{ Timestamps []time.Time }](t, in.do("GET", "/api/gpu/history", "")).Timestamps
		if len(got) == 0 || !got[len(got)-1].Equal(f.At) || !slices.IsSortedFunc(got, time.Time.Compare) {
			t.Fatalf("at %d s: %v", second, got)
		}
		if want := map[int]int{15: 4, 7: 3, 12: 4, back: 1, back + 5: 2}[second]; want != 0 && len(got) != want {
			t.Errorf("at %d s: %d readings, want %d: %v", second, len(got), want, got)
		}
	}
}

// Every reason for which there is nothing to tell says which it is, and what to do.
func TestGPU_SaysWhyThereIsNone(t *testing.T) {
	uhd := gpu.Device{Vendor: gpu.Intel, Name: "UHD", MemoryType: gpu.Unified}
	for _, tt := range []struct {
		name, backend string
		facts         gpu.Facts
		want          string
	}{
		{"no GPU", "cpu", gpu.Facts{Devices: []gpu.Device{uhd}}, "this machine has no GPU that services could use: `dream doctor` says what it found"},
		{"another than .env says", "amd", gpu.Facts{}, "GPU_BACKEND is amd, and this machine shows no such GPU: `dream doctor` says"},
		{"the tool hangs", "nvidia", gpu.Facts{NVIDIA: gpu.NVIDIADriver{Loaded: true, Tool: true, Problem: "it hangs"}}, "nvidia-smi does not tell of the GPUs: it hangs; run `nvidia-smi` on the host"},
		{"the tool prints nonsense", "nvidia", gpu.Facts{NVIDIA: gpu.NVIDIADriver{Tool: true, Problem: "its report is no XML"}}, "its report is no XML"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, "GPU_BACKEND="+tt.backend)
			in.sees(tt.facts)
			for _, path := range []string{"/gpu", "/api/gpu/detailed", "/api/gpu/history"} {
				rec := in.do("GET", path, "")
				refused(t, rec, problem.GPUUnavailable, tt.want)
				if rec.Code != http.StatusServiceUnavailable {
					t.Errorf("%s: %d", path, rec.Code)
				}
			}
		})
	}
	t.Run("a driver that wakes up", func(t *testing.T) {
		in := newInstallation(t)
		in.agent.setHost(&catalog.HostFacts{})
		in.manager.LookAtMachine(t.Context())
		refused(t, in.do("GET", "/gpu", ""), problem.GPUUnavailable, "the GPUs were not read yet")
	})
	t.Run("nobody asked", func(t *testing.T) {
		in := newInstallation(t)
		refused(t, in.do("GET", "/gpu", ""), problem.Unavailable, "the host agent was not asked about the machine yet")
	})
}

// What the machine was like before the agent went is history, and nothing else.
func TestMachine_SaysThatTheAgentIsAway(t *testing.T) {
	in := newInstallation(t, "GPU_BACKEND=nvidia")
	in.sees(twoCards())
	in.agent.setAway(problem.Newf(problem.AgentNoSocket, "the host agent is not running: start it"))
	in.manager.LookAtMachine(t.Context())
	for _, path := range []string{"/gpu", "/api/gpu/detailed", "/disk"} {
		refused(t, in.do("GET", path, ""), problem.AgentNoSocket, "the host agent is not running: start it")
	}
	if rec := in.do("GET", "/api/gpu/history", ""); rec.Code != http.StatusOK {
		t.Errorf("history: %d %s", rec.Code, rec.Body)
	}
	if m := in.manager.Snapshot().Machine; !m.Known || !m.Stale {
		t.Errorf("machine %+v", m)
	}
}

func TestDisk_IsThatOfTheData(t *testing.T) {
	in := newInstallation(t)
	in.sees(gpu.Facts{})
	got := decode[map[string]any](t, in.do("GET", "/disk", ""))
	if got["path"] != "/srv/dream/data" || got["used_gb"] != 375.0 || got["free_gb"] != 125.0 || got["total_gb"] != 500.0 || got["percent"] != 75.0 {
		t.Errorf("got %v", got)
	}
	in.agent.setHost(&catalog.HostFacts{Disk: catalog.Disk{Path: "/gone"}})
	in.manager.LookAtMachine(t.Context())
	refused(t, in.do("GET", "/disk", ""), problem.Unavailable, "look whether /gone is there")
}

// A rate takes two readings, and is none across a restart of the machine.
func TestStatus_TellsOfMemoryAndProcessors(t *testing.T) {
	in := newInstallation(t)
	type load struct {
		CPU struct{ Percent *float64 }
		RAM struct {
			Used    *float64 `json:"used_gb"`
			Total   *float64 `json:"total_gb"`
			Percent *float64
		}
	}
	after := func(busy, all uint64) load {
		in.agent.setHost(&catalog.HostFacts{MemoryKB: 64 << 20, MemoryAvailableKB: 48 << 20, CPUBusy: busy, CPUTime: all})
		in.manager.LookAtMachine(t.Context())
		return decode[load](t, in.do("GET", "/api/status", ""))
	}
	first := after(1000, 10_000)
	if first.CPU.Percent != nil || *first.RAM.Used != 16 || *first.RAM.Total != 64 || *first.RAM.Percent != 25 {
		t.Errorf("first: %+v", first)
	}
	if got := after(1250, 11_000); *got.CPU.Percent != 25 {
		t.Errorf("second: %v", *got.CPU.Percent)
	}
	for _, counters := range [][2]uint64{{10, 100}, {0, 0}, {5, 50}} { // started again, and again
		if got := after(counters[0], counters[1]); got.CPU.Percent != nil {
			t.Errorf("%v: %v", counters, *got.CPU.Percent)
		}
	}
}
