package compose

import (
	"slices"
	"strings"

	"dreamserver/manifest"
)

// Variant is the list of files that an extension would be on one kind of machine.
type Variant struct {
	Unit *StackUnit
	Host Host // the first kind of machine that gives this list
}

// Variants lists what an extension's folder could run as: each backend with one GPU and with several, with models on
// this machine and without. Machines that read the same files are one variant. The Skip is for a folder that
// could not run somewhere.
func Variants(root Root, source Source, dir string, m *manifest.Manifest, backends []string) ([]Variant, *Skip) {
	var all []Variant
	root.FS = list(root.FS, dir)
	for _, backend := range backends {
		for _, mode := range []string{"local", "cloud"} {
			for _, gpus := range []int{1, 2} {
				h := Host{Backend: backend, Mode: mode, GPUCount: gpus}
				u, skip := Candidate(root, source, dir, m, h)
				if skip != nil {
					return nil, skip
				}
				if !slices.ContainsFunc(all, func(v Variant) bool { return slices.Equal(v.Unit.Files, u.Files) }) {
					all = append(all, Variant{u, h})
				}
			}
		}
	}
	return all, nil
}

// BackendsOf lists the backends that an extension is made for.
func BackendsOf(m *manifest.Manifest) []string {
	return slices.DeleteFunc(Backends(), func(b string) bool { return !m.Service.Supports(b) })
}

// IsFragment reports whether a file of this name in an extension's folder looks like a compose file.
func IsFragment(name string) bool {
	base, isYAML := strings.CutSuffix(strings.TrimSuffix(name, DisabledSuffix), ".yaml")
	if !isYAML {
		base, isYAML = strings.CutSuffix(base, ".yml")
	}
	return isYAML && (base == "compose" || base == "docker-compose" || strings.HasPrefix(base, "compose.") || strings.HasPrefix(base, "docker-compose."))
}
