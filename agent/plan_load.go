package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// planned loads the extension that a plan is of, as a start would once it is installed and enabled, and copies nothing:
// paths are those that the copy will have.
func (l *loading) planned(ctx context.Context, id string) (*compose.Unit, error) {
	if err := l.giveValues(ctx, id); err != nil {
		return nil, err
	}
	l.want.plan.operation = operation.Enable
	if u, enabled := l.world.stack.Unit(id); enabled {
		l.want.plan.operation = operation.Start
		return l.unit(ctx, u, l.want.grants)
	}
	root, closeRoot, source, err := l.folder(id)
	if problem.HasCode(err, problem.NotFound) {
		l.want.plan.operation = operation.Install
		if root, closeRoot, source, err = l.inLibrary(id); err != nil {
			return nil, err
		}
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
	l.secretsOf(&m.Service)
	if source == compose.Builtin {
		at := compose.Root{FS: fsys, Prefix: l.world.relative(root.Name())}
		u, skip := compose.Candidate(at, source, id, m, l.world.host)
		if skip != nil {
			return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
		}
		own := filepath.Join(root.Name(), id)
		if err := l.judge(ctx, u, at, own); err != nil {
			return nil, err
		}
		unit, err := l.load(ctx, u, at, own)
		return unit.Unit, err
	}
	if reason := l.world.impostor(m); reason != "" {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, reason)
	}
	if !slices.Contains(l.world.ids, id) {
		l.world.ids = append(l.world.ids, id)
	}
	return l.plannedUser(ctx, fsys, id, m)
}

// plannedUser loads an extension that is not enabled, or not even installed.
func (l *loading) plannedUser(ctx context.Context, fsys fs.FS, id string, m *manifest.Manifest) (*compose.Unit, error) {
	folder, err := fs.Sub(fsys, id)
	if err != nil {
		return nil, fmt.Errorf("extension %q: %w", id, err)
	}
	if name := compose.FragmentName(m); name != "" {
		folder = enabledFS{folder, name}
	}
	t, err := l.uncopied(id, folder)
	if err != nil {
		return nil, err
	}
	at := compose.Root{FS: t.fsys, Prefix: path.Join(l.world.relative(l.world.settings.UserExtensionsDir), id)}
	u, skip := compose.Candidate(at, compose.User, ".", m, l.world.host)
	if skip != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	if err := l.judge(ctx, u, at, t.path); err != nil { // as an install and an enable do, before they touch a file
		return nil, err
	}
	return l.installed(ctx, &compose.StackUnit{ID: id, Source: compose.User, Manifest: m, Dir: id}, t, l.want.grants)
}

// inLibrary is the library's folder of the extension.
func (l *loading) inLibrary(id string) (*os.Root, func(), compose.Source, error) {
	root, err := os.OpenRoot(l.world.settings.LibraryDir)
	if err != nil {
		return nil, nil, "", notInstalled(id)
	}
	if info, err := root.Lstat(id); err != nil || !info.IsDir() {
		root.Close()
		return nil, nil, "", problem.Newf(problem.NotFound, "extension %q is not installed and not in the library", id)
	}
	return root, func() { root.Close() }, compose.User, nil
}

// uncopied is the folder as it is, under the path that its copy has or will have.
func (l *loading) uncopied(id string, folder fs.FS) (tree, error) {
	digest, err := catalog.TreeDigest(folder)
	if err != nil {
		return tree{}, problem.About(id, err)
	}
	return tree{folder, l.server.treePath(digest), digest, func() {}}, nil
}

// giveValues has the plan see values as if they were in .env. What could not be set is refused as there.
func (l *loading) giveValues(ctx context.Context, id string) error {
	values := l.want.plan.values
	if len(values) == 0 {
		return nil
	}
	who, _ := ctx.Value(callerKey{}).(caller)
	c, err := openConfiguration(l.world.settings, id, who, &l.server.parsed)
	if err != nil {
		return err
	}
	change := catalog.ConfigChange{Values: values}
	if n := len(change.Keys()); n > maxConfigKeys {
		return problem.Newf(problem.InvalidConfig, "extension %q: %d variables at once: at most %d", id, n, maxConfigKeys)
	}
	if err := catalog.CheckChange(c.service, change, c.facts); err != nil {
		return err
	}
	if err := c.checkSize(change); err != nil {
		return err
	}
	var pairs []config.Pair
	for _, key := range change.Keys() {
		pairs = append(pairs, config.Pair{Key: key, Value: values[key]})
	}
	l.world.give(pairs)
	return nil
}

// noteSecrets tells a plan which secrets there are, and which of them would be made.
func (l *loading) noteSecrets() {
	p := l.want.plan
	if p == nil {
		return
	}
	p.secrets, p.made = l.hidden(), []string{}
	for _, m := range l.made {
		if m.service.ID == p.id {
			for _, pair := range m.pairs {
				p.made = append(p.made, pair.Key)
			}
		}
	}
}

// read notes the digests of the files of a unit.
func (l *loading) read(u *compose.StackUnit, at compose.Root, files []compose.File) {
	for i, f := range files {
		l.note(u.ID+"/"+strings.TrimSuffix(u.Files[i], compose.DisabledSuffix), f.Content)
	}
	name, err := manifest.FileName(at.FS, u.Dir)
	if err != nil {
		return // it was there when it was read
	}
	if data, err := fs.ReadFile(at.FS, name); err == nil {
		l.note(u.ID+"/"+path.Base(name), data)
	}
}

// note notes the digest of a file.
func (l *loading) note(name string, data []byte) {
	sum := sha256.Sum256(data)
	l.inputs[name] = hex.EncodeToString(sum[:])
}

// enabledFS shows a disabled extension's folder as it will be: its compose file has its enabled name.
type enabledFS struct {
	fs.FS
	fragment string
}

// actual is the name that the file has. One that is enabled keeps its own.
func (f enabledFS) actual(name string) string {
	if name != f.fragment {
		return name
	}
	if _, err := fs.Lstat(f.FS, name); errors.Is(err, fs.ErrNotExist) {
		return name + compose.DisabledSuffix
	}
	return name
}

// Open opens a file by the name that it will have.
func (f enabledFS) Open(name string) (fs.File, error) { return f.FS.Open(f.actual(name)) }

// Lstat is that of the file.
func (f enabledFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(f.FS, f.actual(name)) }

// ReadLink is that of the file.
func (f enabledFS) ReadLink(name string) (string, error) { return fs.ReadLink(f.FS, f.actual(name)) }

// ReadDir lists a folder by the names that its files will have.
func (f enabledFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	if name != path.Dir(f.fragment) || f.actual(f.fragment) == f.fragment {
		return entries, err
	}
	for i, e := range entries {
		if e.Name() == path.Base(f.fragment)+compose.DisabledSuffix {
			entries[i] = renamed{e, path.Base(f.fragment)}
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

type renamed struct {
	fs.DirEntry
	name string
}

func (r renamed) Name() string { return r.name }
