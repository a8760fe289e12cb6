// Package audit checks extensions before they ship: manifests against the contract and against each other, compose
// files against their manifests, and all of it as the security scan sees it. It reads a project through fs.FS and
// starts nothing; the same files give the same report.
//
// [Run] reads every folder of a [Project], so that each extension is seen beside all others, and reports on those
// that were asked for. [Rules] is the table of what is looked for.
package audit

import (
	"context"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"dreamserver/compose"
)

// Project is a checkout or an installation.
type Project struct {
	Dir     string // its absolute path
	Version string // of the platform
	Base    fs.FS  // docker-compose.*.yml
	Roots   []Root // built-in extensions first
	// Shipped says that built-in extensions are in the state in which they ship. In an installation, their owner has
	// switched them.
	Shipped bool
}

// Root is a folder of extensions.
type Root struct {
	FS     fs.FS
	Dir    string         // how the report names it: extensions/services
	Path   string         // where it is on this machine
	Source compose.Source // Builtin, or User for what is judged as an installed extension is
}

// Options say what to report on.
type Options struct {
	Services []string // ids and aliases; none means every extension of the first root, or of all
	All      bool     // look at every root
	Strict   bool     // warnings fail the audit
}

// Run audits the project. The error is for a context that ends.
func Run(ctx context.Context, p Project, o Options) (*Report, error) {
	a := &audit{Project: p, report: &Report{ProjectDir: p.Dir, Requested: []string{}, Global: []Issue{}, Services: []Service{}}}
	if err := a.read(ctx); err != nil {
		return nil, err
	}
	a.tables = newTables(a)
	chosen := a.choose(o)
	if err := each(ctx, chosen, func(f *folder) { f.judge(ctx, a) }); err != nil {
		return nil, err
	}
	for _, f := range chosen {
		if f.global { // nobody knows what it is
			a.report.Global = append(a.report.Global, f.issues...)
			continue
		}
		a.report.Services = append(a.report.Services, f.report)
	}
	a.collisions(chosen)
	a.report.settle(o.Strict)
	return a.report, nil
}

// audit is one run.
type audit struct {
	Project
	folders []*folder // of all roots
	base    []baseService
	tables  *tables
	report  *Report
}

// read finds the folders and reads them, on every core.
func (a *audit) read(ctx context.Context) error {
	for i := range a.Roots {
		a.folders = append(a.folders, a.list(&a.Roots[i])...)
	}
	var g sync.WaitGroup
	g.Go(func() { compose.Warm(ctx) })
	defer g.Wait()
	a.base = readBase(a.Base)
	return each(ctx, a.folders, (*folder).read)
}

// each calls do for every folder, several at once.
func each(ctx context.Context, folders []*folder, do func(*folder)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, f := range folders {
		g.Go(func() error {
			if ctx.Err() == nil {
				do(f)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// list is the folders of a root. What the root has beside them is no extension.
func (a *audit) list(r *Root) []*folder {
	entries, err := fs.ReadDir(r.FS, ".")
	if err != nil {
		if r.Source == compose.Builtin {
			a.global("extensions-dir-missing", r.Dir, "there is no folder "+r.Dir+" in "+a.Dir)
		}
		return nil
	}
	var all []*folder
	for _, e := range entries {
		link := e.Type()&fs.ModeSymlink != 0
		if name := e.Name(); name[0] != '.' && (e.IsDir() || link) {
			all = append(all, &folder{root: r, dir: name, link: link})
		}
	}
	return all
}

// choose is the folders to report on.
func (a *audit) choose(o Options) []*folder {
	if len(o.Services) == 0 {
		return slices.DeleteFunc(slices.Clone(a.folders), func(f *folder) bool { return !o.All && f.root != &a.Roots[0] })
	}
	var chosen []*folder
	for _, name := range o.Services {
		id, found := a.named(name, o.All)
		if slices.Contains(a.report.Requested, id) {
			continue
		}
		a.report.Requested = append(a.report.Requested, id)
		if len(found) == 0 {
			a.global("service-not-found", "", "no extension is called "+quote(name))
		}
		for _, f := range found {
			if !slices.Contains(chosen, f) {
				chosen = append(chosen, f)
			}
		}
	}
	return chosen
}

// named is the folders of a service, by its id, its folder's name or an alias: those of the first root that has one,
// or of all.
func (a *audit) named(name string, all bool) (id string, found []*folder) {
	for _, is := range []func(*folder) bool{
		func(f *folder) bool { return f.id == name || f.dir == name },
		func(f *folder) bool { return slices.Contains(f.aliases(), name) },
	} {
		for _, f := range a.folders {
			if is(f) && (all || len(found) == 0 || found[0].root == f.root) {
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			return found[0].id, found
		}
	}
	return name, nil
}

func (a *audit) global(code, path, message string) {
	r := ruleOf(code)
	a.report.Global = append(a.report.Global, Issue{Severity: r.Severity, Code: code, Message: message, Path: nullable(path), Fix: r.Fix})
}
