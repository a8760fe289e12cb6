package agent

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

const healthTimeout = time.Second

// health answers anyone. A caller who shows a key learns whether it is the right one.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		if _, err := s.checkKey(r); err != nil {
			s.refusedKey(r, err)
			reply(w, err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
	defer cancel()
	h := Health{Status: "ok", Version: s.opts.Version, Policies: s.lockedPolicies()}
	if err := s.opts.Engine.Ping(ctx); err != nil {
		h.Docker = problem.As(slow(err)).Detail
	}
	send(w, h)
}

func (s *Server) containers(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	list, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		reply(w, slow(err))
		return
	}
	s.inspectEach(ctx, list)
	send(w, catalog.State{Containers: list, Failures: s.presentFailures(), At: time.Now().UTC()})
}

const (
	inspectsAtOnce = 8               // containers that are looked at beside each other: each costs the engine a millisecond
	inspectLimit   = 1 * time.Second // for all of them: one that Docker is busy with keeps no answer about the others
)

// inspectEach adds to a list of containers what only a look at each one tells: since when it runs, how often it was
// started again, why it ended. Its state and health are newer, too: Docker tells of an end before it lists it, and no event
// comes when it does. One that is gone meanwhile stays as it was listed.
func (s *Server) inspectEach(ctx context.Context, list []compose.Container) {
	ctx, cancel := context.WithTimeout(ctx, inspectLimit)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(inspectsAtOnce)
	for i := range list {
		g.Go(func() error {
			if full, err := s.opts.Engine.Inspect(ctx, list[i].ID); err == nil {
				c := &list[i]
				c.State, c.Health = full.State, full.Health
				c.StartedAt, c.Restarts, c.OOMKilled, c.Error, c.ExitCode = full.StartedAt, full.Restarts, full.OOMKilled, full.Error, full.ExitCode
			}
			return nil
		})
	}
	_ = g.Wait() // none fails
}

// presentFailures leaves out what was undone since: an install that failed leaves no folder.
func (s *Server) presentFailures() map[string]string {
	fails := s.fails.all()
	if len(fails) == 0 {
		return nil
	}
	w, err := s.folders()
	if err != nil {
		return fails
	}
	defer w.close()
	maps.DeleteFunc(fails, func(id, _ string) bool { return !slices.Contains(w.ids, id) })
	return fails
}

// hostLimit bounds what Docker and drivers are asked for facts: what they do not answer soon stays empty, and the rest is
// told.
const hostLimit = 2 * time.Second

// host tells of the machine; without=docker leaves out what Docker is asked for but its version, which may be a minute
// old, so that it can be asked often.
func (s *Server) host(w http.ResponseWriter, r *http.Request) {
	facts := catalog.HostFacts{
		Version: s.opts.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		GPUBackend: s.opts.Settings.GPUBackend, Project: s.opts.Settings.Names.Project, Disk: DiskOf(s.opts.Settings.DataDir),
	}
	facts.MemoryKB, facts.MemoryAvailableKB = memoryKB()
	facts.MemoryKB = cmp.Or(facts.MemoryKB, ownersMemoryKB(s.opts.Settings))
	facts.CPUBusy, facts.CPUTime = cpuTicks()
	facts.Hostname, _ = os.Hostname() // empty when the kernel has none
	ctx, cancel := context.WithTimeout(r.Context(), hostLimit)
	defer cancel()
	if r.URL.Query().Get("without") == "docker" {
		facts.Engine = s.engine.version(ctx, s.opts.Engine)
		facts.GPUs = s.gpus.Read(ctx)
		send(w, facts)
		return
	}
	var g sync.WaitGroup // each is empty when Docker does not answer
	g.Go(func() { facts.Engine, _ = s.opts.Engine.Version(ctx) })
	g.Go(func() { facts.Compose, _ = s.runner.Version(ctx) })
	g.Go(func() { facts.Published, _ = s.opts.Engine.Published(ctx) })
	g.Go(func() { facts.GPUs = s.gpus.Read(ctx) })
	g.Go(func() {
		if facts.Setup, _ = s.opts.Engine.Info(ctx); facts.Setup.Root != "" {
			facts.DockerDisk = DiskOf(facts.Setup.Root)
		}
	})
	var err error
	if facts.Leftovers, err = Leftovers(s.opts.Settings); err != nil {
		s.log.Warn().Err(err).Msg("what nobody needs any more cannot be listed")
	}
	g.Wait()
	send(w, facts)
}

// DiskOf is the file system of dir; without sizes when it cannot be asked.
func DiskOf(dir string) catalog.Disk {
	d := catalog.Disk{Path: dir}
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) == nil {
		d.Total, d.Free = st.Blocks*uint64(st.Bsize), st.Bavail*uint64(st.Bsize) //nolint:gosec // block sizes are positive
		d.Inodes, d.InodesFree = st.Files, st.Ffree
	}
	return d
}

// engineKept is how long the engine's version is as good as new: it asks its parts, which are programs that it runs.
const engineKept = time.Minute

// knownEngine is what the engine is, for those who ask often. The zero value knows nothing.
type knownEngine struct {
	asking sync.Mutex
	until  time.Time
	known  atomic.Pointer[compose.EngineVersion]
}

// version is what it is, and empty while it does not answer. Whoever comes while somebody else asks gets what was known.
func (k *knownEngine) version(ctx context.Context, engine Engine) compose.EngineVersion {
	if k.asking.TryLock() {
		if time.Now().After(k.until) {
			v, err := engine.Version(ctx)
			if err == nil {
				k.until = time.Now().Add(engineKept)
			} else {
				v = compose.EngineVersion{}
			}
			k.known.Store(&v)
		}
		k.asking.Unlock()
	}
	if v := k.known.Load(); v != nil {
		return *v
	}
	return compose.EngineVersion{}
}

// ownersMemoryKB is the memory that the owner says the machine has, in HOST_RAM_GB; 0 where there is no such word.
func ownersMemoryKB(s config.Settings) int64 {
	gb, err := strconv.ParseInt(s.Env["HOST_RAM_GB"], 10, 32)
	if err != nil || gb < 0 {
		return 0
	}
	return gb << 20
}
