package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
)

// statusBody keeps the reference's field names: what the dashboard's first page shows. What nobody here knows is null, and
// never 0.
type statusBody struct {
	Timestamp      time.Time           `json:"timestamp"`
	GPU            maybe[statusGPU]    `json:"gpu" doc:"null without a GPU, and while the host agent does not tell"`
	Services       []statusService     `json:"services"`
	Model          nothing             `json:"model" doc:"the platform does not know which model is loaded"`
	Bootstrap      nothing             `json:"bootstrap" doc:"the platform loads no model by itself"`
	Uptime         maybe[int64]        `json:"uptime" doc:"seconds since the machine started; null where the kernel does not tell"`
	Version        string              `json:"version"`
	Tier           string              `json:"tier" doc:"TIER of .env"`
	CPU            statusCPU           `json:"cpu"`
	RAM            statusRAM           `json:"ram"`
	Disk           maybe[diskBody]     `json:"disk" doc:"of the data directory; null while the host agent does not tell"`
	System         statusSystem        `json:"system"`
	Inference      statusInference     `json:"inference"`
	ManifestErrors []manifestError     `json:"manifest_errors" doc:"extensions that take no part although somebody put them there"`
	Agent          catalog.AgentStatus `json:"agent"`
}

type statusGPU struct {
	Name        string         `json:"name"`
	VRAMUsed    maybe[float64] `json:"vramUsed" doc:"in units of 2^30 bytes, one decimal; null where the driver does not tell"`
	VRAMTotal   maybe[float64] `json:"vramTotal" doc:"as vramUsed, null too"`
	Utilization maybe[float64] `json:"utilization" doc:"percent, or null"`
	Temperature maybe[float64] `json:"temperature" doc:"degrees Celsius, or null"`
	MemoryType  string         `json:"memoryType" enum:"discrete,unified"`
	Backend     string         `json:"backend"`
	Count       int            `json:"gpu_count"`
	Power       *float64       `json:"powerDraw,omitempty" doc:"watts; absent where the driver does not tell"`
	Label       string         `json:"memoryLabel" doc:"what to call its memory"`
}

// statusService is one service. Older clients find it by its name.
type statusService struct {
	ID     string        `json:"id"`
	Name   string        `json:"name"`
	Status health.Status `json:"status" enum:"healthy,unhealthy,degraded,down,not_deployed,unknown,starting"`
	Port   int           `json:"port" doc:"on the machine"`
	Uptime maybe[int64]  `json:"uptime" doc:"seconds since its container started; null where nobody told"`
	Reason string        `json:"reason,omitempty"`
}

type statusCPU struct {
	Percent maybe[float64] `json:"percent" doc:"of all of them, in the last five seconds; null where the kernel does not tell"`
	Temp    nothing        `json:"temp_c" doc:"nobody measures it"`
}

type statusRAM struct {
	UsedGB  maybe[float64] `json:"used_gb" doc:"without files that the kernel can drop; null where it does not tell"`
	TotalGB maybe[float64] `json:"total_gb" doc:"in units of 2^30 bytes; null while the host agent does not tell"`
	Percent maybe[float64] `json:"percent" doc:"of it is used, or null"`
}

type statusSystem struct {
	Uptime   maybe[int64]  `json:"uptime" doc:"seconds since the machine started; null where the kernel does not tell"`
	Hostname maybe[string] `json:"hostname" doc:"of the machine; null until the host agent has told"`
}

// statusInference is null throughout: model servers are asked for their health, and nothing else.
type statusInference struct {
	TokensPerSecond nothing `json:"tokensPerSecond" doc:"not known"`
	LifetimeTokens  nothing `json:"lifetimeTokens" doc:"not known"`
	LoadedModel     nothing `json:"loadedModel" doc:"not known"`
	ContextSize     nothing `json:"contextSize" doc:"not known"`
}

type manifestError struct {
	File  string `json:"file" doc:"the file or the extension's folder"`
	Error string `json:"error"`
}

