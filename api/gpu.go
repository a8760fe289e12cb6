package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/gpu"
)

// gpuInfo keeps the reference's field names. What a driver does not tell is left out; it is never 0.
type gpuInfo struct {
	Name          string    `json:"name" doc:"of several GPUs: each name once"`
	MemoryUsedMB  *int64    `json:"memory_used_mb,omitempty" doc:"MiB; of several GPUs the sum, as is memory_total_mb"`
	MemoryTotalMB *int64    `json:"memory_total_mb,omitempty"`
	MemoryPercent *float64  `json:"memory_percent,omitempty"`
	Utilization   *float64  `json:"utilization_percent,omitempty" doc:"of several GPUs the mean"`
	Temperature   *float64  `json:"temperature_c,omitempty" doc:"of several GPUs the highest"`
	Power         *float64  `json:"power_w,omitempty" doc:"of several GPUs the sum"`
	MemoryType    string    `json:"memory_type" enum:"discrete,unified" doc:"unified: the machine's memory"`
	Backend       string    `json:"gpu_backend"`
	Count         int       `json:"gpu_count"`
	SampledAt     time.Time `json:"sampled_at" doc:"when the GPUs were read: every 5 s"`
}

type gpuDetails struct {
	Count     int         `json:"gpu_count"`
	Backend   string      `json:"backend"`
	GPUs      []gpuDevice `json:"gpus"`
	Aggregate gpuInfo     `json:"aggregate"`
	Problem   string      `json:"problem,omitempty" doc:"why the figures are not complete"`
	SampledAt time.Time   `json:"sampled_at"`
}

type gpuDevice struct {
	Index         int       `json:"index"`
	UUID          string    `json:"uuid"`
	Name          string    `json:"name"`
	Vendor        string    `json:"vendor"`
	Driver        string    `json:"driver_version,omitempty"`
	MemoryType    string    `json:"memory_type" enum:"discrete,unified"`
	MemoryUsedMB  *int64    `json:"memory_used_mb,omitempty"`
	MemoryTotalMB *int64    `json:"memory_total_mb,omitempty"`
	MemoryPercent *float64  `json:"memory_percent,omitempty"`
	Utilization   *float64  `json:"utilization_percent,omitempty"`
	Temperature   *float64  `json:"temperature_c,omitempty"`
	Power         *float64  `json:"power_w,omitempty"`
	Parts         []gpuPart `json:"instances,omitempty" doc:"parts that it is cut into (MIG)"`
	Assigned      []string  `json:"assigned_services" doc:"ids of the extensions that compute on it now"`
	Users         []gpuUser `json:"users" doc:"whose work is on it, the most memory first"`
}

type gpuPart struct {
	Index         int    `json:"index"`
	Profile       string `json:"profile,omitempty"`
	UUID          string `json:"uuid,omitempty"`
	MemoryUsedMB  *int64 `json:"memory_used_mb,omitempty"`
	MemoryTotalMB *int64 `json:"memory_total_mb,omitempty"`
}

type gpuUser struct {
	Extension string `json:"extension,omitempty" doc:"id; absent for what is not of this installation"`
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty" doc:"name, or the id of a container that is not of this installation; absent for programs outside of containers"`
	Processes int    `json:"processes"`
	MemoryMB  *int64 `json:"memory_mb,omitempty"`
}

// gpuHistory keeps the reference's shape: one list of times, and for each GPU lists of the same length.
type gpuHistory struct {
	Timestamps []time.Time          `json:"timestamps"`
	GPUs       map[string]gpuSeries `json:"gpus" doc:"by index"`
}

type gpuSeries struct {
	Utilization   []*float64 `json:"utilization"`
	MemoryPercent []*float64 `json:"memory_percent"`
	Temperature   []*float64 `json:"temperature"`
	Power         []*float64 `json:"power_w"`
}

func (s *server) getGPU(context.Context, *struct{}) (*reply[gpuInfo], error) {
	t := s.extensions.Telemetry()
	devices, err := t.GPUs()
	if err != nil {
		return nil, err
	}
	return respond(aggregate(devices, t), nil)
}

func (s *server) getGPUDetails(context.Context, *struct{}) (*reply[gpuDetails], error) {
	t := s.extensions.Telemetry()
	devices, err := t.GPUs()
	if err != nil {
		return nil, err
	}
	owners := s.extensions.Snapshot().Owners()
	b := gpuDetails{
		Count: len(devices), Backend: t.Backend, GPUs: []gpuDevice{}, Aggregate: aggregate(devices, t),
		Problem: t.Facts.GPUs.NVIDIA.Problem, SampledAt: t.Facts.GPUs.At,
	}
	for _, d := range devices {
		b.GPUs = append(b.GPUs, newGPUDevice(d, owners))
	}
	return respond(b, nil)
}

