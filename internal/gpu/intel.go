package gpu

import (
	"fmt"
	"io/fs"
)

// integratedAddress is where the GPU of an Intel processor is, in every generation.
const integratedAddress = "0000:00:02.0"

// intelDevices are the GPUs of the drivers i915 and xe. Neither tells in files how busy a GPU is, or what of its memory
// is used; power is a count of energy, which takes two looks.
func intelDevices(root fs.FS, names *names) []Device {
	var devices []Device
	for _, c := range cards(root, "i915", "xe") {
		d := c.device(Intel, names)
		d.MemoryTotal = c.localMemory()
		if c.address == integratedAddress {
			d.MemoryType, d.MemoryTotal = Unified, nil
		}
		d.Temperature = scaled(c.sensor("temp1_input", "temp2_input"), 1e3) // xe has no first one
		devices = append(devices, d)
	}
	return devices
}

// localMemory is a card's own memory: xe has a file for each of its tiles, i915 one in Intel's own builds of it.
func (c card) localMemory() *uint64 {
	if total := c.size("lmem_total_bytes"); total != nil {
		return total
	}
	var total *uint64
	for tile := range 16 {
		part := c.size(fmt.Sprintf("device/tile%d/physical_vram_size_bytes", tile))
		if part == nil {
			break
		}
		if total == nil {
			total = new(uint64)
		}
		*total += *part
	}
	return total
}
