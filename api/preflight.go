package api

import (
	"cmp"
	"context"
	"fmt"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// The checks before an installation keep the reference's field names. What they tell is the host's: the API's own container
// has other ports and disks.

type preflightDocker struct {
	Available bool   `json:"available"`
	Version   string `json:"version,omitempty" doc:"of the engine; a minute old at most"`
	Error     string `json:"error,omitempty" doc:"why it is not available, and what to do"`
}

type preflightGPU struct {
	Available   bool    `json:"available"`
	Name        string  `json:"name,omitempty"`
	VRAM        float64 `json:"vram,omitempty" doc:"GB, of the GPU with the most; absent where the driver does not tell"`
	Backend     string  `json:"backend" doc:"GPU_BACKEND"`
	MemoryType  string  `json:"memory_type,omitempty" enum:"discrete,unified"`
	MemoryLabel string  `json:"memory_label,omitempty"`
	Error       string  `json:"error,omitempty" doc:"why there is none, and what to do"`
}

type preflightDisk struct {
	Free  uint64 `json:"free" doc:"bytes, as are the others"`
	Total uint64 `json:"total"`
	Used  uint64 `json:"used"`
	Path  string `json:"path" doc:"of the data directory on the host"`
	Error string `json:"error,omitempty" doc:"why it is not known"`
}

type portsInput struct {
	Body portsBody
}

type portsBody struct {
	Ports []int `json:"ports" doc:"TCP ports of the host, 1 to 100 of them"`
}

type preflightPorts struct {
	Conflicts []portConflict `json:"conflicts"`
	Available bool           `json:"available" doc:"none of them is taken"`
	Problem   string         `json:"problem,omitempty" doc:"what could not be looked at"`
}

type portConflict struct {
	Port      int    `json:"port"`
	Service   string `json:"service" doc:"who has it: an extension's id, a container, a program, or words"`
	InUse     bool   `json:"in_use"`
	Extension string `json:"extension,omitempty" doc:"id, where it is one of this installation"`
	Container string `json:"container,omitempty"`
}

type requiredPorts struct {
	Ports []requiredPort `json:"ports"`
}

type requiredPort struct {
	Port    int    `json:"port"`
	Service string `json:"service" doc:"its name"`
	ID      string `json:"id"`
}

func (s *server) preflightDocker(context.Context, *struct{}) (*reply[preflightDocker], error) {
	agent := s.extensions.Snapshot().Agent
	reason := agent.Docker
	if !agent.Available {
		reason = cmp.Or(agent.Reason, "the host agent is away, and nobody else may ask Docker")
	}
	if reason != "" {
		return respond(preflightDocker{Error: reason}, nil)
	}
	return respond(preflightDocker{Available: true, Version: s.extensions.Telemetry().Facts.Engine.Version}, nil)
}

func (s *server) preflightGPU(context.Context, *struct{}) (*reply[preflightGPU], error) {
	t, m := s.extensions.Telemetry(), s.extensions.Snapshot().Machine
	if _, err := t.GPUs(); err != nil {
		return respond(preflightGPU{Backend: t.Backend, Error: problem.As(err).Detail}, nil)
	}
	b := preflightGPU{Available: true, Name: m.GPUName, VRAM: gigabytes(m.VRAMTotal), Backend: t.Backend, MemoryType: string(gpu.Discrete)}
	if m.Unified {
		b.MemoryType, b.MemoryLabel = string(gpu.Unified), fmt.Sprintf("%.0f GB unified", gigabytes(m.VRAMTotal))
	}
	return respond(b, nil)
}

func (s *server) preflightDisk(context.Context, *struct{}) (*reply[preflightDisk], error) {
	d, err := s.extensions.Telemetry().Disk()
	if err != nil {
		return respond(preflightDisk{Path: d.Path, Error: problem.As(err).Detail}, nil)
	}
	return respond(preflightDisk{Free: d.Free, Total: d.Total, Used: d.Total - min(d.Free, d.Total), Path: d.Path}, nil)
}

func (s *server) preflightPorts(ctx context.Context, in *portsInput) (*reply[preflightPorts], error) {
	uses, err := s.extensions.CheckPorts(ctx, in.Body.Ports)
	if err != nil {
		return nil, err
	}
	return respond(newPreflightPorts(uses), nil)
}

func newPreflightPorts(uses catalog.PortUses) preflightPorts {
	b := preflightPorts{Conflicts: []portConflict{}, Problem: uses.Problem}
	for _, u := range uses.Ports {
		if u.InUse {
			b.Conflicts = append(b.Conflicts, portConflict{u.Port, u.Holder(), true, u.Extension, u.Container})
		}
	}
	b.Available = len(b.Conflicts) == 0
	return b
}

func (s *server) requiredPorts(context.Context, *struct{}) (*reply[requiredPorts], error) {
	b := requiredPorts{[]requiredPort{}}
	for _, p := range s.extensions.Snapshot().RequiredPorts() {
		b.Ports = append(b.Ports, requiredPort{p.Port, p.Name, p.Extension})
	}
	return respond(b, nil)
}
