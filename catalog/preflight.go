package catalog

import (
	"cmp"
	"context"
	"slices"

	"dreamserver/internal/problem"
)

// MaxPorts is how many ports one question may name.
const MaxPorts = 100

// PortUses are what the host agent says of ports.
type PortUses struct {
	Ports   []PortUse `json:"ports"`             // sorted, each once
	Problem string    `json:"problem,omitempty"` // what could not be looked at
}

// PortUse is a TCP port of the host's 127.0.0.1, and who has it.
type PortUse struct {
	Port      int    `json:"port"`
	InUse     bool   `json:"in_use"`
	Container string `json:"container,omitempty"` // name
	Project   string `json:"project,omitempty"`   // of compose
	Service   string `json:"service,omitempty"`   // of compose
	Program   string `json:"program,omitempty"`   // where it is no container, and the agent may see which
	Extension string `json:"-"`                   // whose the container is; of this installation
}

// Holder is who has the port, for a person; empty when nobody does.
func (u PortUse) Holder() string {
	switch {
	case !u.InUse:
		return ""
	case u.Extension != "":
		return u.Extension
	case u.Container != "":
		return "container " + u.Container
	}
	return cmp.Or(u.Program, "another program on this machine")
}

// CheckPortNumbers refuses what is no list of ports.
func CheckPortNumbers(ports []int) error {
	if len(ports) == 0 || len(ports) > MaxPorts {
		return problem.Newf(problem.InvalidParameter, "ports names %d ports: write 1 to %d of them", len(ports), MaxPorts)
	}
	for _, p := range ports {
		if p < 1 || p > 65535 {
			return problem.Newf(problem.InvalidParameter, "ports: %d is no port: write numbers from 1 to 65535", p)
		}
	}
	return nil
}

// CheckPorts asks the host agent who has the ports. It is the one question about the machine that waits for the agent: its
// answer is for this moment.
func (m *Manager) CheckPorts(ctx context.Context, ports []int) (PortUses, error) {
	if err := CheckPortNumbers(ports); err != nil {
		return PortUses{}, err
	}
	uses, err := m.agent.Ports(ctx, ports)
	if err != nil {
		return PortUses{}, err
	}
	s := m.Snapshot()
	for i, u := range uses.Ports {
		if u.Project == m.settings.Names.Project {
			uses.Ports[i].Extension = s.owner(u.Service)
		}
	}
	return uses, nil
}

// RequiredPort is a port of the host that a core service or an enabled extension needs.
type RequiredPort struct {
	Port      int
	Extension string // id
	Name      string
}

// RequiredPorts are all of them, sorted: where Docker publishes a service, that; else what its manifest says, as .env may
// have moved it.
func (s *Snapshot) RequiredPorts() []RequiredPort {
	found := []RequiredPort{}
	for _, e := range s.Entries {
		if e.Status != Enabled {
			continue
		}
		ports := []int{}
		for _, c := range e.Runtime.Containers {
			for _, p := range c.Ports {
				if p.Protocol == "tcp" {
					ports = append(ports, p.Host)
				}
			}
		}
		if len(ports) == 0 && e.Reach.Port != 0 {
			ports = append(ports, e.Reach.Port)
		}
		for _, port := range ports {
			if r := (RequiredPort{port, e.ID, e.Name}); !slices.Contains(found, r) { // IPv4 and IPv6
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b RequiredPort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Extension, b.Extension))
	})
	return found
}
