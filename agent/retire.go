package agent

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// retire ends what an earlier version of the extension left running and could turn against this one: containers of
// services that it no longer has are removed; containers that can write a folder above one which is mounted now are
// stopped, before anybody looks whether that folder is a link. docker compose makes the latter anew anyway.
func (s *Server) retire(ctx context.Context, p *prepared, before []compose.Container) error {
	var gone, writers []string
	for _, c := range before {
		_, known := p.project.Services[c.Service]
		switch {
		case !known && compose.OwnsService(p.id, c.Service, p.world.rivals(p.id)) && !p.world.isCore(c.Service):
			gone = append(gone, c.Service)
		case known && c.State != "exited" && p.mountsBelow(c.Writes):
			writers = append(writers, c.Service)
		}
	}
	slices.Sort(gone)
	slices.Sort(writers)
	if gone = slices.Compact(gone); len(gone) > 0 {
		if err := s.runner.Remove(ctx, gone, nil); err != nil {
			return failed(problem.StartFailed, p.id, err)
		}
	}
	if writers = slices.Compact(writers); len(writers) > 0 {
		if err := s.runner.Stop(ctx, writers, nil); err != nil {
			return failed(problem.StartFailed, p.id, err)
		}
	}
	return nil
}

// mountsBelow reports whether the project mounts something that lies below one of the folders.
func (p *prepared) mountsBelow(folders []string) bool {
	for _, service := range p.project.Services {
		for _, v := range service.Volumes {
			below := func(folder string) bool {
				return strings.HasPrefix(v.Source, filepath.Clean(folder)+string(filepath.Separator))
			}
			if v.Type == types.VolumeTypeBind && slices.ContainsFunc(folders, below) {
				return true
			}
		}
	}
	return false
}
