package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// world is the installation as one operation sees it: settings read now, folders opened now, the stack resolved
// now. It is closed when the operation ends.
type world struct {
	settings config.Settings
	install  *os.Root
	services *os.Root
	user     *os.Root // nil when nothing was ever installed
	host     compose.Host
	stack    *compose.Stack
	ids      []string // of every folder, enabled or not
	core     []string
}

// world reads the settings and resolves the stack. It costs a few milliseconds; nothing is kept between operations
// but parsed manifests, by content.
func (s *Server) world() (*world, error) {
	settings, err := s.opts.Reload()
	if err != nil {
		return nil, problem.Newf(problem.InvalidArgument, "settings: %w", err)
	}
	w := &world{settings: settings, host: compose.Host{
		Backend: settings.GPUBackend, Tier: settings.Tier, Mode: settings.Mode, GPUCount: settings.GPUCount,
	}}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	tree := compose.Tree{
		Install:  compose.Root{FS: w.install.FS()},
		Services: compose.Root{FS: w.services.FS(), Prefix: w.relative(settings.ServicesDir)},
		Manifest: s.parsed.Read,
	}
	if w.user != nil {
		tree.User = compose.Root{FS: w.user.FS(), Prefix: w.relative(settings.UserExtensionsDir)}
	}
	if w.stack, err = compose.Resolve(tree, w.host); err != nil {
		w.close()
		return nil, err
	}
	s.listIDs(w)
	return w, nil
}

func (w *world) open() (err error) {
	if w.install, err = os.OpenRoot(w.settings.InstallDir); err != nil {
		return problem.Newf(problem.Unavailable, "the install directory cannot be read: %w", err)
	}
	if w.services, err = os.OpenRoot(w.settings.ServicesDir); err != nil {
		return problem.Newf(problem.Unavailable, "the built-in extensions cannot be read: run `dream init` (%w)", err)
	}
	if w.user, err = os.OpenRoot(w.settings.UserExtensionsDir); err != nil {
		w.user = nil
		if !errors.Is(err, fs.ErrNotExist) {
			return problem.Newf(problem.Unavailable, "the user extensions cannot be read: %w", err)
		}
	}
	return nil
}

func (w *world) close() {
	for _, r := range []*os.Root{w.install, w.services, w.user} {
		if r != nil {
			r.Close()
		}
	}
}

// relative is a folder as compose sees it: relative to the install directory where it lies below it.
func (w *world) relative(dir string) string {
	rel, err := filepath.Rel(w.settings.InstallDir, dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return dir
	}
	return rel
}

// listIDs names every extension folder, whatever state it is in: service names belong to the longest of them.
func (s *Server) listIDs(w *world) {
	for _, root := range []*os.Root{w.services, w.user} {
		if root == nil {
			continue
		}
		entries, err := fs.ReadDir(root.FS(), ".")
		if err != nil {
			continue // Resolve has said so
		}
		for _, e := range entries {
			if !manifest.ValidID(e.Name()) || !e.IsDir() {
				continue
			}
			w.ids = append(w.ids, e.Name())
			if root != w.services {
				continue
			}
			if m, err := s.parsed.Read(root.FS(), e.Name()); err == nil && m.Service.Category == manifest.Core {
				w.core = append(w.core, m.Service.ID)
			}
		}
	}
}

func (w *world) isCore(id string) bool { return slices.Contains(w.core, id) }

func (w *world) refuseCore(id string) error {
	if w.isCore(id) {
		return problem.Newf(problem.CoreService, "%q is a core service: it is always on and cannot be changed", id)
	}
	return nil
}

// skipReason says why the extension takes no part in the stack.
func (w *world) skipReason(id string) string {
	for _, s := range w.stack.Skipped {
		if s.ID == id {
			return s.Reason
		}
	}
	return ""
}

func (s *Server) stackInfo(context.Context) (StackInfo, error) {
	w, err := s.world()
	if err != nil {
		return StackInfo{}, err
	}
	defer w.close()
	return StackInfo{Files: w.stack.Files(), Skipped: w.stack.Skipped}, nil
}
