package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

const (
	// minRoom is what must be free on Docker's disk before anything is fetched, in bytes.
	minRoom = 512 << 20
	// platformLimit bounds the question for which platforms an image is. Who gets no answer learns it from the pull.
	platformLimit = 10 * time.Second
	asksAtOnce    = 4
)

// pull fetches the images of services. What would make it fail late, or fill the disk, is told before: as the cause,
// and not as what Docker says when it is too late.
func (s *Server) pull(ctx context.Context, p *prepared, file string, services []string, on func(compose.Event)) error {
	images := make([]string, 0, len(services))
	for _, name := range services {
		images = append(images, p.project.Services[name].Image)
	}
	info, err := s.opts.Engine.Info(ctx)
	if err != nil {
		return err
	}
	room := func() (catalog.Disk, bool) {
		d := s.opts.Disk(info.Root)
		return d, d.Total > 0 // else it is not on this machine
	}
	if disk, known := room(); known && disk.Free < minRoom {
		return problem.Newf(problem.DiskFull, "extension %q needs images that are not here, and Docker's disk (%s) has %s free of %s: make room, for example with `docker image prune`, and try again",
			p.id, info.Root, megabytes(disk.Free), megabytes(disk.Total))
	}
	if err := s.checkPlatforms(ctx, p, services, info); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	guard := &roomGuard{room: room, full: func(need, free uint64) {
		cancel(problem.Newf(problem.DiskFull, "extension %q: the images %s need %s more on Docker's disk (%s), and %s are free: the pull was ended; make room and try again",
			p.id, strings.Join(images, ", "), megabytes(need), info.Root, megabytes(free)))
	}}
	err = s.runner.Pull(ctx, file, services, func(e compose.Event) {
		if on != nil {
			on(e)
		}
		guard.take(e)
	})
	if full, ok := errors.AsType[*problem.Error](context.Cause(ctx)); ok && err != nil {
		return full
	}
	if err != nil {
		return wrapFailure(p, "its image cannot be had", failed(problem.StartFailed, p.id, err))
	}
	return nil
}

// roomGuard ends a pull that would fill the disk: registries tell how large a layer is when it begins to come.
type roomGuard struct {
	room func() (catalog.Disk, bool)
	full func(need, free uint64)

	mu   sync.Mutex
	pull operation.Pull
	last int64 // the total that was looked at
}

// take looks again when more layers are known.
func (g *roomGuard) take(e compose.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.pull.Add(e) {
		return
	}
	done, total, _ := g.pull.Sum()
	if total == g.last {
		return
	}
	g.last = total
	need := uint64(max(0, total-done))
	if disk, known := g.room(); known && disk.Free < need {
		g.full(need, disk.Free)
	}
}

// checkPlatforms refuses images that do not run on this machine. An image whose registry does not answer, or wants a
// password, is left to the pull.
func (s *Server) checkPlatforms(ctx context.Context, p *prepared, services []string, host compose.EngineInfo) error {
	refusals := make([]error, len(services))
	ctx, cancel := context.WithTimeout(ctx, platformLimit)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(asksAtOnce)
	for i, name := range services {
		svc := p.project.Services[name]
		if svc.Platform != "" {
			continue // somebody has thought of it
		}
		g.Go(func() error {
			platforms, err := s.opts.Engine.ImagePlatforms(ctx, svc.Image)
			if err == nil {
				refusals[i] = wrongPlatform(p.id, svc.Image, platforms, host)
			}
			return nil
		})
	}
	_ = g.Wait() // none fails
	return cmp.Or(refusals...)
}

// wrongPlatform says that an image is not made for the machine; nil when it is, or when nobody can tell.
func wrongPlatform(id, image string, platforms []compose.Platform, host compose.EngineInfo) error {
	if len(platforms) == 0 || host.Arch == "" || slices.ContainsFunc(platforms, func(p compose.Platform) bool {
		return p.Arch == "" || p.OS == host.OS && p.Arch == host.Arch
	}) {
		return nil
	}
	names := make([]string, len(platforms))
	for i, p := range platforms {
		names[i] = p.OS + "/" + p.Arch
	}
	slices.Sort(names)
	return problem.Newf(problem.WrongPlatform, "extension %q: image %s is made for %s, and this machine is %s/%s: use a tag or an image that is made for it",
		id, image, strings.Join(slices.Compact(names), ", "), host.OS, host.Arch)
}

func megabytes(n uint64) string { return fmt.Sprintf("%d MB", n>>20) }
