package scaffold

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// reserves reports whether the devices are NVIDIA's GPUs; the extension is made for those alone then.
func (s *service) reserves(devices *yaml.Node) bool {
	for _, d := range items(devices) {
		if driver := text(get(d, "driver")); driver != "nvidia" && driver != "" {
			s.c.note(Refused, d, s.path("deploy.resources.reservations.devices"), fmt.Sprintf("driver %q reaches devices that are no GPU", driver), "")
			return false
		}
	}
	s.needs("nvidia", devices)
	return true
}

// gpus are the other two ways to ask for NVIDIA's GPUs.
func (s *service) gpus(key string, n *yaml.Node) {
	if key == "runtime" && n.Value != "nvidia" {
		s.c.note(Refused, n, s.path(key), "it would choose another container runtime", "")
		return
	}
	if get(get(get(get(s.in, "deploy"), "resources"), "reservations"), "devices") != nil {
		return
	}
	s.needs("nvidia", n)
	s.out["gpus"] = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{
		mapping("driver", words("nvidia"), "count", scalar("1"), "capabilities", list("gpu")),
	}}
}

func (s *service) needs(vendor string, n *yaml.Node) {
	if !slices.Contains(s.c.backends, vendor) {
		s.c.backends = append(s.c.backends, vendor)
		s.c.note(Changed, n, s.path(), "needs a GPU of "+vendor+", so the extension is for such machines: gpu_backends",
			"where it runs without one, move the reservation to compose."+vendor+".yaml and write gpu_backends: [all]")
	}
}

// devices keeps GPUs: AMD's are two, Intel's is one.
func (s *service) devices(key string, n *yaml.Node) {
	kept := &yaml.Node{Kind: yaml.SequenceNode}
	vendor := "intel"
	for _, d := range items(n) {
		source, _, _ := strings.Cut(text(d), ":")
		if source == "" {
			source = text(get(d, "source"))
		}
		switch {
		case source == "/dev/kfd":
			vendor = "amd"
			kept.Content = append(kept.Content, d)
		case source == "/dev/dri" || strings.HasPrefix(source, "/dev/dri/"):
			kept.Content = append(kept.Content, d)
		default:
			s.c.note(Refused, d, s.path(key), source+" is a device of the machine that is no GPU", "")
		}
	}
	if len(kept.Content) > 0 {
		s.out[key] = kept
		s.needs(vendor, n)
	}
}
