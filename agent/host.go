package agent

import (
	"bufio"
	"context"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dreamserver/catalog"
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
	h := Health{Status: "ok", Version: s.opts.Version}
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
	send(w, catalog.State{Containers: list, Failures: s.presentFailures(), At: time.Now().UTC()})
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

func (s *Server) host(w http.ResponseWriter, r *http.Request) {
	facts := HostFacts{
		Version: s.opts.Version, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), MemoryKB: memoryKB(),
		GPUBackend: s.opts.Settings.GPUBackend, Project: s.opts.Settings.Names.Project, Disk: diskOf(s.opts.Settings.DataDir),
	}
	facts.Hostname, _ = os.Hostname() // empty when the kernel has none
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	facts.Engine, _ = s.opts.Engine.Version(ctx) // empty when Docker does not answer
	facts.Compose, _ = s.runner.Version(ctx)     // the same
	send(w, facts)
}

// diskOf is the file system of dir; zero when it cannot be read.
func diskOf(dir string) Disk {
	d := Disk{Path: dir}
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) == nil {
		d.Total, d.Free = st.Blocks*uint64(st.Bsize), st.Bavail*uint64(st.Bsize) //nolint:gosec // block sizes are positive
	}
	return d
}

// memoryKB is the machine's memory in KiB; 0 where /proc does not tell.
func memoryKB() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "MemTotal:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kb
		}
	}
	return 0
}
