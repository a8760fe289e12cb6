package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

// Usage is what a container has used since it started, and the memory that it has now. Sizes are in bytes.
type Usage struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Service     string    `json:"service"`
	At          time.Time `json:"at"`     // when the engine counted
	CPU         uint64    `json:"cpu_ns"` // nanoseconds of one core
	Memory      uint64    `json:"memory_bytes"`
	MemoryLimit uint64    `json:"memory_limit_bytes"` // the machine's memory where the container has none
	Received    uint64    `json:"network_rx_bytes"`
	Sent        uint64    `json:"network_tx_bytes"`
	Read        uint64    `json:"block_read_bytes"`
	Written     uint64    `json:"block_write_bytes"`
	Processes   uint64    `json:"processes"`
}

const (
	statsAtOnce   = 8               // questions to the engine: each costs it a look at a control group
	statsLimit    = 2 * time.Second // for the answer to one
	maxStatsBytes = 1 << 20
)

// Stats is what the running ones of the containers use. It asks once, without the second that the engine takes to
// measure a rate. What is not known of a container leaves it out; the error is the first of those, where there are any.
func (e *Engine) Stats(ctx context.Context, containers []Container) ([]Usage, error) {
	usages := make([]*Usage, len(containers))
	errs := make([]error, len(containers))
	slots := make(chan struct{}, statsAtOnce)
	var asking sync.WaitGroup
	for i, c := range containers {
		if c.State != "running" {
			continue
		}
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			usages[i], errs[i] = e.statsOf(ctx, c)
		})
	}
	asking.Wait()
	out := []Usage{}
	for _, u := range usages {
		if u != nil {
			out = append(out, *u)
		}
	}
	for _, err := range errs {
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func (e *Engine) statsOf(ctx context.Context, c Container) (*Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, statsLimit)
	defer cancel()
	r, err := e.docker.ContainerStatsOneShot(ctx, c.ID)
	if err != nil {
		if late := ctx.Err(); late != nil {
			err = late
		}
		return nil, e.unavailable(err)
	}
	defer r.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(io.LimitReader(r.Body, maxStatsBytes)).Decode(&s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil // it has just ended
		}
		return nil, fmt.Errorf("statistics of %s: %w", c.Name, err)
	}
	u := usageOf(s)
	u.ID, u.Name, u.Service = c.ID, c.Name, c.Service
	if u.At.IsZero() {
		u.At = time.Now().UTC()
	}
	return u, nil
}

// usageOf sums up what the engine counts. Files that the kernel keeps in memory and can drop at any time are not what a
// container uses; which they are has one name in each version of control groups.
func usageOf(s container.StatsResponse) *Usage {
	u := &Usage{At: s.Read, CPU: s.CPUStats.CPUUsage.TotalUsage, MemoryLimit: s.MemoryStats.Limit, Processes: s.PidsStats.Current}
	cached, v1 := s.MemoryStats.Stats["total_inactive_file"]
	if !v1 {
		cached = s.MemoryStats.Stats["inactive_file"]
	}
	u.Memory = s.MemoryStats.Usage - min(cached, s.MemoryStats.Usage)
	for _, n := range s.Networks {
		u.Received += n.RxBytes
		u.Sent += n.TxBytes
	}
	for _, io := range s.BlkioStats.IoServiceBytesRecursive {
		switch {
		case strings.EqualFold(io.Op, "read"):
			u.Read += io.Value
		case strings.EqualFold(io.Op, "write"):
			u.Written += io.Value
		}
	}
	return u
}
