package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/printable"
	"dreamserver/security"
)

func (a *app) scanCommand() *cobra.Command {
	var backend string
	cmd := &cobra.Command{
		Use:   "scan DIR",
		Short: "Judge an extension's folder as an install would",
		Long: `Reads the manifest and every compose file that could run, on each kind of machine that the extension supports,
and says what is refused, what lowers the rating, and which grants are used. Nothing is started; neither the host
agent nor Docker takes part. With an installation its settings, names and secrets count; without one, the
defaults and the extensions that ship.

A folder in extensions/services is judged by the wider rules of built-in extensions.

Exit codes: 0 accepted, 1 refused, 2 the command line is wrong.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&backend, "gpu-backend", "", "judge for this kind of machine only")
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		if backend != "" && !slices.Contains(compose.Backends(), backend) {
			return usageError{fmt.Errorf("--gpu-backend %s: write one of %s", backend, strings.Join(compose.Backends(), ", "))}
		}
		return a.scan(ctx, args[0], backend)
	})
	return cmd
}

func (a *app) scan(ctx context.Context, dir, backend string) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	s, err := scanOf(dir, backend, settings)
	if err != nil {
		return err
	}
	v, err := catalog.ScanFolder(ctx, s)
	if err != nil {
		return usageError{err}
	}
	if a.json {
		err = a.printJSON(v)
	} else {
		a.showVerdict(v)
	}
	if err == nil && v.Verdict == security.Rejected {
		err = reported{errors.New("refused")}
	}
	return err
}

// scanOf is what to judge the folder by: the installation, and without one what ships.
func scanOf(dir, backend string, settings config.Settings) (catalog.Scan, error) {
	s := catalog.Scan{Dir: dir, Settings: settings, Version: config.Version(), Backend: backend, Builtin: shipped(dir)}
	if isInstallation(settings.InstallDir) {
		s.Services, s.User, s.Library = os.DirFS(settings.ServicesDir), os.DirFS(settings.UserExtensionsDir), os.DirFS(settings.LibraryDir)
		return s, nil
	}
	var err error
	if s.Services, err = fs.Sub(dreamserver.Assets, "extensions/services"); err == nil {
		s.Library, err = fs.Sub(dreamserver.Assets, "extensions/library")
	}
	return s, err
}

// shipped reports whether the folder is one of a platform's built-in extensions.
func shipped(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	parent := filepath.Dir(abs)
	return filepath.Base(parent) == "services" && filepath.Base(filepath.Dir(parent)) == "extensions"
}

func (a *app) showVerdict(v security.Verdict) {
	errs := security.Errors(v.Findings)
	switch {
	case len(errs) == 1:
		a.print("%s is refused, for one reason.", v.ID)
	case len(errs) > 1:
		a.print("%s is refused, for %d reasons.", v.ID, len(errs))
	default:
		a.print("%s is accepted. Rating: %d of %d.", v.ID, v.Rating, security.BestRating)
	}
	for _, g := range v.Grants {
		a.print("grant %s: it may %s", g, g.Meaning())
	}
	for _, severity := range []string{security.Error, security.Note} {
		for _, f := range v.Findings {
			if f.Severity == severity && !f.IsGrant() {
				a.print("%s %s\n    %s; %s", f.Severity, printable.Line(f.Where()), f.Message, f.Fix)
			}
		}
	}
}
