package features

import (
	"fmt"
	"math"
	"strconv"

	"dreamserver/internal/gpu"
)

// gb is a gigabyte of a manifest. A card that is sold with 24 GB says 23 to 24 GiB of itself, which is more than
// 24·10⁹ bytes: so the names of cards and what they report agree.
const gb = 1e9

// Card is the GPU with the most memory, as clients show it.
type Card struct {
	Name   string  `json:"name" doc:"None on a machine without a GPU, Unknown while nobody has told"`
	VRAMGB float64 `json:"vramGb" doc:"in units of 2^30 bytes; 0 when there is none, or it is not known"`
	Tier   string  `json:"tier" enum:"Strix Halo 90+,Strix Halo Compact,Professional,Prosumer,Standard,Entry,Minimal,Unknown"`
}

func (v view) card() Card {
	m := v.Machine
	c := Card{Name: m.GPUName, VRAMGB: math.Round(gib(m.VRAMTotal)*10) / 10, Tier: v.tier()}
	switch {
	case !m.Known:
		c.Name = "Unknown"
	case m.GPUCount == 0 && c.Name == "" && m.VRAMTotal == 0:
		c.Name = "None"
	}
	return c
}

// tier is the reference's name for a GPU of this size. Its names for memory that is shared with the processor are those
// of AMD's chips; other shared memory goes by its size.
func (v view) tier() string {
	if _, known := v.vram(); !known {
		return "Unknown"
	}
	size := float64(v.Machine.VRAMTotal) / gb
	if v.Machine.Unified && v.GPUBackend == string(gpu.AMD) {
		if size >= 90 {
			return "Strix Halo 90+"
		}
		return "Strix Halo Compact"
	}
	for _, t := range []struct {
		least float64
		name  string
	}{{80, "Professional"}, {24, "Prosumer"}, {16, "Standard"}, {8, "Entry"}} {
		if size >= t.least {
			return t.name
		}
	}
	return "Minimal"
}

// vram is the memory of the GPU. A machine without one is known to have none.
func (v view) vram() (bytes uint64, known bool) {
	m := v.Machine
	return m.VRAMTotal, m.Known && (m.VRAMTotal > 0 || m.GPUCount == 0)
}

// vramFree is how much of it is free, as far as the driver tells and the agent told a moment ago.
func (v view) vramFree() (bytes uint64, known bool) {
	m := v.Machine
	_, has := v.vram()
	return m.VRAMFree, has && !m.Stale && (m.VRAMFreeKnown || m.VRAMTotal == 0)
}

func (v view) diskFree() (bytes uint64, known bool) {
	return v.Machine.DiskFree, v.Machine.Known && v.Machine.DiskTotal > 0
}

// enough reports whether bytes are at least so many gigabytes, and are known to be.
func enough(bytes uint64, known bool, gigabytes float64) bool {
	return gigabytes <= 0 || known && float64(bytes) >= gigabytes*gb
}

// weigh puts into the needs what the machine has of them. Where what takes the disk is there already, no more is asked.
func (v view) weigh(n *Needs, there bool) {
	vram, vramKnown := v.vram()
	free, freeKnown := v.vramFree()
	disk, diskKnown := v.diskFree()
	n.VRAMOK = enough(vram, vramKnown, n.VRAMGB)
	n.VRAMFits = n.VRAMOK && enough(free, freeKnown, n.VRAMGB)
	n.DiskOK = there || enough(disk, diskKnown, n.DiskGB)
	if !n.VRAMFits && n.VRAMGB > 0 && (!vramKnown || n.VRAMOK && !freeKnown) {
		n.Unknown = append(n.Unknown, "vram")
	}
	if !n.DiskOK && !diskKnown {
		n.Unknown = append(n.Unknown, "disk")
	}
}

// lacksVRAM reports whether the GPU is known to have too little.
func (v view) lacksVRAM(n Needs) bool {
	_, known := v.vram()
	return known && !n.VRAMOK
}

// vramText says what of the GPU's memory is missing or not known; empty when nothing is.
func (v view) vramText(n Needs) string {
	total, known := v.vram()
	free, freeKnown := v.vramFree()
	need := fmt.Sprintf("it needs %s of GPU memory", gigabytes(n.VRAMGB))
	switch {
	case n.VRAMFits:
		return ""
	case !known:
		return need + ", and how much there is is not known"
	case v.Machine.GPUCount == 0 && total == 0:
		return need + ", and this machine has no GPU"
	case !n.VRAMOK:
		return fmt.Sprintf("%s, and %s has %.1f GiB", need, v.gpuName(), gib(total))
	case !freeKnown:
		return need + ", and how much of it is free is not known"
	}
	return fmt.Sprintf("%s, and %.1f GiB of it are free", need, gib(free))
}

func (v view) gpuName() string {
	if v.Machine.GPUName == "" {
		return "the GPU"
	}
	return v.Machine.GPUName
}

// diskText is vramText for the disk.
func (v view) diskText(n Needs) string {
	free, known := v.diskFree()
	need := fmt.Sprintf("it needs %s of free disk", gigabytes(n.DiskGB))
	switch {
	case n.DiskOK:
		return ""
	case !known:
		return need + ", and how much there is is not known"
	}
	return need + ", and " + gigabytes(math.Floor(float64(free)/gb)) + " are free"
}

// toFree is how many gigabytes of disk are missing.
func (v view) toFree(n Needs) float64 {
	free, _ := v.diskFree()
	return math.Ceil(n.DiskGB - float64(free)/gb)
}

func gigabytes(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) + " GB" }

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
