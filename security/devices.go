package security

import (
	"fmt"
	"path/filepath"
	"slices"

	"dreamserver/manifest"
)

// devices is what the overlays for GPUs need, and nothing else of the host's devices.
var devices = []row{
	on("services.*.devices.*", device),
	allow("services.*.devices.*.source"),
	allow("services.*.devices.*.target"),
	allow("services.*.devices.*.permissions"),
	on("services.*.group_add.*", group),
	on("services.*.gpus.*", gpuRequest),
	allow("services.*.gpus.*.driver"),
	allow("services.*.gpus.*.count"),
	allow("services.*.gpus.*.device_ids.*"),
	on("services.*.gpus.*.capabilities.*", gpuCapability),
	on("services.*.deploy.resources.reservations.devices.*", gpuRequest),
	allow("services.*.deploy.resources.reservations.devices.*.driver"),
	allow("services.*.deploy.resources.reservations.devices.*.count"),
	allow("services.*.deploy.resources.reservations.devices.*.device_ids.*"),
	on("services.*.deploy.resources.reservations.devices.*.capabilities.*", gpuCapability),
	refuse("services.*.device_cgroup_rules", "device-rules", "device_cgroup_rules open host devices"),
}

// gpuDevices are the device nodes that a declared backend implies (the seed's overlay patterns).
var gpuDevices = map[string][]string{
	"amd":   {"/dev/dri", "/dev/kfd"},
	"intel": {"/dev/dri"},
}

// declares reports whether the manifest names the GPU vendor.
func (c *scan) declares(vendor string) bool {
	return slices.Contains(c.Service.GPUBackends, vendor) || slices.Contains(c.Service.GPUBackends, "all")
}

func device(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	src := str(m["source"])
	for _, vendor := range []string{"amd", "intel"} {
		if c.declares(vendor) && src == filepath.Clean(src) && slices.ContainsFunc(gpuDevices[vendor], func(n string) bool { return under(src, n) }) {
			c.grant(manifest.GPU, at, "uses "+src)
			return
		}
	}
	c.find("device", at, fmt.Sprintf("device %s is not a GPU of the declared gpu_backends", src),
		"remove it; amd may use /dev/dri and /dev/kfd, intel /dev/dri")
}

// gpuRequest allows a reservation of the declared backend's GPUs. Other drivers, such as cdi, reach any device.
func gpuRequest(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if driver := str(m["driver"]); !c.declares("nvidia") || driver != "" && driver != "nvidia" {
		c.find("device", at, fmt.Sprintf("device reservation with driver %q is not a GPU of the declared gpu_backends", driver),
			"remove it, or declare nvidia in gpu_backends and write driver: nvidia")
		return
	}
	c.grant(manifest.GPU, at, "uses NVIDIA GPUs")
}

// gpuCapabilities are what the NVIDIA runtime gives a container; display and ngx reach the owner's screen.
var gpuCapabilities = []string{"gpu", "nvidia", "compute", "utility", "video", "graphics"}

func gpuCapability(c *scan, at path, v any) {
	if !slices.Contains(gpuCapabilities, str(v)) {
		c.find("device", at, fmt.Sprintf("device capability %q is not one of a GPU", str(v)), "write capabilities: [gpu]")
	}
}

// gpuGroups are the groups of AMD and Intel device nodes, by name and as most distributions number them.
var gpuGroups = []string{"video", "render", "44", "992"}

func group(c *scan, at path, v any) {
	name := str(v)
	if (c.declares("amd") || c.declares("intel")) && (slices.Contains(gpuGroups, name) || slices.Contains(c.GPUGroups, name)) {
		return
	}
	c.find("group", at, fmt.Sprintf("group %q of the host is not one of a GPU of the declared gpu_backends", name),
		"remove it; amd and intel may use video and render, as ${VIDEO_GID:-44} and ${RENDER_GID:-992}")
}
