package gpu

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Machine is where we look. Its fields are set before the first look, which makes it safe for concurrent use.
type Machine struct {
	root  fs.FS
	names names
	smi   tool
	mac   []Device
}

// Options are what a [Machine] may be told; the zero value is this machine.
type Options struct {
	Root fs.FS  // its file system; nil means /
	SMI  string // nvidia-smi; empty means the one on PATH, or where WSL has it. "-" means none
	// Mac says that it is a Mac with GPU_BACKEND=apple: its GPU has the machine's memory, no file tells of either, and
	// the owner says in HOST_RAM_GB how much that is.
	Mac     bool
	HostRAM string
}

// NewMachine is a machine that was not looked at yet.
func NewMachine(o Options) *Machine {
	m := &Machine{root: o.Root, smi: tool{path: o.SMI, free: make(chan struct{}, 1)}}
	if o.Mac {
		m.mac = []Device{macDevice(o.HostRAM)}
	}
	if m.root == nil {
		m.root = os.DirFS("/")
	}
	switch o.SMI {
	case "":
		m.smi.path = findSMI()
	case "-":
		m.smi.path = ""
	}
	return m
}

// findSMI is empty where nvidia-smi is not installed. A service has no PATH that knows of WSL.
func findSMI() string {
	for _, name := range []string{"nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"} {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	return ""
}

// Look is what shows now. It runs nvidia-smi, which takes a second or more where the driver is not kept awake, and ends
// with ctx: what nvidia-smi did not tell until then is missing, and [NVIDIADriver.Problem] says why.
func (m *Machine) Look(ctx context.Context) Facts {
	f := m.files()
	var nvidia []Device
	if f.NVIDIA.Tool {
		var err error
		if nvidia, f.NVIDIA.Version, err = m.askSMI(ctx); err != nil {
			f.NVIDIA.Problem = err.Error()
		}
	}
	f.Devices = append(append([]Device{}, nvidia...), f.Devices...)
	for i := range f.Devices {
		d := &f.Devices[i]
		d.Index = i
		if d.Vendor == NVIDIA && d.MemoryType == Unified {
			d.MemoryTotal, d.MemoryUsed = m.memory()
		}
		for j := range d.Processes {
			p := &d.Processes[j]
			p.Container = ContainerID([]byte(read(m.root, "proc/"+strconv.Itoa(p.PID)+"/cgroup")))
		}
	}
	f.At = time.Now().UTC()
	return f
}

// files is what shows without running anything.
func (m *Machine) files() Facts {
	f := Facts{
		NVIDIA: NVIDIADriver{Loaded: m.exists("proc/driver/nvidia/version") || m.exists("dev/nvidia0"), Tool: m.smi.path != ""},
		KFD:    m.exists("dev/kfd"), DRI: m.exists("dev/dri"),
	}
	f.Devices = slices.Concat(amdDevices(m.root, &m.names), intelDevices(m.root, &m.names), m.mac)
	return f
}

func (m *Machine) exists(name string) bool {
	_, err := fs.Stat(m.root, name)
	return err == nil
}

// askSMI asks for the report, and for the names of parts where there are any.
func (m *Machine) askSMI(ctx context.Context) ([]Device, string, error) {
	out, failed := m.smi.run(ctx, "-q", "-x")
	devices, driver, err := ParseNVIDIA(out)
	switch {
	case failed != nil && err != nil && len(out) > 0:
		return devices, driver, fmt.Errorf("%w (%w)", err, failed)
	case failed != nil && driver == "":
		return nil, "", failed
	}
	for _, d := range devices {
		if len(d.Instances) > 0 {
			if list, err := m.smi.run(ctx, "-L"); err == nil {
				NameInstances(devices, list)
			}
			break
		}
	}
	return devices, driver, cmp.Or(err, failed)
}

// memory is the machine's, in bytes: all of it, and what programs use. Caches count as free.
func (m *Machine) memory() (total, used *uint64) {
	kib := map[string]uint64{}
	for line := range strings.Lines(read(m.root, "proc/meminfo")) {
		key, text, _ := strings.Cut(line, ":")
		if v, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 50); err == nil {
			kib[key] = v
		}
	}
	all, free := kib["MemTotal"], kib["MemAvailable"]
	if all == 0 {
		return nil, nil
	}
	if free == 0 || free > all {
		return new(all << 10), nil
	}
	return new(all << 10), new((all - free) << 10)
}

// macDevice is the GPU of a Mac.
func macDevice(hostRAM string) Device {
	d := Device{Vendor: Apple, Name: "Apple GPU", MemoryType: Unified}
	if digits.MatchString(hostRAM) {
		d.MemoryTotal = size(hostRAM + " GiB")
	}
	return d
}
