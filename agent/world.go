package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
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
	builtin  []string // those of them that ship with the platform
	core     []string
	coreVars map[string]bool  // variables that the core services' manifests declare
	secrets  security.Secrets // of every extension; only where the stack is resolved, which reads the manifests
	reserved []string         // ids that are kept for built-in extensions, here or not
}

// world reads the settings and resolves the stack. It costs a few milliseconds; nothing is kept between operations
// but parsed manifests, by content.
func (s *Server) world() (*world, error) {
	settings, err := s.opts.Reload()
	if err != nil {
		return nil, unusable(err)
	}
	w, err := s.openWorld(settings)
	if err != nil {
		return nil, err
	}
	maps.Copy(w.coreVars, compose.BaseVariables(w.install.FS()))
	s.declareLibrary(w)
	tree := compose.Tree{
		Install:  compose.Root{FS: w.install.FS()},
		Services: compose.Root{FS: w.services.FS(), Prefix: w.relative(settings.ServicesDir)},
		Reserved: w.reserved,
		Manifest: func(fsys fs.FS, dir string) (*manifest.Manifest, error) { // built-in extensions come first
			m, err := s.parsed.Read(fsys, dir)
			if err == nil && manifest.ValidID(dir) {
				w.secrets.Declare(dir, m.Service.EnvVars)
			}
			return m, err
		},
	}
	if w.user != nil {
		tree.User = compose.Root{FS: catalog.FS(w.user), Prefix: w.relative(settings.UserExtensionsDir)}
	}
	if w.stack, err = compose.Resolve(tree, w.host); err != nil {
		w.close()
		return nil, problem.Newf(problem.Unavailable, "the installation cannot be used: %w", err)
	}
	return w, nil
}

// unusable is the refusal of what needs the settings while they are broken. Whoever asked can do nothing about it.
func unusable(err error) error {
	return problem.Newf(problem.Unavailable, "the settings cannot be used: %w", err)
}

// folders is the world without the stack: enough to turn things off, whatever is broken.
func (s *Server) folders() (*world, error) {
	settings, err := s.opts.Reload()
	if err != nil {
		s.log.Warn().Err(err).Msg("settings cannot be read: the ones of the start are used")
		settings = s.opts.Settings
	}
	return s.openWorld(settings)
}

func (s *Server) openWorld(settings config.Settings) (*world, error) {
	w := &world{settings: settings, host: compose.HostOf(settings), secrets: security.Secrets{}, coreVars: map[string]bool{}}
	if err := w.open(); err != nil {
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
	data, err := w.install.ReadFile("config/core-service-ids.json")
	if err == nil {
		w.reserved, err = config.ReadCoreIDs(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn().Err(err).Msg("reserved ids cannot be read")
	}
	for _, root := range []*os.Root{w.services, w.user} {
		if root == nil {
			continue
		}
		entries, err := fs.ReadDir(root.FS(), ".")
		if err != nil {
			continue // Resolve says so
		}
		for _, e := range entries {
			if !manifest.ValidID(e.Name()) || !e.IsDir() {
				continue
			}
			w.ids = append(w.ids, e.Name())
			if root != w.services {
				continue
			}
			w.builtin = append(w.builtin, e.Name())
			m, err := s.parsed.Read(root.FS(), e.Name())
			if err != nil {
				continue
			}
			w.secrets.Declare(e.Name(), m.Service.EnvVars)
			if m.Service.Category == manifest.Core {
				w.core = append(w.core, m.Service.ID)
				for _, v := range m.Service.Variables() {
					w.coreVars[v.Key] = true
				}
			}
		}
	}
}

// declareLibrary notes the secrets of the library's extensions, installed or not, behind those of what ships: what was
// uninstalled has its values in .env still, and an installed copy could claim anything.
func (s *Server) declareLibrary(w *world) {
	root, err := os.OpenRoot(w.settings.LibraryDir)
	if err != nil {
		return // there is none
	}
	defer root.Close()
	w.secrets.DeclareFolder(catalog.FS(root), "", s.parsed.Read)
}

// impostor says why an installed extension may not be what its manifest claims; empty when it may.
func (w *world) impostor(m *manifest.Manifest) string {
	if reason := compose.Impostor(m, w.reserved); reason != "" {
		return reason
	}
	if _, err := w.services.Lstat(m.Service.ID); err == nil {
		return fmt.Sprintf("the id %q belongs to a built-in extension", m.Service.ID)
	}
	return ""
}

// rivals are the ids to which a service of the extension may belong instead. A built-in extension gives no way to what
// somebody installed.
func (w *world) rivals(id string) []string {
	if slices.Contains(w.builtin, id) {
		return w.builtin
	}
	return w.ids
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
