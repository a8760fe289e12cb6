package agent

import (
	"cmp"
	"context"
	"errors"
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
	"dreamserver/security"
)

// loading collects the units that one operation needs.
type loading struct {
	server *Server
	world  *world
	want   wanted
	units  []*compose.Unit
	copies []func() // ends the use of each copy
	made   []madeSecrets

	own        ownFacts
	inputs     map[string]string // file → SHA-256, of all that was read
	digests    map[string]string // extension → digest of its files, of those that are not built in
	secretKeys map[string]bool   // variables that are secrets, set or not
	granted    *grantRecord      // what was given with the request, and is not kept yet
}

// done lets go of the copies.
func (l *loading) done() {
	for _, done := range l.copies {
		done()
	}
}

// ownFacts is what is known of the extension that the operation is about.
type ownFacts struct {
	portEnv string // the variable that changes its published port
	dirs    []manifest.DataDir
	verdict security.Verdict // of every variant, when it was judged and not loaded to run
	digest  string           // of its files, when it is not built in
}

// wanted loads the extension that the operation is about.
func (l *loading) wanted(ctx context.Context, id string) (*compose.Unit, error) {
	if l.want.plan != nil {
		return l.planned(ctx, id)
	}
	if l.want.run {
		u, ok := l.world.stack.Unit(id)
		if !ok {
			return nil, l.world.notInStack(id)
		}
		return l.unit(ctx, u, l.want.grants)
	}
	root, closeRoot, source, err := l.folder(id)
	if l.want.asks != nil && problem.HasCode(err, problem.NotFound) { // an author may ask before it is installed, as for a plan
		root, closeRoot, source, err = l.inLibrary(id)
	}
	if err != nil {
		return nil, err
	}
	defer closeRoot()
	fsys := catalog.FS(root)
	m, err := l.manifest(fsys, id)
	if err != nil {
		return nil, err
	}
	if reason := l.world.impostor(m); reason != "" && source == compose.User {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, reason)
	}
	at := compose.Root{FS: fsys, Prefix: l.world.relative(root.Name())}
	own := filepath.Join(root.Name(), id)
	u, skip := compose.Candidate(at, source, id, m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	if err := l.judge(ctx, u, at, own); err != nil {
		return nil, err
	}
	unit, err := l.load(ctx, u, at, own)
	return unit.Unit, err
}

