package audit

import (
	"slices"
	"strings"

	"dreamserver/compose"
)

// checkBackends holds the overlays against the backends that the manifest declares. There are two patterns: the main
// file is whole, and an overlay swaps the image for the one of a GPU; or the main file is a stub, and each overlay has
// the image of its own.
func (f *folder) checkBackends() {
	if f.core() {
		return
	}
	declared := f.backends()
	all := slices.Contains(declared, "all")
	stub := f.isStub()
	for _, b := range compose.Backends() {
		x := f.overlay(b)
		named := slices.Contains(declared, b)
		switch {
		case x == nil && stub && (named || all || slices.Contains(declared, "none")):
			f.find("overlay-required", f.service.at("gpu_backends"), "names %s, for which there is no compose.%s.yaml with an image", b, b)
		case x == nil:
		case !named && !all:
			f.add("overlay-backend-extra", x.name, 0, "", "gpu_backends does not name "+b)
		default:
			f.checkOverlay(x, stub)
		}
	}
	f.checkOwnGPU(declared)
}

// isStub reports whether the main file leaves the image of the service to the overlays.
func (f *folder) isStub() bool {
	services := f.main().root.at("services")
	if s := services.at(f.id); s.isMapping() {
		return !hasImage(s)
	}
	return len(services.keys()) == 0
}

func hasImage(s value) bool { return !s.at("image").blank() || s.at("build").given() }

func (f *folder) checkOverlay(x *fragment, stub bool) {
	s := x.root.at("services").at(f.id)
	image := s.at("image")
	base := f.main().root.at("services").at(f.id).at("image").text()
	switch {
	case stub && !hasImage(s):
		f.add("overlay-incomplete", x.name, s.line, "", "adds no image to the service "+f.id)
	case !stub && !image.blank() && image.text() == base:
		f.add("overlay-image-same", x.name, image.line, "", "has the image of "+f.main().name+", "+quote(base))
	case len(x.root.at("services").keys()) == 0:
		f.add("overlay-empty", x.name, 0, "", "changes no service")
	}
}

// checkOwnGPU looks for a vendor's GPU in the main file, which every machine reads.
func (f *folder) checkOwnGPU(declared []string) {
	for _, s := range f.main().root.at("services").keys() {
		for _, gpu := range gpusOf(s) {
			others := slices.DeleteFunc(slices.Clone(declared), func(b string) bool { return b == gpu.backend })
			if len(others) > 0 {
				f.add("gpu-not-optional", f.main().name, gpu.line, "", s.key+" takes a GPU of "+gpu.backend+" on every machine, and gpu_backends names "+strings.Join(others, ", "))
				break
			}
		}
	}
}

type gpu struct {
	backend string
	line    int
}

// gpusOf are the GPUs that a service's definition takes.
func gpusOf(s value) []gpu {
	var all []gpu
	for _, d := range s.at("deploy").at("resources").at("reservations").at("devices").items() {
		if driver := d.at("driver"); driver.text() == "nvidia" || driver.blank() && slices.ContainsFunc(d.at("capabilities").texts(), func(v value) bool { return v.text() == "gpu" }) {
			all = append(all, gpu{"nvidia", d.line})
		}
	}
	if s.at("runtime").text() == "nvidia" || s.at("gpus").given() {
		all = append(all, gpu{"nvidia", s.line})
	}
	for _, d := range s.at("devices").texts() {
		if strings.HasPrefix(d.text(), "/dev/kfd") {
			all = append(all, gpu{"amd", d.line})
		}
	}
	return all
}
