package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

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
	project, err := a.project(o.dir)
	if err != nil {
		return err
	}
	report, err := audit.Run(ctx, project, o.Options)
	if err != nil {
		return err
	}
	switch {
	case o.sarif:
		err = a.printJSON(report.SARIF(project.Version))
	case a.json:
		err = a.printJSON(report)
	default:
		err = report.WriteText(a.stdout)
	}
	if err == nil && report.Failed() {
		err = reported{errors.New("the audit failed")}
	}
	return err
}

// project is the folder to audit, and what is in it.
func (a *app) project(dir string) (audit.Project, error) {
	getenv := a.getenv
	if dir == "" {
		settings, err := a.settings()
		if err != nil {
			return audit.Project{}, err
		}
		if dir = settings.InstallDir; !isInstallation(dir) {
			dir = "."
		}
	} else { // another project than the one that the environment describes
		getenv = func(key string) string {
			if key == "HOME" {
				return a.getenv(key)
			}
			return ""
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return audit.Project{}, err
	}
	s, err := config.Load(func(key string) string {
		if key == "DREAM_INSTALL_DIR" {
			return dir
		}
		return getenv(key)
	})
	if err != nil {
		a.warn("%v; going on with the rest of it", err)
	}
	p := audit.Project{Dir: dir, Version: config.Version(), Base: os.DirFS(dir), Shipped: true}
	add := func(path string, source compose.Source) {
		name := path
		if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
			name = filepath.ToSlash(rel)
		}
		p.Roots = append(p.Roots, audit.Root{FS: os.DirFS(path), Dir: name, Path: path, Source: source})
	}
	add(filepath.Join(dir, "extensions", "services"), compose.Builtin)
	if library := filepath.Join(dir, "extensions", "library"); exists(library) {
		add(library, compose.User)
	} else if exists(s.LibraryDir) {
		add(s.LibraryDir, compose.User)
		p.Shipped = false
	}
	if exists(s.UserExtensionsDir) {
		add(s.UserExtensionsDir, compose.User)
	}
	return p, nil
}
