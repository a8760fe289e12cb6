package catalog

import (
	"fmt"
	"time"

	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// Telemetry is what the host agent said of the machine last, beside the snapshot: it changes with every reading. It is
// immutable.
type Telemetry struct {
	Facts HostFacts
	At    time.Time // when the agent said it; zero when it never did
	Err   error     // why it does not say it now; nil when it does
	// History are the GPUs at the last [HistoryLength] readings, oldest first.
	History []GPUReading
	Backend string // GPU_BACKEND
	// CPU is how much of all CPUs was used between the last two readings, in percent; nil when not known.
	CPU *float64
}

// GPUReading is the GPUs at one moment, without their processes.
type GPUReading struct {
	At      time.Time
	Devices []gpu.Device
}

// HistoryLength is how many readings are kept: five minutes of them.
const HistoryLength = 60

var errNotAsked = problem.Newf(problem.Unavailable, "the host agent was not asked about the machine yet: try again in a few seconds")

// Telemetry is what is known of the machine now. It costs nothing; [Manager.Live] asks every five seconds.
func (m *Manager) Telemetry() *Telemetry {
	if t := m.live.telemetry.Load(); t != nil {
		return t
	}
	return &Telemetry{Err: errNotAsked, Backend: m.settings.GPUBackend}
}

// next is the telemetry after one more question.
func (t *Telemetry) next(f HostFacts, err error, now time.Time) *Telemetry {
	n := *t
	if n.Err = err; err != nil {
		n.CPU = nil
		return &n
	}
	n.Facts, n.At, n.CPU = f, now, busyBetween(t.Facts, f)
	reading := GPUReading{At: f.GPUs.At}
	for _, d := range usable(f.GPUs.Devices, t.Backend) {
		d.Processes = nil
		reading.Devices = append(reading.Devices, d)
	}
	fresh := len(t.History) == 0 || !t.History[len(t.History)-1].At.Equal(reading.At)
	if len(reading.Devices) > 0 && fresh { // a tool that hangs has told nothing new
		kept := t.History[max(0, len(t.History)-HistoryLength+1):]
		for len(kept) > 0 && kept[len(kept)-1].At.After(reading.At) { // the clock was set back: their time is still to come
			kept = kept[:len(kept)-1]
		}
		n.History = append(append(make([]GPUReading, 0, len(kept)+1), kept...), reading)
	}
	return &n
}

// busyBetween is nil where the counters are not those of one run of the machine.
func busyBetween(before, now HostFacts) *float64 {
	if before.CPUTime == 0 || now.CPUTime <= before.CPUTime || now.CPUBusy < before.CPUBusy {
		return nil
	}
	return new(min(100, float64(now.CPUBusy-before.CPUBusy)/float64(now.CPUTime-before.CPUTime)*100))
}

// Memory is the machine's, in bytes: all of it, and what is used. Files that the kernel can drop count as free. The error
// says why it is not known.
func (t *Telemetry) Memory() (total, used uint64, err error) {
	f := t.Facts
	switch {
	case t.Err != nil:
		return 0, 0, t.Err
	case f.MemoryKB <= 0 || f.MemoryAvailableKB <= 0 || f.MemoryAvailableKB > f.MemoryKB:
		return 0, 0, problem.Newf(problem.Unavailable, "the kernel does not tell how much memory is used")
	}
	total, used = uint64(f.MemoryKB)<<10, uint64(f.MemoryKB)<<10
	return total, used - uint64(f.MemoryAvailableKB)<<10, nil
}

// GPUs are the devices that services compute on, in the order of their index. The error says why there are none, and
// what to do.
func (t *Telemetry) GPUs() ([]gpu.Device, error) {
	f := t.Facts.GPUs
	devices := usable(f.Devices, t.Backend)
	switch {
	case t.Err != nil:
		return nil, t.Err
	case f.At.IsZero():
		return nil, problem.Newf(problem.GPUUnavailable, "the GPUs were not read yet: a driver that sleeps takes up to 15 s to wake up; try again")
	case len(devices) > 0:
		return devices, nil
	case f.NVIDIA.Problem != "":
		return nil, problem.Newf(problem.GPUUnavailable, "nvidia-smi does not tell of the GPUs: %s; run `nvidia-smi` on the host, and `dream doctor`", f.NVIDIA.Problem)
	}
	reason := "this machine has no GPU that services could use"
	if t.Backend != gpu.CPU {
		reason = fmt.Sprintf("GPU_BACKEND is %s, and this machine shows no such GPU", t.Backend)
	}
	return nil, problem.Newf(problem.GPUUnavailable, "%s: `dream doctor` says what it found", reason)
}

// Disk is the file system of the data directory. The error says why it is not known.
func (t *Telemetry) Disk() (Disk, error) {
	switch d := t.Facts.Disk; {
	case t.Err != nil:
		return Disk{}, t.Err
	case d.Total == 0:
		return Disk{}, problem.Newf(problem.Unavailable, "the disk of the data directory cannot be asked: look whether %s is there", d.Path)
	default:
		return d, nil
	}
}
