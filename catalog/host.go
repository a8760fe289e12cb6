package catalog

import (
	"dreamserver/compose"
	"dreamserver/internal/gpu"
)

// HostFacts are facts about the machine that the API's container cannot see.
type HostFacts struct {
	Version  string `json:"version"`
	Hostname string `json:"hostname"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	CPUs     int    `json:"cpus"`
	MemoryKB int64  `json:"memory_total_kb"`
	// MemoryAvailableKB is what programs could still get; 0 when not known. CPUBusy is how long all CPUs have worked since the
	// machine started, of CPUTime that they had, in units of the kernel's.
	MemoryAvailableKB int64  `json:"memory_available_kb"`
	CPUBusy           uint64 `json:"cpu_busy_ticks"`
	CPUTime           uint64 `json:"cpu_ticks"`

	GPUBackend string                `json:"gpu_backend"`
	Engine     compose.EngineVersion `json:"engine"`
	Compose    string                `json:"compose_version"`
	Disk       Disk                  `json:"disk"` // of the data directory
	Project    string                `json:"project"`
	GPUs       gpu.Facts             `json:"gpus"` // at most three seconds old, or as old as their time says

	Setup      compose.EngineInfo    `json:"engine_setup"`
	DockerDisk Disk                  `json:"docker_disk"` // of the engine's own folder, where it is on this machine
	Published  []compose.Publication `json:"published"`   // ports that containers hold, of any project
	// Leftovers are files of the state directory about extensions that are gone, relative to it.
	Leftovers []string `json:"leftovers"`
}

// Disk is a file system, named by a folder in it. Sizes are in bytes; all are 0 where it cannot be asked.
type Disk struct {
	Path  string `json:"path"`
	Total uint64 `json:"total"`
	Free  uint64 `json:"free"` // to an ordinary user
	// Inodes is how many files it can hold; 0 where it sets no bound.
	Inodes     uint64 `json:"inodes"`
	InodesFree uint64 `json:"inodes_free"`
}
