package gpu

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// CPU is the backend of a machine without a GPU that we can compute on.
const CPU = "cpu"

// Backend is the backend that a machine with these facts should have: NVIDIA's GPUs first, then cards of AMD and of
// Intel, then an AMD processor's own. A GPU in an Intel processor is none: nearly every desktop has one, and the CPU
// beside it is as fast.
func Backend(f Facts, os, arch string) string {
	has := func(v Vendor, t MemoryType) bool {
		return slices.ContainsFunc(f.Devices, func(d Device) bool { return d.Vendor == v && (t == "" || d.MemoryType == t) })
	}
	switch {
	case f.NVIDIA.Loaded || has(NVIDIA, ""):
		return string(NVIDIA)
	case f.KFD && has(AMD, Discrete):
		return string(AMD)
	case f.DRI && has(Intel, Discrete):
		return string(Intel)
	case f.KFD: // a driver that we cannot list the devices of still computes
		return string(AMD)
	case os == "darwin" && arch == "arm64":
		return string(Apple)
	}
	return CPU
}

// detectLimit is how long Detect waits for nvidia-smi.
const detectLimit = 5 * time.Second

// Detect is the backend for this machine. It always answers: nvidia-smi is asked only where no file tells of NVIDIA's
// driver (in WSL), and not waited for longer than five seconds.
func (m *Machine) Detect(ctx context.Context) string {
	f := m.files()
	if !f.NVIDIA.Loaded && f.NVIDIA.Tool {
		ctx, cancel := context.WithTimeout(ctx, detectLimit)
		defer cancel()
		f = m.Look(ctx)
	}
	return Backend(f, runtime.GOOS, runtime.GOARCH)
}
