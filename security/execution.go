package security

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// buildKeys are the parts of build that stay inside the extension's folder.
var buildKeys = []string{"context", "dockerfile", "args", "target", "labels"}

// build allows a local build from the unit's own folder and nothing else of build's options.
func build(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	ctx := str(m["context"])
	own := under(ctx, c.OwnDir) || c.builtin() && under(ctx, c.InstallDir)
	if !filepath.IsAbs(ctx) || !own {
		c.find("build", at, fmt.Sprintf("local build from %q reads outside the extension's folder", ctx), "put the Dockerfile into the folder and write context: .")
	}
	if f := str(m["dockerfile"]); filepath.IsAbs(f) || strings.HasPrefix(filepath.Clean(f), "..") {
		c.find("build", at, fmt.Sprintf("local build with dockerfile %q outside the context", f), "write a name inside the context")
	}
	for _, key := range sortedKeys(m) {
		if !slices.Contains(buildKeys, key) {
			c.find("build", append(slices.Clone(at), key), fmt.Sprintf("local build option %q reaches outside the extension", key), "remove it")
		}
	}
}

// gpuDevices are the device nodes that a declared backend implies (the seed's overlay patterns).
var gpuDevices = map[string][]string{
	"amd":   {"/dev/dri", "/dev/kfd"},
	"intel": {"/dev/dri"},
}

// gpuRequest allows a reservation of the declared backend's GPUs. Other drivers, such as cdi, reach any device.
func gpuRequest(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	declared := slices.Contains(c.Backends, "nvidia") || slices.Contains(c.Backends, "all")
	if driver := str(m["driver"]); !declared || driver != "" && driver != "nvidia" {
		c.find("device", at, fmt.Sprintf("device reservation with driver %q is not a GPU of the declared gpu_backends", driver),
			"remove it, or declare nvidia in gpu_backends and write driver: nvidia")
	}
}

func device(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	src := filepath.Clean(str(m["source"]))
	for _, backend := range c.Backends {
		for b, nodes := range gpuDevices {
			if (backend == b || backend == "all") && slices.ContainsFunc(nodes, func(n string) bool { return under(src, n) }) {
				return
			}
		}
	}
	c.find("device", at, fmt.Sprintf("device %s is not a GPU of the declared gpu_backends", src),
		"remove it; amd may use /dev/dri and /dev/kfd, intel /dev/dri")
}
