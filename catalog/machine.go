package catalog

import (
	"context"
	"strconv"
	"time"

	"dreamserver/internal/gpu"
)

// Machine is what the host agent says of the computer, in steps coarse enough that a snapshot does not change with
// every reading. Sizes are in bytes.
type Machine struct {
	Known bool // the agent has told; else no other field means anything
	Stale bool // the agent does not tell any more: this is what it told last

	Hostname string
	// GPUs are those of GPU_BACKEND; where there are none of those, all but what is part of an Intel processor.
	GPUName   string // of the one with the most memory; empty without one
	GPUCount  int
	Unified   bool   // that one computes in the machine's memory
	VRAMTotal uint64 // of that one, or of its largest part where it is cut into parts (MIG); 0 when not known
	VRAMFree  uint64 // of the one with the most free, rounded down to 256 MiB, and a little more so after a rise
	// VRAMFreeKnown tells that nothing is free from that nobody knows: some drivers do not tell.
	VRAMFreeKnown bool
	RAMTotal      uint64 // 0 when not known
	DiskFree      uint64 // of the data directory, rounded down to 1 GiB, and a little more so after a rise
	DiskTotal     uint64
}

const (
	vramStep = 256 << 20
	diskStep = 1 << 30
)

// newMachine is what the facts come to, after what was known before. A Mac's files tell neither its memory nor its GPU's, which are the same: there
// the owner says in HOST_RAM_GB how much it is.
func newMachine(before Machine, f HostFacts, backend, hostRAM string) Machine {
	m := Machine{
		Known: true, Hostname: f.Hostname, RAMTotal: uint64(max(0, f.MemoryKB)) << 10,
		DiskFree: stepped(before.DiskFree, f.Disk.Free, diskStep), DiskTotal: f.Disk.Total,
	}
	if m.RAMTotal == 0 {
		m.RAMTotal = gibibytes(hostRAM)
	}
	devices := usable(f.GPUs.Devices, backend)
	m.GPUCount = len(devices)
	for i, d := range devices {
		total, free, known := memoryOf(d)
		if i == 0 || total > m.VRAMTotal {
			m.GPUName, m.Unified, m.VRAMTotal = d.Name, d.MemoryType == gpu.Unified, total
		}
		if known {
			m.VRAMFreeKnown = true
			m.VRAMFree = max(m.VRAMFree, free)
		}
	}
	m.VRAMFree = stepped(before.VRAMFree, m.VRAMFree, vramStep)
	if backend == string(gpu.Apple) && m.VRAMTotal == 0 {
		m.Unified, m.VRAMTotal = true, m.RAMTotal
	}
	return m
}

// stepped is the size rounded down to a step. What has risen a little above the step before does not count yet, so that a
// size about the edge of two is not another one each time.
func stepped(before, size, step uint64) uint64 {
	if before > 0 && size >= before && size < before+step+step/4 {
		return before
	}
	return size / step * step
}

// usable are the devices that services compute on.
func usable(devices []gpu.Device, backend string) []gpu.Device {
	var chosen, others []gpu.Device
	for _, d := range devices {
		switch {
		case string(d.Vendor) == backend:
			chosen = append(chosen, d)
		case d.Vendor != gpu.Intel || d.MemoryType != gpu.Unified:
			others = append(others, d)
		}
	}
	if len(chosen) > 0 {
		return chosen
	}
	return others
}

// memoryOf is what one program can have of a device: of one that is cut into parts, the largest of them.
func memoryOf(d gpu.Device) (total, free uint64, freeKnown bool) {
	look := func(size, used *uint64) {
		if size == nil {
			return
		}
		total = max(total, *size)
		if used != nil {
			freeKnown = true
			free = max(free, *size-min(*size, *used))
		}
	}
	for _, part := range d.Instances {
		look(part.MemoryTotal, part.MemoryUsed)
	}
	if total == 0 {
		look(d.MemoryTotal, d.MemoryUsed)
	}
	return total, free, freeKnown
}

// gibibytes reads HOST_RAM_GB; 0 when it is no number of them that a machine can have.
func gibibytes(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > 1<<20 {
		return 0
	}
	return n << 30
}

// machineEvery is how often the machine is looked at, and machineLimit how long one look may take: a little more than
// the agent allows its own tools.
const (
	machineEvery = 5 * time.Second
	machineLimit = 4 * time.Second
)

// watchMachine keeps what is known of the machine up to date.
func (m *Manager) watchMachine(ctx context.Context) {
	for ctx.Err() == nil {
		m.LookAtMachine(ctx)
		pause(ctx, machineEvery)
	}
}

// LookAtMachine asks the agent about the machine now, and remembers the answer for snapshots. While [Manager.Live] runs
// there is no need to.
func (m *Manager) LookAtMachine(ctx context.Context) {
	asked, cancel := context.WithTimeout(ctx, machineLimit)
	defer cancel()
	facts, err := m.agent.Machine(asked)
	if ctx.Err() != nil {
		return
	}
	m.live.telemetry.Store(m.Telemetry().next(facts, err, time.Now().UTC()))
	before := m.machine()
	now := before
	if err == nil {
		now = newMachine(before, facts, m.settings.GPUBackend, m.settings.Env["HOST_RAM_GB"])
	} else {
		now.Stale = before.Known
	}
	if now != before {
		m.live.machine.Store(&now)
		m.publish()
	}
}

// machine is what is known of it.
func (m *Manager) machine() Machine {
	if known := m.live.machine.Load(); known != nil {
		return *known
	}
	return Machine{}
}
