package compose

import (
	"fmt"
	"slices"
	"strings"

	"dreamserver/internal/problem"
)

// tierBackend is the backend that a tier's name implies. It wins over GPU_BACKEND.
var tierBackend = map[string]string{
	"AP_ULTRA": "apple", "AP_PRO": "apple", "AP_BASE": "apple",
	"SH_LARGE": "amd", "SH_COMPACT": "amd",
	"ARC": "intel", "ARC_LITE": "intel",
}

// normalize fills in defaults and refuses a machine that does not exist: a typo must not become NVIDIA.
func (h Host) normalize() (Host, error) {
	if h.Backend == "sycl" {
		h.Backend = "intel"
	}
	if h.Mode == "" {
		h.Mode = "local"
	}
	if !slices.Contains(Backends(), h.Backend) {
		return h, problem.Newf(problem.InvalidArgument, "GPU_BACKEND=%q is unknown: use one of %s",
			h.Backend, strings.Join(Backends(), ", "))
	}
	if !slices.Contains(Modes(), h.Mode) {
		return h, problem.Newf(problem.InvalidArgument, "DREAM_MODE=%q is unknown: use one of %s",
			h.Mode, strings.Join(Modes(), ", "))
	}
	return h, nil
}

// baseBackend is the backend whose base overlay is used. Extensions' own overlays follow GPU_BACKEND.
func (h Host) baseBackend() string {
	if b, ok := tierBackend[h.Tier]; ok {
		return b
	}
	return h.Backend
}

// addBase chooses the base files, first match wins: files chosen by hand, base with the overlay of the
// machine's kind, base alone, and docker-compose.yml of installations older than the split.
func (s *Stack) addBase(root Root, h Host) error {
	switch overlay := "docker-compose." + h.baseBackend() + ".yml"; {
	case len(h.Overlays) > 0 && !slices.ContainsFunc(h.Overlays, func(f string) bool { return !root.has(f) }):
		s.addBaseFiles(root, h.Overlays...)
	case root.has(BaseFile) && root.has(overlay):
		s.addBaseFiles(root, BaseFile, overlay)
	case root.has(BaseFile):
		s.addBaseFiles(root, BaseFile)
	case root.has(legacyFile):
		s.addBaseFiles(root, legacyFile)
	default:
		return fmt.Errorf("no %s in the install directory: run `dream init`", BaseFile)
	}
	s.Primary = s.Base[len(s.Base)-1]
	if h.GPUCount <= 1 {
		return nil
	}
	for _, name := range []string{"docker-compose.multigpu-" + h.baseBackend() + ".yml", "docker-compose.multigpu.yml"} {
		if root.has(name) {
			s.addBaseFiles(root, name)
			break
		}
	}
	return nil
}

func (s *Stack) addBaseFiles(root Root, names ...string) {
	for _, name := range names {
		s.Base = append(s.Base, root.path(name))
	}
}