func (s *server) getStatus(context.Context, *struct{}) (*reply[statusBody], error) {
	snapshot, telemetry, now := s.extensions.Snapshot(), s.extensions.Telemetry(), s.now()
	m := snapshot.Machine
	b := statusBody{
		Timestamp: now.UTC(), Services: []statusService{}, Version: s.version, Tier: s.settings.Tier,
		ManifestErrors: s.manifestErrors(snapshot), Agent: snapshot.Agent,
	}
	for _, e := range snapshot.Entries {
		if e.Status == catalog.Enabled {
			b.Services = append(b.Services, newStatusService(e, now))
		}
	}
	if up, ok := uptime(); ok {
		b.Uptime = known(int64(up.Seconds()))
		b.System.Uptime = b.Uptime
	}
	if devices, err := telemetry.GPUs(); err == nil {
		b.GPU = known(newStatusGPU(aggregate(devices, telemetry)))
	}
	if disk, err := telemetry.Disk(); err == nil {
		b.Disk = known(newDiskBody(disk, telemetry.At))
	}
	if m.Known && m.Hostname != "" {
		b.System.Hostname = known(m.Hostname)
	}
	if m.Known && m.RAMTotal > 0 {
		b.RAM.TotalGB = known(gigabytes(m.RAMTotal))
	}
	b.CPU.Percent = maybe[float64]{tenths(telemetry.CPU)}
	if total, used, err := telemetry.Memory(); err == nil {
		b.RAM.UsedGB, b.RAM.Percent = known(gigabytes(used)), known(percentOf(used, total))
	}
	return respond(b, nil)
}

func newStatusService(e catalog.Entry, now time.Time) statusService {
	fare := e.Fare()
	b := statusService{ID: e.ID, Name: e.Name, Status: fare.Status, Port: e.Reach.Port, Reason: fare.Reason}
	for _, c := range e.Runtime.Containers {
		if c.Service == e.ID && c.State == "running" && !c.StartedAt.IsZero() && !now.Before(c.StartedAt) {
			b.Uptime = known(int64(now.Sub(c.StartedAt).Seconds()))
		}
	}
	return b
}

func newStatusGPU(g gpuInfo) statusGPU {
	b := statusGPU{
		Name: g.Name, Utilization: maybe[float64]{g.Utilization}, Temperature: maybe[float64]{g.Temperature}, MemoryType: g.MemoryType,
		Backend: g.Backend, Count: g.Count, Power: g.Power, VRAMUsed: inGB(g.MemoryUsedMB), VRAMTotal: inGB(g.MemoryTotalMB), Label: "VRAM",
	}
	if g.MemoryType == "unified" {
		b.Label = "Shared memory"
	}
	return b
}

// inGB is MiB in GiB, with one decimal.
func inGB(mebibytes *int64) maybe[float64] {
	if mebibytes == nil {
		return maybe[float64]{}
	}
	return known(math.Round(float64(*mebibytes)/1024*10) / 10)
}

// manifestErrors is what takes no part, each once.
func (s *server) manifestErrors(snapshot *catalog.Snapshot) []manifestError {
	out := []manifestError{}
	seen := map[string]bool{}
	for _, skip := range snapshot.Skipped {
		if skip.Warning {
			out = append(out, manifestError{cmp.Or(skip.Path, skip.ID), skip.Reason})
			seen[skip.ID] = true
		}
	}
	for _, e := range snapshot.Entries {
		if e.Problem == "" || seen[e.ID] || e.Source == catalog.FromLibrary {
			continue
		}
		dir := s.settings.UserExtensionsDir
		if e.Source == catalog.FromCore {
			dir = s.settings.ServicesDir
		}
		out = append(out, manifestError{dir + "/" + e.ID, e.Problem})
	}
	slices.SortStableFunc(out, func(a, b manifestError) int { return cmp.Compare(a.File, b.File) })
	return out
}

// shortStatusBody is the reference's older page of the same.
type shortStatusBody struct {
	Timestamp time.Time       `json:"timestamp"`
	GPU       maybe[gpuInfo]  `json:"gpu" doc:"null without a GPU, and while the host agent does not tell"`
	Services  []serviceBody   `json:"services"`
	Disk      maybe[diskBody] `json:"disk" doc:"null while the host agent does not tell"`
	Model     nothing         `json:"model" doc:"the platform does not know which model is loaded"`
	Bootstrap nothing         `json:"bootstrap" doc:"the platform loads no model by itself"`
	Uptime    maybe[int64]    `json:"uptime_seconds" doc:"since the machine started; null where the kernel does not tell"`
}

func (s *server) getShortStatus(context.Context, *struct{}) (*reply[shortStatusBody], error) {
	telemetry := s.extensions.Telemetry()
	b := shortStatusBody{Timestamp: s.now().UTC(), Services: s.services()}
	if up, ok := uptime(); ok {
		b.Uptime = known(int64(up.Seconds()))
	}
	if devices, err := telemetry.GPUs(); err == nil {
		b.GPU = known(aggregate(devices, telemetry))
	}
	if disk, err := telemetry.Disk(); err == nil {
		b.Disk = known(newDiskBody(disk, telemetry.At))
	}
	return respond(b, nil)
}
