package api

import (
	"context"
	"time"

	"dreamserver/catalog"
)

// resourcesBody is what containers use, one by one and summed up for each extension.
type resourcesBody struct {
	SampledAt  time.Time            `json:"sampled_at" doc:"when it was read: every 5 s while somebody asks, and for a minute after"`
	Problem    string               `json:"problem,omitempty" doc:"why some are missing"`
	Services   []extensionResources `json:"services" doc:"by id"`
	Containers []containerResources `json:"containers"`
}

type extensionResources struct {
	ID         string `json:"id" doc:"of the extension"`
	Name       string `json:"name"`
	Containers int    `json:"containers"`
	ResourceUse
}

type containerResources struct {
	Extension string `json:"extension,omitempty" doc:"id; absent for a container whose extension is gone"`
	Service   string `json:"service"`
	Container string `json:"container"`
	ResourceUse
}

// ResourceUse is exported for the document of the contract, which knows no fields of other embedded types.
type ResourceUse struct {
	CPUPercent    *float64 `json:"cpu_percent,omitempty" doc:"of one core, since the reading before; absent in the first one"`
	Memory        uint64   `json:"memory_used_bytes"`
	MemoryLimit   uint64   `json:"memory_limit_bytes" doc:"the machine's memory where there is no limit"`
	MemoryPercent float64  `json:"memory_percent" doc:"of the limit"`
	Received      uint64   `json:"network_rx_bytes" doc:"since the container started, as are the following"`
	Sent          uint64   `json:"network_tx_bytes"`
	Read          uint64   `json:"block_read_bytes"`
	Written       uint64   `json:"block_write_bytes"`
	Processes     uint64   `json:"processes" doc:"now; threads are counted, too"`
}

func (s *server) listResources(ctx context.Context, _ *struct{}) (*reply[resourcesBody], error) {
	r := s.extensions.Resources(ctx)
	if r.Err != nil {
		return nil, r.Err
	}
	return respond(newResourcesBody(r, s.extensions.Snapshot()), nil)
}

func newResourcesBody(r *catalog.Resources, s *catalog.Snapshot) resourcesBody {
	b := resourcesBody{SampledAt: r.At, Problem: r.Problem, Services: []extensionResources{}, Containers: []containerResources{}}
	for _, e := range r.Extensions {
		entry, _ := s.Find(e.Extension)
		b.Services = append(b.Services, extensionResources{e.Extension, entry.Name, e.Containers, newResourceUse(e.Use)})
	}
	for _, c := range r.Containers {
		b.Containers = append(b.Containers, containerResources{c.Extension, c.Service, c.Container, newResourceUse(c.Use)})
	}
	return b
}

func newResourceUse(u catalog.Use) ResourceUse {
	return ResourceUse{
		CPUPercent: tenths(u.CPU), Memory: u.Memory, MemoryLimit: u.MemoryLimit, MemoryPercent: percentOf(u.Memory, u.MemoryLimit),
		Received: u.Received, Sent: u.Sent, Read: u.Read, Written: u.Written, Processes: u.Processes,
	}
}
