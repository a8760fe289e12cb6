package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

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
		fixed, unmended = mend(report, project, o.dir == "")
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
	absent, err := fs.Sub(embed.FS{}, "absent")
	if err != nil {
		return p, nil, err
	}
	var roots []*os.Root
	open := func(folder string) (fs.FS, bool) {
		root, err := openDir(folder)
		if err != nil {
			return absent, false
		}
		roots = append(roots, root)
		return catalog.FS(root), true
	}
	p = audit.Project{Dir: dir, Version: config.Version(), Shipped: true}
	p.Base, _ = open(dir)
	add := func(folder string, source compose.Source) bool {
		r := audit.Root{Dir: filepath.ToSlash(folder), Path: folder, Source: source}
		if rel, ok := below(dir, folder); ok {
			r.Dir = filepath.ToSlash(rel)
		}
		found := false
		if r.FS, found = open(folder); found || source == compose.Builtin { // without these it is no project, which the report says
			p.Roots = append(p.Roots, r)
		}
		return found
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

// below is the path of the folder from dir, where it lies there.
func below(dir, folder string) (string, bool) {
	rel, err := filepath.Rel(dir, folder)
	return rel, err == nil && filepath.IsLocal(rel)
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
