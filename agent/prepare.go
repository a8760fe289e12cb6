package agent

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
	"dreamserver/manifest"
)

// wanted says what prepare is for.
type wanted struct {
	run     bool // from the agent's own copy, enabled extensions only; else judged where it lies
	library bool // the library's folder instead of the installed one
}

var toRun = wanted{run: true}

func judge(library bool) wanted { return wanted{library: library} }

// prepared is an accepted operation: what would run, and as which file.
type prepared struct {
	id       string
	world    *world // closed; its values may still be read
	project  *types.Project
	services []string // the extension's own, sorted
	file     []byte
	notes    []string
}

// prepare goes from files to an accepted project: resolve, copy, load, scan, join, close over dependencies, and
// encode (DESIGN §4). It changes nothing but the copies below the state directory.
func (s *Server) prepare(ctx context.Context, id string, want wanted) (*prepared, error) {
	w, err := s.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	l := loading{server: s, world: w, want: want}
	base, err := l.base(ctx)
	if err != nil {
		return nil, err
	}
	p := &prepared{id: id, world: w}
	if w.isCore(id) {
		if _, ok := base.Project.Services[id]; !ok {
			return nil, problem.Newf(problem.NotFound, "core service %q is not in the base files", id)
		}
		p.services = []string{id}
	} else {
		own, err := l.wanted(ctx, id)
		if err != nil {
			return nil, err
		}
		if p.services = own.ServiceNames(); len(p.services) == 0 {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q defines no service for GPU_BACKEND %s: nothing could run", id, w.host.Backend)
		}
		p.notes = own.Notes
	}
	if err := l.dependencies(ctx, base); err != nil {
		return nil, err
	}
	project, dropped := compose.Join(base, l.units)
	for _, d := range dropped {
		if d.ID == id {
			return nil, d.Err
		}
	}
	if project, err = l.override(ctx, project, p); err != nil {
		return nil, err
	}
	p.project = compose.Closure(project, p.services)
	p.project.Name = w.settings.Names.Project
	if p.file, err = compose.Encode(p.project); err != nil {
		return nil, err
	}
	return p, nil
}

// loading collects the units that one operation needs.
type loading struct {
	server *Server
	world  *world
	want   wanted
	units  []*compose.Unit
}

// base loads the platform's own files, and over them what core services' folders add to their own service.
func (l *loading) base(ctx context.Context) (*compose.Unit, error) {
	w := l.world
	in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: allEnv(w.settings)}
	for _, name := range w.stack.Base {
		data, err := w.install.ReadFile(name)
		if err != nil {
			return nil, problem.Newf(problem.Unavailable, "base file %s cannot be read: run `dream init` (%w)", name, err)
		}
		in.Files = append(in.Files, compose.File{Name: name, Content: data})
	}
	for _, u := range w.stack.Units {
		if !u.Core() {
			continue
		}
		for i, name := range u.Files {
			data, err := w.services.ReadFile(path.Join(u.Dir, name))
			if err != nil {
				return nil, problem.Newf(problem.Unavailable, "%s cannot be read: %w", u.Paths[i], err)
			}
			if err := onlyService(data, u.ID); err != nil {
				return nil, problem.Newf(problem.InvalidExtension, "%s: %w", u.Paths[i], err)
			}
			in.Files = append(in.Files, compose.File{Name: u.Paths[i], Content: data})
		}
	}
	return l.server.units.load(ctx, in, compose.Place{
		Names: w.settings.Names, InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir,
	}, nil)
}

// onlyService refuses a core service's overlay that touches another service.
func onlyService(data []byte, id string) error {
	root, err := yamldoc.Parse(data)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "services" {
			return fmt.Errorf("line %d: only services.%s may be changed here", root.Content[i].Line, id)
		}
		services := root.Content[i+1]
		for j := 0; services.Kind == yaml.MappingNode && j+1 < len(services.Content); j += 2 {
			if services.Content[j].Value != id {
				return fmt.Errorf("line %d: only services.%s may be changed here", services.Content[j].Line, id)
			}
		}
	}
	return nil
}

