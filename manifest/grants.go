package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Grant is something that an honest extension may need and that no extension has by itself. The list is short and
// closed: what is not on it cannot be granted.
type Grant string

// The grants.
const (
	GPU         Grant = "gpu"          // the GPU devices of the vendors in gpu_backends, which imply it
	Build       Grant = "build"        // build an image from the extension's own folder
	HostGateway Grant = "host-gateway" // reach programs on this machine through host-gateway
	LANBind     Grant = "lan-bind"     // publish ports on addresses that the network reaches
)

// Grants lists every grant, in the order in which they are shown.
func Grants() []Grant { return []Grant{GPU, Build, HostGateway, LANBind} }

// Meaning says in one sentence what the grant allows.
func (g Grant) Meaning() string {
	switch g {
	case GPU:
		return "use this machine's GPU"
	case Build:
		return "run the commands of its Dockerfile while it builds its own image"
	case HostGateway:
		return "reach programs that listen on this machine"
	case LANBind:
		return "be reachable from other machines on the network"
	}
	return ""
}

// Granted reports whether the manifest asks for the grant. A GPU vendor in gpu_backends asks for gpu.
func (s *Service) Granted(g Grant) bool {
	if g == GPU && slices.ContainsFunc(s.GPUBackends, func(b string) bool { return b != "cpu" && b != "none" }) {
		return true
	}
	return slices.Contains(s.Grants, g)
}

// grants reads the list. An unknown grant is an error and not a warning: whoever wrote it counts on it.
func (p *parser) grants(dst *[]Grant) field {
	return func(path string, n *yaml.Node) {
		p.each(path, n, func(path string, n *yaml.Node) {
			var g Grant
			word(p, &g, Grants()...)(path, n)
			switch {
			case g == "":
			case slices.Contains(*dst, g):
				p.warn(n.Line, path, "names %s twice: keep one", quote(string(g)))
			default:
				*dst = append(*dst, g)
			}
		})
	}
}

// JoinGrants writes grants as a person reads them: build, lan-bind.
func JoinGrants(grants []Grant) string {
	words := make([]string, len(grants))
	for i, g := range grants {
		words[i] = string(g)
	}
	return strings.Join(words, ", ")
}

// Without are the grants that are not among others.
func Without(grants, others []Grant) []Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g Grant) bool { return slices.Contains(others, g) })
}
