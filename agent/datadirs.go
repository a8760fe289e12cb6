package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver/internal/problem"
)

// makeDataDirs creates the folders below the data directory that do not exist yet: those that the manifest lists, as
// it says, and those that are bind-mounted, with the owner that the container needs: what user: says, else what the
// image says, else the install's owner. Left
// alone, Docker would make them as root. Nothing that exists is touched, and no link is followed: a container
// can put one into its own data, and Docker would mount whatever it points to. Only data/<name> itself, which no
// container can write, may be the operator's link to another disk.
func (s *Server) makeDataDirs(ctx context.Context, p *prepared) error {
	settings := p.world.settings
	if err := os.MkdirAll(settings.DataDir, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, d := range p.own.dirs {
		owner := dirOwner{uid: settings.UID, gid: settings.GID, mode: cmp.Or(d.Mode, dirMode)}
		if d.UID >= 0 {
			owner.uid, owner.gid = d.UID, d.UID
		}
		if d.GID >= 0 {
			owner.gid = d.GID
		}
		if err := makeDirs(settings.DataDir, filepath.Join(p.id, d.Path), owner); err != nil {
			return dataError(p.id, filepath.Join(settings.DataDir, p.id, d.Path), err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.project.Services)) {
		svc := p.project.Services[name]
		for _, v := range svc.Volumes {
			rel, err := filepath.Rel(settings.DataDir, v.Source)
			if v.Type != types.VolumeTypeBind || err != nil || rel == "." || strings.HasPrefix(rel, "..") {
				continue
			}
			uid, gid := s.dataOwner(ctx, svc, settings.UID, settings.GID)
			if err := makeDirs(settings.DataDir, rel, dirOwner{uid, gid, dirMode}); err != nil {
				return dataError(p.id, v.Source, err)
			}
		}
	}
	return nil
}

var errLink = errors.New("is a symlink")

func dataError(id, folder string, err error) error {
	switch {
	case errors.Is(err, errLink):
		return problem.Newf(problem.InvalidExtension, "extension %q: data folder %s: %w: replace it by the folder itself", id, folder, err)
	case errors.Is(err, syscall.ENOSPC):
		return problem.Newf(problem.DiskFull, "extension %q: data folder %s: the disk is full: free some space and try again (%w)", id, folder, err)
	}
	return problem.Newf(problem.DataReadOnly, "extension %q: data folder %s cannot be made: %w", id, folder, err)
}

// dirMode is what a folder has that nobody says more about.
const dirMode fs.FileMode = 0o755

// dirOwner is what a new folder becomes; a negative uid leaves it with this process's.
type dirOwner struct {
	uid, gid int
	mode     fs.FileMode // of the last folder of a path
}

// makeDirs creates dir below data, and its missing parents, and gives each new one to the owner.
func makeDirs(data, dir string, owner dirOwner) error {
	parent := owner
	parent.mode = dirMode
	top, rest, nested := strings.Cut(filepath.ToSlash(dir), "/")
	root, err := os.OpenRoot(data)
	if err != nil {
		return err
	}
	defer root.Close()
	if !nested {
		parent = owner
	}
	if err := makeDir(root, top, parent); err != nil && !errors.Is(err, errLink) {
		return err
	}
	if !nested {
		return nil
	}
	below, err := os.OpenRoot(filepath.Join(data, top))
	if err != nil {
		return err
	}
	defer below.Close()
	var at string
	for elem := range strings.SplitSeq(rest, "/") {
		if at = path.Join(at, elem); at == rest {
			parent = owner
		}
		if err := makeDir(below, at, parent); err != nil {
			if at == rest {
				return err // who asked for it names it
			}
			return fmt.Errorf("%s: %w", filepath.Join(data, top, at), err)
		}
	}
	return nil
}

func makeDir(root *os.Root, name string, owner dirOwner) error {
	err := root.Mkdir(name, owner.mode)
	switch {
	case errors.Is(err, fs.ErrExist):
		if info, err := root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return errLink
		}
		return nil
	case err != nil:
		return err
	case os.Geteuid() == 0 && owner.uid >= 0:
		err = root.Lchown(name, owner.uid, owner.gid)
	}
	return errors.Join(err, root.Chmod(name, owner.mode)) // whatever the umask is
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
