package agent

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// loading collects the units that one operation needs.
type loading struct {
	server *Server
	world  *world
	want   wanted
	units  []*compose.Unit

	portEnv string // of the extension that the operation is about
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
	fsys := catalog.FS(root)
	m, err := l.server.parsed.Read(fsys, id)
	if err == nil {
		err = manifest.CheckFolder(m, id)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	if reason := l.world.impostor(m); reason != "" && source == compose.User {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, reason)
	}
	u, skip := compose.Candidate(compose.Root{FS: fsys, Prefix: root.Name()}, source, id, m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	return l.load(ctx, u, fsys, filepath.Join(root.Name(), id))
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
		return nil, problem.About(u.ID, err)
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
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", u.ID, err)
	}
	if err := m.CheckCompatible(l.server.opts.Version); err != nil { // names the extension itself
		return nil, problem.Newf(problem.Incompatible, "%w", err)
	}
	if reason := l.world.impostor(m); reason != "" { // the copy need not be what was resolved
		return nil, problem.Newf(problem.Quarantined, "extension %q takes no part: %s", u.ID, reason)
	}
	fromCopy, skip := compose.Candidate(compose.Root{FS: copied.FS(), Prefix: path.Join(l.world.relative(l.world.settings.UserExtensionsDir), u.Dir)},
		u.Source, ".", m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", u.ID, skip.Reason)
	}
	return l.load(ctx, fromCopy, copied.FS(), tree)
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
		in.Declared = declared(u.Manifest)
	}
	var err error
	if in.Files, err = u.Read(fsys); err != nil {
		return nil, err
	}
	if in.Folder, err = fs.Sub(fsys, u.Dir); err != nil {
		return nil, fmt.Errorf("extension %q: %w", u.ID, err)
	}
	place := compose.Place{Names: w.settings.Names, InstallDir: w.settings.InstallDir, DataDir: w.settings.DataDir, OwnDir: own}
	unit, err := l.server.units.load(ctx, in, place, l.scan(u.Manifest, place))
	if err != nil {
		return nil, err
	}
	for _, name := range unit.ServiceNames() {
		if i := slices.IndexFunc(w.ids, func(other string) bool { return other != u.ID && compose.OwnsService(other, name, w.ids) }); i >= 0 {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q: service %q belongs to extension %q: give it another name", u.ID, name, w.ids[i])
		}
	}
	if len(l.units) == 0 {
		l.portEnv = u.Manifest.Service.ExternalPortEnv
	}
	l.units = append(l.units, unit)
	return unit, nil
}