// manifest is that of the folder of this name.
func (l *loading) manifest(fsys fs.FS, id string) (*manifest.Manifest, error) {
	m, err := l.server.parsed.Read(fsys, id)
	if err == nil {
		err = manifest.CheckFolder(m, id)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	return m, nil
}

// judge looks at every variant that could run one day, and not only at the one that would run now.
func (l *loading) judge(ctx context.Context, u *compose.StackUnit, at compose.Root, own string) error {
	var err error
	if u.Source == compose.User {
		folder, err := fs.Sub(at.FS, u.Dir)
		if err != nil {
			return fmt.Errorf("extension %q: %w", u.ID, err)
		}
		if l.own.digest, err = catalog.TreeDigest(folder); err != nil {
			return problem.About(u.ID, err)
		}
		l.digests[u.ID] = l.own.digest
	}
	if l.own.verdict, err = security.Judge(ctx, l.judged(u, at, own)); err != nil {
		return err
	}
	l.server.measures.scanned(l.own.verdict.Findings)
	return l.own.verdict.Err()
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

// unit loads an enabled extension: a built-in one from its folder, an installed one from the agent's copy. given are
// the grants that come with the request.
func (l *loading) unit(ctx context.Context, u *compose.StackUnit, given []manifest.Grant) (*compose.Unit, error) {
	w := l.world
	if u.Source == compose.Builtin {
		unit, err := l.load(ctx, u, compose.Root{FS: w.services.FS()}, filepath.Join(w.settings.ServicesDir, u.Dir))
		return unit.Unit, err
	}
	tree, err := l.tree(u)
	if err != nil {
		return nil, err
	}
	defer tree.close()
	return l.installed(ctx, u, tree, given)
}

// tree is an installed extension's folder as it is judged and run.
type tree struct {
	fsys   fs.FS
	path   string // what its relative paths mean: the agent's copy of it
	digest string
	close  func()
}

// tree copies the extension's folder, and opens the copy.
func (l *loading) tree(u *compose.StackUnit) (tree, error) {
	if l.want.plan != nil {
		folder, err := fs.Sub(catalog.FS(l.world.user), u.Dir)
		if err != nil {
			return tree{}, fmt.Errorf("extension %q: %w", u.ID, err)
		}
		return l.uncopied(u.ID, folder)
	}
	path, done, err := l.server.copyTree(l.world.user, u.Dir)
	if err != nil {
		return tree{}, problem.About(u.ID, err)
	}
	l.copies = append(l.copies, done)
	copied, err := os.OpenRoot(path)
	if err != nil {
		return tree{}, fmt.Errorf("extension %q: %w", u.ID, err)
	}
	return tree{copied.FS(), path, filepath.Base(path), func() { copied.Close() }}, nil
}

// installed loads an installed extension from its tree.
func (l *loading) installed(ctx context.Context, u *compose.StackUnit, t tree, given []manifest.Grant) (*compose.Unit, error) {
	w := l.world
	l.digests[u.ID] = t.digest
	m, err := manifest.Read(t.fsys, ".")
	if err == nil {
		err = manifest.CheckFolder(m, u.ID)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", u.ID, err)
	}
	if err := m.CheckCompatible(l.server.opts.Version); err != nil { // names the extension itself
		return nil, problem.Newf(problem.Incompatible, "%w", err)
	}
	if reason := w.impostor(m); reason != "" { // the copy need not be what was resolved
		return nil, problem.Newf(problem.Quarantined, "extension %q takes no part: %s", u.ID, reason)
	}
	at := compose.Root{FS: t.fsys, Prefix: path.Join(w.relative(w.settings.UserExtensionsDir), u.Dir)}
	fromCopy, skip := compose.Candidate(at, u.Source, ".", m, w.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", u.ID, skip.Reason)
	}
	l.inputs[u.ID+"/"] = t.digest
	unit, err := l.load(ctx, fromCopy, at, t.path)
	if err != nil {
		return nil, err
	}
	own := len(l.units) == 1 // what the operation is about comes first
	if own {
		entry := auditOf(ctx)
		entry.Digest, entry.Grants = t.digest, unit.grants
	}
	record, err := l.server.checkGrants(w, u.ID, t.digest, catalog.Actor(ctx), unit.grants, given)
	if own && l.want.plan != nil {
		l.want.plan.ungranted, err = err, nil // the rest is to be told all the same
	}
	if err != nil {
		return nil, err
	}
	if record != nil {
		l.granted = record
	}
	return unit.Unit, nil
}

// load reads the unit's files, makes the model and judges it. own is the folder that its relative paths mean.
func (l *loading) load(ctx context.Context, u *compose.StackUnit, at compose.Root, own string) (acceptedUnit, error) {
	w := l.world
	in, err := u.Input(w.settings, at.FS)
	if err != nil {
		return acceptedUnit{}, err
	}
	if err := security.Refusal(u.ID, l.judged(u, at, own).Declarations()); err != nil {
		return acceptedUnit{}, err
	}
	l.secretsOf(&u.Manifest.Service)
	if err := l.fillIn(&u.Manifest.Service, in.Files); err != nil {
		return acceptedUnit{}, err
	}
	folder := l.judged(u, at, own) // with what was filled in
	in.Env = u.Env(w.settings)
	unit, err := l.server.units.load(ctx, in, folder.Place(), &folder)
	if err != nil {
		return unit, l.missing(u, err)
	}
	l.read(u, at, in.Files)
	l.want.plan.submit(u.ID, unit)
	if unit, err = l.applyPolicies(ctx, u, unit, &folder, in); err != nil {
		return unit, err
	}
	l.want.plan.accept(unit)
	if err := l.homonym(ctx, u); err != nil {
		return unit, err
	}
	if len(l.units) == 0 {
		l.own.portEnv, l.own.dirs = u.Manifest.Service.ExternalPortEnv, u.Manifest.Service.DataDirs
	}
	l.units = append(l.units, unit.Unit)
	return unit, nil
}

// missing says what the variables are for that a fragment cannot do without.
func (l *loading) missing(u *compose.StackUnit, err error) error {
	if !problem.HasCode(err, problem.MissingConfig) {
		return err
	}
	var keys []string
	for _, item := range problem.As(err).Items {
		keys = append(keys, item.Path)
	}
	return cmp.Or(l.world.missing(&u.Manifest.Service, keys), err)
}

// judged is the unit's folder as the gate sees it.
func (l *loading) judged(u *compose.StackUnit, at compose.Root, own string) security.Folder {
	w := l.world
	return security.Folder{
		Root: at, Dir: u.Dir, OwnDir: own, Source: u.Source, Manifest: u.Manifest, Settings: w.settings,
		CoreIDs: w.core, OtherIDs: w.rivals(u.ID), Secrets: w.secrets,
	}
}

// homonym refuses an installed extension whose id is the name of another extension's service: it would take that
// container's place.
func (l *loading) homonym(ctx context.Context, u *compose.StackUnit) error {
	w := l.world
	for _, other := range w.ids {
		if u.Source == compose.Builtin || other == u.ID || !compose.OwnsService(other, u.ID, nil) {
			continue
		}
		names, err := l.serviceNames(ctx, other)
		if err != nil {
			continue // what cannot be loaded does not run
		}
		if i := slices.IndexFunc(names, func(name string) bool { return compose.OwnsService(u.ID, name, nil) }); i >= 0 {
			return problem.Newf(problem.InvalidExtension, "extension %q would take the place of service %q of extension %q: give it another id", u.ID, names[i], other)
		}
	}
	return nil
}

// serviceNames are the services that an extension's files define here, enabled or not.
func (l *loading) serviceNames(ctx context.Context, id string) ([]string, error) {
	root, source := l.world.services, compose.Builtin
	if !slices.Contains(l.world.builtin, id) {
		root, source = l.world.user, compose.User
	}
	fsys := catalog.FS(root)
	m, err := l.server.parsed.Read(fsys, id)
	if err != nil {
		return nil, err
	}
	u, skip := compose.Candidate(compose.Root{FS: fsys}, source, id, m, l.world.host)
	if skip != nil {
		return nil, errors.New(skip.Reason)
	}
	in := compose.Input{ID: id, Source: source, Env: compose.OwnerEnv(l.world.settings)}
	if in.Files, err = u.Read(fsys); err != nil {
		return nil, err
	}
	unit, err := compose.Load(ctx, in)
	if err != nil {
		return nil, err
	}
	return unit.ServiceNames(), nil
}
