package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/catalog/doctor"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/problem"
)

// doctorLimit is how long anything outside of this program may take to answer.
const doctorLimit = 2200 * time.Millisecond

// examination is one look at an installation. Its parts are looked at side by side, and each writes facts of its own.
type examination struct {
	app      *app
	settings config.Settings
	invalid  error // what is wrong with the settings
	facts    doctor.Facts

	agent agentAnswers
}

// agentAnswers are what the agent says. What it did not answer is empty.
type agentAnswers struct {
	status   catalog.AgentStatus
	snapshot *catalog.Snapshot
	state    catalog.State
	known    bool // state was told
	host     catalog.HostFacts
	stack    agent.StackInfo
	audit    []catalog.AuditEntry
	drift    doctor.Drift
}

// examine gathers the facts. Its error is for who cannot even be told where the installation is.
func (a *app) examine(ctx context.Context) (doctor.Facts, error) {
	settings, err := config.Load(a.lookup())
	if settings.InstallDir == "" {
		return doctor.Facts{}, problem.Newf(problem.InvalidArgument, "settings: %w", err)
	}
	x := &examination{app: a, settings: settings, invalid: err}
	x.facts.Now, x.facts.Observer = time.Now(), doctor.Observer{UID: os.Geteuid()}
	x.files()
	if !x.facts.Installation.Exists {
		return x.facts, nil // nothing else could be looked at
	}
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	var docker doctor.Docker
	var published []compose.Publication
	var gpus gpu.Facts
	var g sync.WaitGroup
	g.Go(func() { x.askAgent(ctx) })
	g.Go(func() { docker, published = x.askDocker(ctx) })
	g.Go(func() { gpus = x.app.machine().Look(ctx) })
	var wanted []doctor.Port
	var broken []doctor.Broken
	var unknown error
	g.Go(func() { wanted, broken, unknown = wantedPorts(ctx, settings) })
	g.Go(func() { x.facts.Catalogue = catalogue(settings) })
	g.Wait()
	x.facts.Agent = x.agentFacts()
	x.facts.Docker = x.dockerFacts(docker)
	x.facts.GPU = x.gpuFacts(gpus)
	if published == nil {
		published = x.agent.host.Published
	}
	x.facts.Disks = x.disks()
	x.facts.Ports = x.ports(wanted, published, unknown)
	x.facts.Extensions = x.extensions(broken)
	x.facts.Leftovers = x.leftovers()
	x.facts.Drift = x.agent.drift
	return x.facts, nil
}

// askAgent asks everything at a time: one that hangs costs the wait once.
func (x *examination) askAgent(ctx context.Context) {
	client := x.app.newAgent(x.settings)
	manager := catalog.New(catalog.Options{
		Settings: x.settings, Agent: client, Version: config.Version(), Actor: "dream", Log: zerolog.Nop(),
	})
	var g sync.WaitGroup
	g.Go(func() {
		manager.Refresh(ctx)
		x.agent.snapshot = manager.Snapshot()
		x.agent.status = x.agent.snapshot.Agent
	})
	g.Go(func() {
		var err error
		x.agent.state, err = client.Containers(ctx)
		x.agent.known = err == nil
	})
	g.Go(func() { x.agent.host, _ = client.Host(ctx) })
	g.Go(func() { x.agent.stack, _ = client.Stack(ctx) })
	g.Go(func() { x.agent.audit, _ = client.Audit(ctx, auditEntries) })
	g.Go(func() { x.agent.drift = catalog.DoctorDrift(client.Drift(ctx)) })
	g.Wait()
}

// auditEntries are how many of the newest entries are searched for the time of a failure.
const auditEntries = 200

func (x *examination) agentFacts() doctor.Agent {
	a := x.agent.status.Doctor()
	a.Denied = !a.Available && x.stranger()
	return a
}

// stranger reports whether this user is neither root nor the installation's owner: then what it may not open says
// nothing of the installation.
func (x *examination) stranger() bool {
	uid := x.facts.Observer.UID
	return uid != 0 && (x.facts.Settings.Denied || x.settings.UID >= 0 && uid != x.settings.UID)
}

