package catalog_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

const (
	mib = uint64(1) << 20
	gib = uint64(1) << 30
)

// card is a GPU with its memory in MiB; what is negative is not known.
func card(v gpu.Vendor, name string, total, used int) gpu.Device {
	d := gpu.Device{Vendor: v, Name: name, MemoryType: gpu.Discrete}
	if total >= 0 {
		d.MemoryTotal = new(uint64(total) * mib)
	}
	if used >= 0 {
		d.MemoryUsed = new(uint64(used) * mib)
	}
	return d
}

func unified(d gpu.Device) gpu.Device {
	d.MemoryType = gpu.Unified
	return d
}

func TestMachine_IsWhatTheAgentSays(t *testing.T) {
	cut := card(gpu.NVIDIA, "A100", 81920, 10)
	cut.Instances = []gpu.Instance{
		{MemoryTotal: new(9728 * mib), MemoryUsed: new(12 * mib)}, {Index: 1, MemoryTotal: new(19968 * mib), MemoryUsed: new(19968 * mib)},
	}
	broken := card(gpu.NVIDIA, "odd", 1024, 4096)
	tests := []struct {
		name, backend, hostRAM string
		devices                []gpu.Device
		want                   catalog.Machine
	}{
		{name: "no GPU", backend: "cpu"},
		{"one", "nvidia", "", []gpu.Device{card(gpu.NVIDIA, "RTX 4090", 24564, 600)}, catalog.Machine{
			GPUName: "RTX 4090", GPUCount: 1, VRAMTotal: 24564 * mib, VRAMFree: 23808 * mib, VRAMFreeKnown: true,
		}},
		{"the largest names it, the emptiest has room", "nvidia", "", []gpu.Device{card(gpu.NVIDIA, "small", 8192, 0), card(gpu.NVIDIA, "large", 16384, 16000)}, catalog.Machine{
			GPUName: "large", GPUCount: 2, VRAMTotal: 16384 * mib, VRAMFree: 8192 * mib, VRAMFreeKnown: true,
		}},
		{"beside what is in the processor", "nvidia", "", []gpu.Device{unified(card(gpu.Intel, "UHD", -1, -1)), card(gpu.NVIDIA, "RTX 3060", 12288, 0)}, catalog.Machine{
			GPUName: "RTX 3060", GPUCount: 1, VRAMTotal: 12288 * mib, VRAMFree: 12288 * mib, VRAMFreeKnown: true,
		}},
		{"of another make than GPU_BACKEND", "cpu", "", []gpu.Device{card(gpu.AMD, "RX 7900", 20480, 256), unified(card(gpu.Intel, "UHD", -1, -1))}, catalog.Machine{
			GPUName: "RX 7900", GPUCount: 1, VRAMTotal: 20480 * mib, VRAMFree: 20224 * mib, VRAMFreeKnown: true,
		}},
		{"of two makes", "amd", "", []gpu.Device{card(gpu.NVIDIA, "RTX 4090", 24564, 0), card(gpu.AMD, "RX 7900", 20480, 0)}, catalog.Machine{
			GPUName: "RX 7900", GPUCount: 1, VRAMTotal: 20480 * mib, VRAMFree: 20480 * mib, VRAMFreeKnown: true,
		}},
		{"in parts", "nvidia", "", []gpu.Device{cut}, catalog.Machine{
			GPUName: "A100", GPUCount: 1, VRAMTotal: 19968 * mib, VRAMFree: 9472 * mib, VRAMFreeKnown: true,
		}},
		{"a driver that does not tell what is used", "intel", "", []gpu.Device{card(gpu.Intel, "Arc A770", 16384, -1)}, catalog.Machine{
			GPUName: "Arc A770", GPUCount: 1, VRAMTotal: 16384 * mib,
		}},
		{"a driver that tells nothing", "amd", "", []gpu.Device{card(gpu.AMD, "GPU 1002:0000", -1, -1)}, catalog.Machine{GPUName: "GPU 1002:0000", GPUCount: 1}},
		{"more used than there is", "nvidia", "", []gpu.Device{broken}, catalog.Machine{GPUName: "odd", GPUCount: 1, VRAMTotal: 1024 * mib, VRAMFreeKnown: true}},
		{"an APU", "amd", "", []gpu.Device{unified(card(gpu.AMD, "Strix Halo", 98304, 2048))}, catalog.Machine{
			GPUName: "Strix Halo", GPUCount: 1, Unified: true, VRAMTotal: 98304 * mib, VRAMFree: 96256 * mib, VRAMFreeKnown: true,
		}},
		{"a Mac", "apple", "64", []gpu.Device{unified(card(gpu.Apple, "Apple GPU", 65536, -1))}, catalog.Machine{
			GPUName: "Apple GPU", GPUCount: 1, Unified: true, VRAMTotal: 64 * gib,
		}},
		{name: "a Mac whose agent does not know its GPU", backend: "apple", hostRAM: "64", want: catalog.Machine{Unified: true, VRAMTotal: 32 * gib}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, "-- .env --\nGPU_BACKEND="+tt.backend+"\nHOST_RAM_GB="+tt.hostRAM+"\n")
			in.agent.machine = func() (catalog.HostFacts, error) {
				return catalog.HostFacts{
					Hostname: "den", MemoryKB: 32 << 20, Disk: catalog.Disk{Total: 500 * gib, Free: 100*gib + 700*mib}, GPUs: gpu.Facts{Devices: tt.devices},
				}, nil
			}
			in.LookAtMachine(t.Context())
			want := tt.want
			want.Known, want.Hostname, want.RAMTotal, want.DiskFree, want.DiskTotal = true, "den", 32*gib, 100*gib, 500*gib
			wantEqual(t, "machine", want, in.Snapshot().Machine)
		})
	}
}

