package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// examineTime is how long the host agent may take to answer, all questions together.
const examineTime = 2200 * time.Millisecond

// examined are the checks of package doctor whose facts the host agent tells. The others look at files that the API's
// container does not have.
var examined = []string{"agent", "docker", "compose", "disk", "gpu", "ports", "extensions", "starts", "drift"}

// Examine says what is wrong with the installation as far as the host agent can tell. It asks the agent, and waits for it
// for a moment.
func (m *Manager) Examine(ctx context.Context) doctor.Report {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	s := m.Snapshot()
	var host HostFacts
	var state State
	var uses PortUses
	var found Drift
	var noHost, noState, noPorts, noDrift error
	wanted := slices.DeleteFunc(s.RequiredPorts(), func(p RequiredPort) bool { return !s.publishes(p) })
	var g sync.WaitGroup
	g.Go(func() { host, noHost = m.agent.Host(ctx) })
	g.Go(func() { state, noState = m.agent.Containers(ctx) })
	g.Go(func() { found, noDrift = m.agent.Drift(ctx) })
	g.Go(func() { uses, noPorts = m.portUses(ctx, wanted) })
	g.Wait()

	f := doctor.Facts{
		Now: time.Now(), Observer: doctor.Observer{UID: -1}, Installation: doctor.Installation{Exists: true},
		Agent: s.Agent.Doctor(), Docker: doctor.Docker{Problem: s.Agent.Reason}, Ports: doctor.Ports{Project: m.settings.Names.Project},
		Extensions: doctor.Extensions{Broken: s.Broken()},
	}
	if noHost == nil {
		f.Docker, f.GPU = host.DoctorDocker(s.Agent.Docker), host.DoctorGPU(m.settings.GPUBackend)
		f.Disks = []doctor.Disk{host.Disk.Doctor("the data directory"), host.DockerDisk.Doctor("Docker's images and volumes")}
		f.Ports.Published = host.Published
	} else {
		f.GPU = doctor.GPU{Unknown: problem.As(noHost).Detail}
	}
	if f.Ports.Wanted = wantedPorts(wanted, uses); cmp.Or(noPorts, noHost) != nil {
		f.Ports.Unknown = problem.As(cmp.Or(noPorts, noHost)).Detail
	}
	if f.Extensions.Failed = s.FailedStarts(state, nil); noState != nil {
		f.Extensions.StartsUnknown = problem.As(noState).Detail
	}
	f.Drift = DoctorDrift(found, noDrift)
	return doctor.Examine(f, examined...)
}

// DoctorDrift is a comparison as its check reads it. err is why there is none.
func DoctorDrift(d Drift, err error) doctor.Drift {
	if err != nil {
		return doctor.Drift{Unknown: problem.As(err).Detail}
	}
	return doctor.Drift{Unknown: d.Problem, Found: d.Findings}
}

// portUses asks who has the ports, as many at a time as one question may name.
func (m *Manager) portUses(ctx context.Context, wanted []RequiredPort) (PortUses, error) {
	var all PortUses
	var numbers []int
	for _, w := range wanted {
		numbers = append(numbers, w.Port)
	}
	for some := range slices.Chunk(slices.Compact(numbers), MaxPorts) {
		uses, err := m.CheckPorts(ctx, some)
		if err != nil {
			return all, err
		}
		all.Ports = append(all.Ports, uses.Ports...)
	}
	return all, nil
}

func wantedPorts(wanted []RequiredPort, uses PortUses) []doctor.Port {
	ports := make([]doctor.Port, 0, len(wanted))
	for _, w := range wanted {
		p := doctor.Port{
			Number: w.Port, Protocol: "tcp", Address: "127.0.0.1", Service: w.Extension, Owner: strconv.Quote(w.Name), Holder: doctor.Holder{UID: -1},
		}
		if i := slices.IndexFunc(uses.Ports, func(u PortUse) bool { return u.Port == w.Port }); i >= 0 {
			u := uses.Ports[i]
			p.InUse, p.Own, p.Program = u.InUse, u.Extension == w.Extension, u.Program
		}
		ports = append(ports, p)
	}
	return ports
}

// Doctor is the agent's status as its check reads it.
func (s AgentStatus) Doctor() doctor.Agent {
	return doctor.Agent{
		Available: s.Available, Code: problem.Code(s.Code), Reason: s.Reason, Version: s.Version, Mismatch: s.Mismatch, Policies: s.Policies,
	}
}