func newGPUDevice(d gpu.Device, owners map[string]catalog.Owner) gpuDevice {
	b := gpuDevice{
		Index: d.Index, UUID: d.UUID, Name: d.Name, Vendor: string(d.Vendor), Driver: d.DriverVersion, MemoryType: string(d.MemoryType),
		MemoryUsedMB: mebibytes(d.MemoryUsed), MemoryTotalMB: mebibytes(d.MemoryTotal), MemoryPercent: share(d.MemoryUsed, d.MemoryTotal),
		Utilization: tenths(d.Utilization), Temperature: tenths(d.Temperature), Power: tenths(d.Power), Assigned: []string{}, Users: gpuUsers(d.Processes, owners),
	}
	for _, p := range d.Instances {
		b.Parts = append(b.Parts, gpuPart{p.Index, p.Profile, p.UUID, mebibytes(p.MemoryUsed), mebibytes(p.MemoryTotal)})
	}
	for _, u := range b.Users {
		if u.Extension != "" && !slices.Contains(b.Assigned, u.Extension) {
			b.Assigned = append(b.Assigned, u.Extension)
		}
	}
	slices.Sort(b.Assigned)
	return b
}

// gpuUsers sums up the processes of each container, and those that are in none. The memory of a sum in which one is not
// known is not known.
func gpuUsers(processes []gpu.Process, owners map[string]catalog.Owner) []gpuUser {
	type sum struct {
		user  gpuUser
		bytes *uint64
	}
	var sums []*sum
	byContainer := map[string]*sum{}
	for _, p := range processes {
		u := byContainer[p.Container]
		if u == nil {
			owner, ours := owners[p.Container]
			if !ours {
				owner.Container = p.Container[:min(12, len(p.Container))]
			}
			u = &sum{user: gpuUser{Extension: owner.Extension, Service: owner.Service, Container: owner.Container}, bytes: new(uint64)}
			byContainer[p.Container] = u
			sums = append(sums, u)
		}
		u.user.Processes++
		u.bytes = plus(u.bytes, p.Memory)
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Compare(orZero(b.bytes), orZero(a.bytes)) })
	users := []gpuUser{}
	for _, u := range sums {
		u.user.MemoryMB = mebibytes(u.bytes)
		users = append(users, u.user)
	}
	return users
}

// aggregate is all of them as if they were one. A figure that one of them does not tell is not told of all.
func aggregate(devices []gpu.Device, t *catalog.Telemetry) gpuInfo {
	var names []string
	used, total := new(uint64), new(uint64)
	use, power, hottest := new(0.0), new(0.0), new(math.Inf(-1))
	for _, d := range devices {
		if !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
		used, total = plus(used, d.MemoryUsed), plus(total, d.MemoryTotal)
		use, power = plus(use, d.Utilization), plus(power, d.Power)
		if hottest != nil && d.Temperature != nil {
			hottest = new(max(*hottest, *d.Temperature))
		} else {
			hottest = nil
		}
	}
	if use != nil {
		use = new(*use / float64(len(devices)))
	}
	return gpuInfo{
		Name: joined(names), MemoryUsedMB: mebibytes(used), MemoryTotalMB: mebibytes(total), MemoryPercent: share(used, total),
		Utilization: tenths(use), Temperature: tenths(hottest), Power: tenths(power), MemoryType: string(devices[0].MemoryType),
		Backend: t.Backend, Count: len(devices), SampledAt: t.Facts.GPUs.At,
	}
}

func (s *server) getGPUHistory(context.Context, *struct{}) (*reply[gpuHistory], error) {
	t := s.extensions.Telemetry()
	if len(t.History) == 0 {
		_, err := t.GPUs()
		return &reply[gpuHistory]{gpuHistory{Timestamps: []time.Time{}, GPUs: map[string]gpuSeries{}}}, err
	}
	return respond(newGPUHistory(t.History), nil)
}

// newGPUHistory has null where a GPU was not there or did not tell.
func newGPUHistory(readings []catalog.GPUReading) gpuHistory {
	b := gpuHistory{GPUs: map[string]gpuSeries{}}
	for i, r := range readings {
		b.Timestamps = append(b.Timestamps, r.At)
		for _, d := range r.Devices {
			key := strconv.Itoa(d.Index)
			series, known := b.GPUs[key]
			if !known {
				blank := func() []*float64 { return make([]*float64, len(readings)) }
				series = gpuSeries{blank(), blank(), blank(), blank()}
				b.GPUs[key] = series
			}
			series.Utilization[i], series.MemoryPercent[i] = tenths(d.Utilization), share(d.MemoryUsed, d.MemoryTotal)
			series.Temperature[i], series.Power[i] = tenths(d.Temperature), tenths(d.Power)
		}
	}
	return b
}
