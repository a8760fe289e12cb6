// Package gpu says which GPUs this machine has, what they hold, and whose work is on them.
//
//	gpu.go         the facts                       machine.go     looks: at files, and through nvidia-smi
//	nvidia.go      what nvidia-smi prints          tool.go        runs a program that may hang
//	amd.go         amdgpu's files in sysfs         reader.go      one look at a time, kept for a moment
//	intel.go       those of i915 and xe            backend.go     the backend for a machine
//	sysfs.go       what both have                  container.go   the container of a process
//	pciids.go      names of devices
//
// What reads is apart from what decides: the parsers take bytes or a file system.
package gpu

import "time"

// Vendor is who made a GPU, in the words of GPU_BACKEND.
type Vendor string

// The vendors.
const (
	NVIDIA Vendor = "nvidia"
	AMD    Vendor = "amd"
	Intel  Vendor = "intel"
	Apple  Vendor = "apple"
)

// MemoryType says whose memory a GPU computes in.
type MemoryType string

// The memory types.
const (
	Discrete MemoryType = "discrete" // its own
	Unified  MemoryType = "unified"  // the machine's
)

// Facts are the GPUs of this machine at one moment.
type Facts struct {
	Devices []Device     `json:"devices"` // NVIDIA's first, as nvidia-smi counts them
	NVIDIA  NVIDIADriver `json:"nvidia"`
	KFD     bool         `json:"kfd"` // /dev/kfd is there, through which AMD computes
	DRI     bool         `json:"dri"` // /dev/dri is there, through which graphics devices are reached
	At      time.Time    `json:"at,omitzero"`
}

// NVIDIADriver is what shows of NVIDIA's driver.
type NVIDIADriver struct {
	Loaded  bool   `json:"loaded"`            // the kernel has it
	Tool    bool   `json:"tool"`              // nvidia-smi is there
	Version string `json:"version,omitempty"` // as nvidia-smi says; empty when it says nothing
	Problem string `json:"problem,omitempty"` // why it says nothing, or not all, in one line
}

// Device is one GPU. What it does not tell is nil, never 0.
type Device struct {
	Index         int        `json:"index"` // in Facts.Devices
	Vendor        Vendor     `json:"vendor"`
	Name          string     `json:"name"`
	UUID          string     `json:"uuid,omitempty"`        // by which runtimes choose it: GPU-…; empty where it has none
	Address       string     `json:"pci_address,omitempty"` // such as 0000:01:00.0
	Driver        string     `json:"driver,omitempty"`      // of the kernel: nvidia, amdgpu, i915, xe
	DriverVersion string     `json:"driver_version,omitempty"`
	MemoryType    MemoryType `json:"memory_type"`
	MemoryTotal   *uint64    `json:"memory_total_bytes,omitempty"`
	MemoryUsed    *uint64    `json:"memory_used_bytes,omitempty"`
	Utilization   *float64   `json:"utilization_percent,omitempty"` // 0 to 100
	Temperature   *float64   `json:"temperature_c,omitempty"`
	Power         *float64   `json:"power_w,omitempty"`
	Instances     []Instance `json:"instances,omitempty"` // parts that it is cut into (MIG)
	Processes     []Process  `json:"processes,omitempty"`
}

// Instance is a part of a GPU that runtimes see as a GPU of its own (MIG).
type Instance struct {
	Index       int     `json:"index"`             // on its GPU
	ID          *int    `json:"gpu_instance_id"`   // by which processes name it
	Profile     string  `json:"profile,omitempty"` // such as 2g.20gb
	UUID        string  `json:"uuid,omitempty"`    // MIG-…
	MemoryTotal *uint64 `json:"memory_total_bytes,omitempty"`
	MemoryUsed  *uint64 `json:"memory_used_bytes,omitempty"`
}

// Process is one program that has memory of a GPU. What it calls itself is left out: whoever runs it chooses that, and
// the path of a program of the owner's is nobody else's business.
type Process struct {
	PID       int     `json:"pid"`                       // on the host
	Memory    *uint64 `json:"memory_bytes,omitempty"`    // of the GPU
	Instance  *int    `json:"gpu_instance_id,omitempty"` // of a GPU that is cut into parts
	Container string  `json:"container_id,omitempty"`    // 64 hex digits; empty outside of one
}