// wanted loads the extension that the operation is about.
func (l *loading) wanted(ctx context.Context, id string) (*compose.Unit, error) {
	if l.want.run {
		u, ok := l.world.stack.Unit(id)
		if !ok {
			return nil, l.world.notInStack(id)
		}
		return l.unit(ctx, u)
	}
	root, closeRoot, source, err := l.folder(id)
	if err != nil {
		return nil, err
	}
	defer closeRoot()
	m, err := l.server.parsed.Read(root.FS(), id)
	if err == nil {
		err = manifest.CheckFolder(m, id)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	u, skip := compose.Candidate(compose.Root{FS: root.FS(), Prefix: root.Name()}, source, id, m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	return l.load(ctx, u, root.FS(), filepath.Join(root.Name(), id))
}

// folder is where the extension to judge lies.
func (l *loading) folder(id string) (*os.Root, func(), compose.Source, error) {
	if l.want.library {
		root, err := os.OpenRoot(l.world.settings.LibraryDir)
		if err != nil {
			return nil, nil, "", problem.Newf(problem.LibraryUnavailable, "the extensions library cannot be read: %w", err)
		}
		return root, func() { root.Close() }, compose.User, nil
	}
	if info, err := l.world.services.Lstat(id); err == nil && info.IsDir() {
		return l.world.services, func() {}, compose.Builtin, nil
	}
	if l.world.user == nil {
		return nil, nil, "", notInstalled(id)
	}
	if info, err := l.world.user.Lstat(id); err != nil || !info.IsDir() {
		return nil, nil, "", notInstalled(id)
	}
	return l.world.user, func() {}, compose.User, nil
}

func notInstalled(id string) error {
	return problem.Newf(problem.NotFound, "extension %q is not installed", id)
}

func (w *world) notInStack(id string) error {
	reason := w.skipReason(id)
	switch {
	case reason == "" && !slices.Contains(w.ids, id):
		return notInstalled(id)
	case reason == "disabled":
		return problem.Newf(problem.NotEnabled, "extension %q is disabled: enable it first", id)
	case reason == "":
		return problem.Newf(problem.InvalidExtension, "extension %q has no compose file: nothing could run", id)
	}
	return problem.Newf(problem.Quarantined, "extension %q takes no part: %s", id, reason)
}

// unit loads an enabled extension: a built-in one from its folder, an installed one from the agent's copy.
func (l *loading) unit(ctx context.Context, u *compose.StackUnit) (*compose.Unit, error) {
	if u.Source == compose.Builtin {
		own, err := l.world.services.OpenRoot(u.Dir)
		if err != nil {
			return nil, fmt.Errorf("extension %q: %w", u.ID, err)
		}
		defer own.Close()
		return l.load(ctx, u, l.world.services.FS(), filepath.Join(l.world.settings.ServicesDir, u.Dir))
	}
	tree, err := l.server.copyTree(l.world.user, u.Dir)
	if err != nil {
		return nil, wrapID(u.ID, err)
	}
	copied, err := os.OpenRoot(tree)
	if err != nil {
		return nil, fmt.Errorf("extension %q: %w", u.ID, err)
	}
	defer copied.Close()
	m, err := manifest.Read(copied.FS(), ".")
	if err == nil {
		err = manifest.CheckFolder(m, u.ID)
	}
	if err == nil {
		err = m.CheckCompatible(l.server.opts.Version)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", u.ID, err)
	}
	fromCopy, skip := compose.Candidate(compose.Root{FS: copied.FS(), Prefix: path.Join(l.world.relative(l.world.settings.UserExtensionsDir), u.Dir)},
		u.Source, ".", m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", u.ID, skip.Reason)
	}
	return l.load(ctx, fromCopy, copied.FS(), tree)
}

func wrapID(id string, err error) error {
	e := problem.As(err)
	if e.Code == problem.Internal {
		return fmt.Errorf("extension %q: %w", id, err)
	}
	return &problem.Error{Code: e.Code, Detail: fmt.Sprintf("extension %q: %s", id, e.Detail), Items: e.Items, Err: e.Err}
}

// load reads the unit's files from fsys, makes the model and judges it. own is the folder that its relative
// paths mean.
func (l *loading) load(ctx context.Context, u *compose.StackUnit, fsys fs.FS, own string) (*compose.Unit, error) {
	w := l.world
	in := compose.Input{ID: u.ID, Source: u.Source}
	if u.Source == compose.Builtin {
		in.Env = allEnv(w.settings)
	} else {
		in.Env = declaredEnv(w.settings, u.Manifest)
		in.Declared = u.Manifest.Service.Declares
	}
	for i, name := range u.Files {
		data, err := fs.ReadFile(fsys, path.Join(u.Dir, name))
		if err != nil {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s cannot be read: %w", u.ID, u.Paths[i], err)
		}
		in.Files = append(in.Files, compose.File{Name: u.Paths[i], Content: data})
	}
	folder, err := fs.Sub(fsys, u.Dir)
	if err != nil {
		return nil, fmt.Errorf("extension %q: %w", u.ID, err)
	}
	in.Folder = folder
	place := compose.Place{Names: w.settings.Names, InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir, OwnDir: own}
	unit, err := l.server.units.load(ctx, in, place, l.scan(u.Manifest, place))
	if err != nil {
		return nil, err
	}
	l.units = append(l.units, unit)
	return unit, nil
}

// dependencies loads the extensions whose services the loaded ones depend on, and theirs.
func (l *loading) dependencies(ctx context.Context, base *compose.Unit) error {
	for i := 0; i < len(l.units); i++ { // grows while it is walked
		u := l.units[i]
		for _, name := range u.ServiceNames() {
			for dep := range u.Project.Services[name].DependsOn {
				if _, inBase := base.Project.Services[dep]; inBase || l.loaded(dep) {
					continue
				}
				owner := l.owner(dep)
				if owner == nil {
					continue // Join says which dependency is missing, and where it is asked for
				}
				if _, err := l.unit(ctx, owner); err != nil {
					return problem.Newf(problem.As(err).Code, "extension %q needs %q: %w", u.ID, owner.ID, err).With(problem.As(err).Items...)
				}
			}
		}
	}
	return nil
}

func (l *loading) loaded(service string) bool {
	return slices.ContainsFunc(l.units, func(u *compose.Unit) bool {
		_, ok := u.Project.Services[service]
		return ok
	})
}

func (l *loading) owner(service string) *compose.StackUnit {
	for i, u := range l.world.stack.Units {
		if !u.Core() && compose.OwnsService(u.ID, service, l.world.ids) {
			return &l.world.stack.Units[i]
		}
	}
	return nil
}