func TestMachine_TakesItsMemoryFromTheOwnerWhereNoFileTells(t *testing.T) {
	for text, want := range map[string]uint64{"96": 96 * gib, "": 0, "-1": 0, "much": 0, "18446744073709551615": 0} {
		in := newInstallation(t, "-- .env --\nGPU_BACKEND=apple\nHOST_RAM_GB="+text+"\n")
		in.agent.machine = func() (catalog.HostFacts, error) { return catalog.HostFacts{}, nil }
		in.LookAtMachine(t.Context())
		if got := in.Snapshot().Machine; got.RAMTotal != want || got.VRAMTotal != want {
			t.Errorf("HOST_RAM_GB=%s: %+v", text, got)
		}
	}
}

// What changes all the time is no new snapshot; what a reader can tell is. While the agent is away the last that it told
// stays, and says that it is old.
func TestLive_KeepsTheMachine(t *testing.T) {
	in := newInstallation(t, "")
	var free atomic.Uint64 // 0 while the agent is away
	in.agent.machine = func() (catalog.HostFacts, error) {
		if free.Load() == 0 {
			return catalog.HostFacts{}, errAway
		}
		return catalog.HostFacts{Hostname: "den", Disk: catalog.Disk{Free: free.Load()}}, nil
	}
	look := func(bytes uint64) *catalog.Snapshot {
		free.Store(bytes)
		in.LookAtMachine(t.Context())
		return in.Snapshot()
	}
	free.Store(9*gib + 1)
	in.live()
	first := in.await(func(s *catalog.Snapshot) bool { return s.Machine.Known })

	if s := look(9*gib + 300*mib); s != first {
		t.Errorf("generation %d became %d for nothing", first.Generation, s.Generation)
	}
	if s := look(8*gib + 5); s.Generation <= first.Generation || s.Machine.DiskFree != 8*gib {
		t.Errorf("got %+v", s.Machine)
	}
	for _, free := range []uint64{9*gib + 1, 9*gib - 1, 9*gib + gib/4 - 1} { // about the edge of a step
		if s := look(free); s.Machine.DiskFree != 8*gib {
			t.Errorf("%d free are %d", free, s.Machine.DiskFree)
		}
	}
	if s := look(9*gib + gib/4); s.Machine.DiskFree != 9*gib {
		t.Errorf("after a rise: %+v", s.Machine)
	}
	look(8*gib + 5)
	if s := look(0); !s.Machine.Known || !s.Machine.Stale || s.Machine.DiskFree != 8*gib {
		t.Errorf("while the agent is away: %+v", s.Machine)
	}
	if s := look(8 * gib); s.Machine.Stale {
		t.Errorf("when it is back: %+v", s.Machine)
	}
}

// hung is an agent that takes questions about the machine and does not answer.
type hung struct{ *fakeAgent }

func (hung) Machine(ctx context.Context) (catalog.HostFacts, error) {
	<-ctx.Done()
	return catalog.HostFacts{}, ctx.Err()
}

func (hung) Stats(ctx context.Context) (catalog.Stats, error) {
	<-ctx.Done()
	return catalog.Stats{}, ctx.Err()
}

func (hung) Storage(ctx context.Context) (catalog.Storage, error) {
	<-ctx.Done()
	return catalog.Storage{}, ctx.Err()
}

// Nobody waits for an agent that hangs but who asks it in the background, and that ends with Live.
func TestLive_DoesNotHangWithTheAgent(t *testing.T) {
	in := newInstallation(t, library("notes"))
	m := catalog.New(catalog.Options{Settings: in.settings, Agent: hung{in.agent}, Version: "2.1.0", Log: zerolog.Nop()})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.Live(ctx) })
	if _, err := m.Await(ctx, 0); err != nil {
		t.Fatal(err)
	}
	left, leave := context.WithCancel(ctx)
	leave() // who asks has gone, and is not waited for either
	in.wantRefusal(m.Resources(left).Err, problem.Unavailable, "the host agent has not answered yet: try again in a few seconds")
	_, err := m.Storage(left)
	in.wantRefusal(err, problem.Unavailable, "the data directory is not counted yet: the host agent does it in the background; try again in a few seconds")
	in.wantRefusal(m.Telemetry().Err, problem.Unavailable, "the host agent was not asked about the machine yet: try again in a few seconds")
	cancel()
	running.Wait()
}

func TestMachine_IsNotKnownUntilTheAgentTells(t *testing.T) {
	in := newInstallation(t, "")
	in.LookAtMachine(t.Context())
	wantEqual(t, "machine", catalog.Machine{}, in.Snapshot().Machine)
}