// DoctorDocker is what the agent knows of Docker. wrong is why the engine does not answer it.
func (f HostFacts) DoctorDocker(wrong string) doctor.Docker {
	return doctor.Docker{Known: true, Problem: wrong, Version: f.Engine, Setup: f.Setup, Compose: f.Compose}
}

// DoctorGPU is what the agent knows of drivers, for a machine whose GPU_BACKEND is backend.
func (f HostFacts) DoctorGPU(backend string) doctor.GPU {
	return NewDoctorGPU(f.GPUs, backend, f.OS, f.Arch)
}

// NewDoctorGPU is what the check of drivers reads, of facts about the machine's GPUs.
func NewDoctorGPU(f gpu.Facts, backend, os, arch string) doctor.GPU {
	g := doctor.GPU{
		Backend: backend, Best: gpu.Backend(f, os, arch), OS: os,
		SMI: f.NVIDIA.Tool, Driver: f.NVIDIA.Version, Problem: f.NVIDIA.Problem, KFD: f.KFD, DRI: f.DRI,
	}
	for _, d := range f.Devices {
		if d.Vendor == gpu.NVIDIA {
			g.NVIDIA++
		}
	}
	return g
}

// Doctor is the disk as its check reads it; holds says what is on it.
func (d Disk) Doctor(holds string) doctor.Disk {
	return doctor.Disk{Holds: holds, Path: d.Path, Total: d.Total, Free: d.Free, Inodes: d.Inodes, InodesFree: d.InodesFree}
}

// Broken are the extensions that do not take part as they should, by id. more are those that somebody else has found.
func (s *Snapshot) Broken(more ...compose.Skip) []doctor.Broken {
	enabled := map[string]bool{}
	kept := []compose.Skip{}
	for _, entry := range s.Entries {
		enabled[entry.ID] = entry.Status == Enabled
		if entry.Problem != "" && s.Installed(entry.ID) && (enabled[entry.ID] || entry.RunsOn(s.GPUBackend)) {
			kept = append(kept, compose.Skip{ID: entry.ID, Warning: true, Reason: entry.Problem})
		}
	}
	var broken []doctor.Broken
	for _, skip := range slices.Concat(s.Skipped, more, kept) {
		id := cmp.Or(skip.ID, skip.Path)
		if skip.Warning && !slices.ContainsFunc(broken, func(b doctor.Broken) bool { return b.ID == id }) {
			broken = append(broken, doctor.Broken{ID: id, Enabled: enabled[id], Reason: skip.Reason})
		}
	}
	slices.SortFunc(broken, func(a, b doctor.Broken) int { return cmp.Compare(a.ID, b.ID) })
	return broken
}

// FailedStarts are the extensions whose last start failed, by id, with the time where the newest entries of the audit log
// tell it.
func (s *Snapshot) FailedStarts(state State, audit []AuditEntry) []doctor.Failed {
	reasons := maps.Clone(state.Failures)
	if reasons == nil {
		reasons = map[string]string{}
	}
	for _, entry := range s.Entries {
		if r := entry.Runtime; r.State == "failed" || r.State == "partial" {
			reasons[entry.ID] = cmp.Or(reasons[entry.ID], r.Reason)
		}
	}
	var failed []doctor.Failed
	for _, id := range slices.Sorted(maps.Keys(reasons)) {
		f := doctor.Failed{ID: id, Reason: reasons[id]}
		i := slices.IndexFunc(audit, func(e AuditEntry) bool {
			return e.Extension == id && slices.Contains([]string{"start", "restart", "up"}, e.Op)
		})
		if i >= 0 && audit[i].Result != "ok" {
			f.At = audit[i].Time
		}
		failed = append(failed, f)
	}
	return failed
}

// publishes reports whether the port is known to be one of the host's, and not only that of a container that may keep it to
// itself.
func (s *Snapshot) publishes(p RequiredPort) bool {
	e, ok := s.Find(p.Extension)
	for _, c := range e.Runtime.Containers {
		if c.State == "running" {
			return slices.ContainsFunc(e.Runtime.Containers, func(c compose.Container) bool {
				return slices.ContainsFunc(c.Ports, func(port compose.Port) bool { return port.Host == p.Port })
			})
		}
	}
	return ok && (e.service == nil || e.service.ExternalPortEnv != "" || e.service.ExternalPortDefault != 0)
}
