package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/problem"
)

// makeDataDirs creates the folders below the data directory that are bind-mounted and do not exist yet, with the
// owner that the container needs: what user: says, else what the image says, else the install's owner. Left
// alone, Docker would make them as root. Nothing that exists is touched, and no link is followed out of the
// data directory.
func (s *Server) makeDataDirs(ctx context.Context, p *prepared) error {
	settings := p.world.settings
	if err := os.MkdirAll(settings.DataDir, 0o755); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	root, err := os.OpenRoot(settings.DataDir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	defer root.Close()
	for _, svc := range p.project.Services {
		for _, v := range svc.Volumes {
			rel, err := filepath.Rel(settings.DataDir, v.Source)
			if v.Type != types.VolumeTypeBind || err != nil || rel == "." || strings.HasPrefix(rel, "..") {
				continue
			}
			uid, gid := s.dataOwner(ctx, svc, settings.UID, settings.GID)
			if err := makeDirs(root, rel, uid, gid); err != nil {
				return problem.Newf(problem.DataReadOnly, "extension %q: data folder %s cannot be made: %w", p.id, v.Source, err)
			}
		}
	}
	return nil
}

// makeDirs creates dir and its missing parents and gives each new one to uid and gid.
func makeDirs(root *os.Root, dir string, uid, gid int) error {
	var at string
	for elem := range strings.SplitSeq(filepath.ToSlash(dir), "/") {
		at = path.Join(at, elem)
		err := root.Mkdir(at, 0o755)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return err
		case os.Geteuid() == 0 && uid >= 0:
			if err := root.Lchown(at, uid, gid); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) dataOwner(ctx context.Context, svc types.ServiceConfig, uid, gid int) (int, int) {
	user := svc.User
	if user == "" {
		user, _ = s.opts.Engine.ImageUser(ctx, svc.Image) // an image without an answer has no user
	}
	u, g, hasGroup := strings.Cut(user, ":")
	n, err := strconv.Atoi(u)
	if err != nil {
		return uid, gid
	}
	if m, err := strconv.Atoi(g); hasGroup && err == nil {
		return n, m
	}
	return n, n
}
