package gpu

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// amdDevices are the GPUs of the driver amdgpu.
func amdDevices(root fs.FS, names *names) []Device {
	var devices []Device
	ids := kfdIDs(root)
	for _, c := range cards(root, "amdgpu") {
		d := c.device(AMD, names)
		if id := identifier(c.text("device/unique_id")); id != "" {
			d.UUID = "GPU-" + id // as ROCm names it
		}
		d.MemoryTotal, d.MemoryUsed = c.size("device/mem_info_vram_total"), c.size("device/mem_info_vram_used")
		if c.integrated() {
			d.MemoryType = Unified
			d.MemoryTotal = sum(d.MemoryTotal, c.size("device/mem_info_gtt_total"))
			d.MemoryUsed = sum(d.MemoryUsed, c.size("device/mem_info_gtt_used"))
		}
		if !c.asleep {
			d.Utilization = percent(c.text("device/gpu_busy_percent") + " %")
		}
		d.Temperature = scaled(c.sensor("temp1_input"), 1e3)              // of millidegrees
		d.Power = scaled(c.sensor("power1_average", "power1_input"), 1e6) // of microwatts
		d.Processes = kfdProcesses(root, ids[c.renderMinor()])
		devices = append(devices, d)
	}
	return devices
}

// integrated reports whether the GPU is part of a processor. The driver says so in the head of its table of metrics:
// two bytes of length, then the revision of the format, which is 1 for cards and 2 or 3 for processors.
func (c card) integrated() bool {
	if c.asleep {
		return false // those are never
	}
	head := read(c.root, path.Join(c.dir, "device/gpu_metrics"))
	return len(head) > 3 && (head[2] == 2 || head[2] == 3)
}

// sum is what an integrated GPU can use: what the firmware set aside for it, and what it takes of the rest.
func sum(a, b *uint64) *uint64 {
	if a == nil || b == nil {
		return nil
	}
	return new(*a + *b)
}

// renderMinor is the number in renderD128; 0 without one.
func (c card) renderMinor() int {
	entries, _ := fs.ReadDir(c.root, path.Join(c.dir, "device/drm")) // without a folder there is none
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), "renderD"); ok {
			if n := number(text); n != nil {
				return *n
			}
		}
	}
	return 0
}

const kfd = "sys/class/kfd/kfd"

// kfdIDs are the GPUs' numbers in the compute driver, by the number of their render device.
func kfdIDs(root fs.FS) map[int]string {
	ids := map[int]string{}
	nodes, _ := fs.Glob(root, kfd+"/topology/nodes/*")
	for _, dir := range nodes {
		id := strings.TrimSpace(read(root, path.Join(dir, "gpu_id")))
		for line := range strings.Lines(read(root, path.Join(dir, "properties"))) {
			if text, ok := strings.CutPrefix(line, "drm_render_minor "); ok && number(id) != nil {
				if minor := number(text); minor != nil && *minor > 0 {
					ids[*minor] = id
				}
			}
		}
	}
	return ids
}

// kfdProcesses are the processes that compute on a GPU. Those that only draw are not among them.
func kfdProcesses(root fs.FS, id string) []Process {
	if id == "" {
		return nil
	}
	var found []Process
	entries, _ := fs.ReadDir(root, kfd+"/proc")
	for _, e := range entries {
		pid := number(e.Name())
		memory, err := strconv.ParseUint(strings.TrimSpace(read(root, path.Join(kfd, "proc", e.Name(), "vram_"+id))), 10, 60)
		if pid == nil || err != nil || memory == 0 || len(found) == maxProcesses {
			continue // it has a queue on another GPU, or has just ended
		}
		found = append(found, Process{PID: *pid, Memory: &memory})
	}
	return found
}