// dockerFacts are what the agent says of Docker, or else what this user was told.
func (x *examination) dockerFacts(own doctor.Docker) doctor.Docker {
	s, host := x.agent.status, x.agent.host
	if !s.Available {
		return own
	}
	d := host.DoctorDocker(s.Docker)
	d.Compose, d.ComposeProblem = cmp.Or(d.Compose, own.Compose), own.ComposeProblem
	if d.Problem == "" && d.Version.Version == "" { // it answers pings, and not in time what it is
		d.Version, d.Setup = own.Version, own.Setup
	}
	return d
}

func (x *examination) disks() []doctor.Disk {
	disk := func(holds string, own, agents catalog.Disk) doctor.Disk {
		if own.Total == 0 {
			own = agents
		}
		return own.Doctor(holds)
	}
	disks := []doctor.Disk{disk("the data directory", agent.DiskOf(x.settings.DataDir), x.agent.host.Disk)}
	root := x.facts.Docker.Setup.Root
	if root != "" && (x.settings.DockerHost == "" || strings.HasPrefix(x.settings.DockerHost, "unix:")) {
		disks = append(disks, disk("Docker's images and volumes", agent.DiskOf(root), x.agent.host.DockerDisk))
	}
	return disks
}

// extensions are what does not take part as it should. broken are those whose files could not be loaded here.
func (x *examination) extensions(broken []doctor.Broken) doctor.Extensions {
	s := x.agent.snapshot
	e := doctor.Extensions{}
	for _, dir := range []string{x.settings.ServicesDir, x.settings.UserExtensionsDir, x.settings.LibraryDir} {
		if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
			e.Unknown = err.Error()
		}
	}
	e.Broken = s.Broken(x.agent.stack.Skipped...)
	for _, b := range broken {
		if !slices.ContainsFunc(e.Broken, func(o doctor.Broken) bool { return o.ID == b.ID }) {
			e.Broken = append(e.Broken, b)
		}
	}
	slices.SortFunc(e.Broken, func(a, b doctor.Broken) int { return cmp.Compare(a.ID, b.ID) })
	if !x.agent.known {
		e.StartsUnknown = "Only the host agent can tell, with Docker behind it."
		return e
	}
	e.Failed = s.FailedStarts(x.agent.state, x.agent.audit)
	return e
}

// leftovers are what was killed left behind. The agent is asked for what only its user can read.
func (x *examination) leftovers() doctor.Leftovers {
	s := x.settings
	l := doctor.Leftovers{Folder: s.UserExtensionsDir, Away: !x.agent.status.Available}
	var err error
	if l.Staged, err = catalog.Leftovers(s.UserExtensionsDir); err != nil {
		l.StateUnknown = err.Error()
	}
	if l.Pending, err = catalog.NewJournal(s.OperationsDir, -1, -1).Unfinished(); err != nil {
		l.StateUnknown = err.Error()
	}
	names := x.agent.host.Leftovers
	if names == nil {
		if names, err = agent.Leftovers(s); err != nil {
			l.StateUnknown = err.Error()
		}
	}
	if info, err := os.Stat(s.StateDir); err == nil {
		l.Owner = ownerOf(info).uid
	}
	for _, name := range names {
		l.State = append(l.State, filepath.Join(s.StateDir, name))
	}
	return l
}

func catalogue(s config.Settings) doctor.Catalogue {
	c := doctor.Catalogue{File: s.CatalogFile}
	index, err := catalog.ReadIndex(s.CatalogFile)
	if err == nil {
		c.Library, c.Outdated, err = compareLibrary(index, s.LibraryDir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Problem, c.Denied = err.Error(), errors.Is(err, fs.ErrPermission)
	}
	return c
}

// compareLibrary counts the library's folders, and says which of the index's are others.
func compareLibrary(index catalog.Index, dir string) (folders int, outdated []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, nil, err
	}
	defer root.Close()
	library := catalog.FS(root)
	entries, err := fs.ReadDir(library, ".")
	if err != nil {
		return 0, nil, err
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			folders++
		}
	}
	if len(index.Extensions) == 0 && folders > 0 {
		return folders, []string{fmt.Sprintf("it lists nothing, and the library has %d folders", folders)}, nil
	}
	return folders, index.Outdated(library), nil
}

// gpuFacts are what this user sees, or what the agent does where that is more: one of them may not be let at a device.
func (x *examination) gpuFacts(f gpu.Facts) doctor.GPU {
	if told := x.agent.host.GPUs; len(told.Devices) > len(f.Devices) {
		f = told
	}
	return catalog.NewDoctorGPU(f, x.settings.GPUBackend, runtime.GOOS, runtime.GOARCH)
}
