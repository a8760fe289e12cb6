package catalog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// Stats are what the host agent says of the containers' use.
type Stats struct {
	Usages  []compose.Usage `json:"usages"`
	Problem string          `json:"problem,omitempty"` // why some are missing
}

// Use is what one container, or all of an extension, use. Sizes are in bytes; those of networks and disks are counted
// since the container started.
type Use struct {
	// CPU is in percent of one core, since the reading before; nil until there are two.
	CPU         *float64
	Memory      uint64
	MemoryLimit uint64
	Received    uint64
	Sent        uint64
	Read        uint64
	Written     uint64
	Processes   uint64
}

// ContainerUse is what one container uses. Its Owner's extension is empty where its files are gone.
type ContainerUse struct {
	Owner
	Use
}

// ExtensionUse is the sum of an extension's containers.
type ExtensionUse struct {
	Extension  string // id
	Containers int
	Use
}

// Resources is what the containers use. It is immutable.
type Resources struct {
	At         time.Time      // of the reading; zero where there is none
	Err        error          // why there is none
	Problem    string         // why some are missing
	Containers []ContainerUse // sorted by extension and name
	Extensions []ExtensionUse // sorted by id

	usages map[string]compose.Usage // by container, for the next reading
}

const (
	resourcesEvery = 5 * time.Second
	resourcesSoon  = time.Second // to the second reading, which tells rates
)

var errNotSampled = problem.Newf(problem.Unavailable, "the host agent has not answered yet: try again in a few seconds")

// Resources is what the containers use. It is read while somebody asks, every five seconds, and for a minute after. Whoever asks
// first waits for the first reading, some seconds at most.
func (m *Manager) Resources(ctx context.Context) *Resources {
	if m.live.current.Load() != nil {
		if r := m.live.resources.get(ctx); r != nil {
			return r
		}
	}
	return &Resources{Err: errNotSampled}
}

func (m *Manager) sampleResources(ctx context.Context, before *Resources) (*Resources, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, resourcesEvery)
	defer cancel()
	stats, err := m.agent.Stats(ctx)
	if err != nil {
		return &Resources{Err: err}, resourcesEvery
	}
	r := newResources(stats, m.Snapshot().Owners(), before, time.Now().UTC())
	r.boundBy(m.machine().RAMTotal)
	if before == nil || before.Err != nil {
		return r, resourcesSoon
	}
	return r, resourcesEvery
}

func newResources(stats Stats, owners map[string]Owner, before *Resources, now time.Time) *Resources {
	r := &Resources{At: now, Problem: stats.Problem, usages: map[string]compose.Usage{}}
	sums := map[string]*ExtensionUse{}
	for _, u := range stats.Usages {
		r.usages[u.ID] = u
		owner, known := owners[u.ID]
		if !known {
			owner = Owner{Service: u.Service, Container: u.Name}
		}
		use := Use{
			Memory: u.Memory, MemoryLimit: u.MemoryLimit, Received: u.Received, Sent: u.Sent, Read: u.Read, Written: u.Written, Processes: u.Processes,
		}
		if before != nil {
			use.CPU = cpuSince(before.usages[u.ID], u)
		}
		r.Containers = append(r.Containers, ContainerUse{owner, use})
		if !known {
			continue
		}
		sum := sums[owner.Extension]
		if sum == nil {
			sums[owner.Extension] = &ExtensionUse{Extension: owner.Extension, Containers: 1, Use: use}
			continue
		}
		sum.Containers++
		sum.Use = sum.plus(use)
	}
	for _, sum := range sums {
		r.Extensions = append(r.Extensions, *sum)
	}
	slices.SortFunc(r.Extensions, func(a, b ExtensionUse) int { return cmp.Compare(a.Extension, b.Extension) })
	slices.SortFunc(r.Containers, func(a, b ContainerUse) int {
		return cmp.Or(cmp.Compare(a.Extension, b.Extension), cmp.Compare(a.Container, b.Container))
	})
	return r
}

// boundBy keeps the limits of several containers from being more than the machine has, which is each one's where it has none of
// its own.
func (r *Resources) boundBy(machine uint64) {
	for i := range r.Extensions {
		if e := &r.Extensions[i]; machine > 0 {
			e.MemoryLimit = min(e.MemoryLimit, machine)
		}
	}
}

// plus is the use of both. What is not known of one is not known of both.
func (u Use) plus(o Use) Use {
	sum := Use{
		Memory: u.Memory + o.Memory, MemoryLimit: u.MemoryLimit + o.MemoryLimit, Received: u.Received + o.Received, Sent: u.Sent + o.Sent,
		Read: u.Read + o.Read, Written: u.Written + o.Written, Processes: u.Processes + o.Processes,
	}
	if u.CPU != nil && o.CPU != nil {
		sum.CPU = new(*u.CPU + *o.CPU)
	}
	return sum
}

// cpuSince is the part of a core that was used between two readings, in percent; nil where they are none of the same run.
func cpuSince(before, now compose.Usage) *float64 {
	passed := now.At.Sub(before.At)
	if before.ID == "" || now.CPU < before.CPU || passed <= 0 {
		return nil
	}
	return new(float64(now.CPU-before.CPU) / float64(passed) * 100)
}
