package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/audit"
	"dreamserver/compose"
	"dreamserver/config"
)

func (a *app) auditCommand() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit [SERVICE…]",
		Short: "Check extensions before they ship",
		Long: `Holds manifests against the contract and against each other, compose files against their manifests, and all of it
against the security scan. Nothing is started; neither the host agent nor Docker takes part. Names may be ids or
aliases; without any, every built-in extension is checked. Each finding has a code, a place and a fix; docs/audit.md
lists the codes.

The project is a checkout or an installation: --project-dir, else the installation, else the current folder.

Exit codes: 0 passed; 1 an error, or with --strict a warning, was found; 2 the command line is wrong.`,
		Args: cobra.ArbitraryArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "project-dir", "", "folder of the checkout or installation")
	flags.BoolVar(&o.All, "all", false, "check the library and installed extensions, too")
	flags.BoolVar(&o.Strict, "strict", false, "fail on warnings, too")
	flags.BoolVar(&o.fix, "fix", false, "mend what can be mended without changing what runs, then audit again")
	flags.BoolVar(&o.sarif, "sarif", false, "print SARIF 2.1.0, for annotations in CI")
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		if o.sarif && a.json {
			return usageError{errors.New("--sarif and --json exclude each other")}
		}
		o.Services = args
		return a.audit(ctx, o)
	})
	return cmd
}

type auditOptions struct {
	audit.Options
	dir        string
	fix, sarif bool
}

func (a *app) audit(ctx context.Context, o auditOptions) error {
	project, closeProject, err := a.project(o.dir)
	if err != nil {
		return err
	}
	defer closeProject()
	// The process is short: collecting garbage early costs a tenth of it.
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(384 << 20)
	report, err := audit.Run(ctx, project, o.Options)
	if err != nil {
		return err
	}
	var unmended error
	if o.fix {
		var fixed []audit.Issue
		fixed, unmended = mend(report, project)
		if report, err = audit.Run(ctx, project, o.Options); err != nil {
			return err
		}
		report.Fixed = fixed
	}
	switch {
	case o.sarif:
		err = a.printJSON(report.SARIF(project.Version))
	case a.json:
		err = a.printJSON(report)
	default:
		err = report.WriteText(a.stdout)
	}
	switch {
	case err != nil:
		return err
	case unmended != nil:
		return unmended
	case report.Failed():
		return reported{errors.New("the audit failed")}
	}
	return nil
}

// project is the folder to audit, and what is in it.
func (a *app) project(dir string) (p audit.Project, closeProject func(), err error) {
	s, dir, err := a.projectSettings(dir)
	if err != nil {
		return p, nil, err
	}
	p = audit.Project{Dir: dir, Version: config.Version(), Base: os.DirFS(dir), Shipped: true}
	var roots []*os.Root
	add := func(folder string, source compose.Source) bool {
		r := audit.Root{FS: os.DirFS(folder), Dir: filepath.ToSlash(folder), Path: folder, Source: source}
		if rel, err := filepath.Rel(dir, folder); err == nil && filepath.IsLocal(rel) {
			r.Dir = filepath.ToSlash(rel)
		}
		root, err := os.OpenRoot(folder)
		if err == nil {
			r.FS = catalog.FS(root)
			roots = append(roots, root)
		}
		if err == nil || source == compose.Builtin { // without these it is no project, which the report says
			p.Roots = append(p.Roots, r)
		}
		return err == nil
	}
	add(filepath.Join(dir, "extensions", "services"), compose.Builtin)
	if !add(filepath.Join(dir, "extensions", "library"), compose.User) && add(s.LibraryDir, compose.User) {
		p.Shipped = false // an installation
	}
	add(s.UserExtensionsDir, compose.User)
	return p, func() {
		for _, r := range roots {
			r.Close()
		}
	}, nil
}

// projectSettings are the settings that say where the project's folders are, and where the project is. Those of the
// environment are for the installation, and not for another folder.
func (a *app) projectSettings(dir string) (config.Settings, string, error) {
	if dir == "" {
		if s, err := a.settings(); err != nil {
			a.warn("%v; going on with the rest of it", err)
		} else if isInstallation(s.InstallDir) {
			return s, s.InstallDir, nil
		}
		dir = "."
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return config.Settings{}, "", err
	}
	s, err := config.Load(func(key string) string {
		return map[string]string{"DREAM_INSTALL_DIR": dir, "HOME": a.getenv("HOME")}[key]
	})
	return s, dir, err
}

// mend takes away what can be taken away safely, file by file, and says what that was. The error has every file that
// could not be written.
func mend(report *audit.Report, p audit.Project) (fixed []audit.Issue, err error) {
	files := report.Mendable()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		i := slices.IndexFunc(p.Roots, func(r audit.Root) bool { return strings.HasPrefix(name, r.Dir+"/") })
		if i < 0 {
			continue
		}
		gone, mendErr := mendFile(p.Roots[i].Path, strings.TrimPrefix(name, p.Roots[i].Dir+"/"), files[name])
		fixed = append(fixed, gone...)
		if mendErr != nil {
			err = errors.Join(err, fmt.Errorf("%s stays as it is: %w", name, mendErr))
		}
	}
	return fixed, err
}

// mendFile puts the mended file in place at once and whole, with the owner and mode that it had. No link leads out of
// the folder dir: others may write there.
func mendFile(dir, name string, found []audit.Issue) ([]audit.Issue, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file any more")
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, err
	}
	data, gone := audit.Mend(data, found)
	if len(gone) == 0 {
		return nil, nil
	}
	temporary := path.Join(path.Dir(name), fmt.Sprintf(".%s.mended-%d", path.Base(name), os.Getpid()))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	if was := ownerOf(info); was.uid != os.Geteuid() {
		err = errors.Join(err, f.Chown(was.uid, was.gid)) // only root can; for others the file is somebody's, and stays
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return nil, errors.Join(err, root.Remove(temporary))
	}
	return gone, nil
}
