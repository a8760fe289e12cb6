package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dreamserver"
	"dreamserver/catalog"
	"dreamserver/config"
)

func (a *app) catalogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Make the catalogue's file from the library",
	}
	cmd.AddCommand(a.catalogBuildCommand())
	return cmd
}

// indexFile is the catalogue's file and what it is made from.
type indexFile struct {
	library, output string
	check           bool
}

// builtIndex is what a build did, or would do.
type builtIndex struct {
	File       string   `json:"file"`
	Extensions int      `json:"extensions"`
	Stale      bool     `json:"stale"` // the file was not what the library makes it
	Written    bool     `json:"written"`
	Changes    []string `json:"changes"` // one line for each extension
}

func (a *app) catalogBuildCommand() *cobra.Command {
	var f indexFile
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Write the catalogue's file, with the verdict, the grants and the digest of each extension",
		Long: `Reads every folder of the library and writes extensions-catalog.json: what each manifest says, its rating, the
grants that it uses, the digest of its files, and whether an install would take it, and why not. Without flags it is
the installation's library and the installation's file.

The same library makes the same file on every machine. Where nothing but the time would change, the file is left alone.
A folder that cannot be read at all is an error, and then nothing is written.

Exit codes: 0 written, or up to date; 1 with --check: stale; 2 the command line is wrong.`,
		Example: `  dream catalog build
  dream catalog build --library extensions/library --output config/extensions-catalog.json --check`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.buildCatalog(ctx, f) }),
	}
	cmd.Flags().StringVar(&f.library, "library", "", "folder with the extensions' folders")
	cmd.Flags().StringVar(&f.output, "output", "", "file to write")
	cmd.Flags().BoolVar(&f.check, "check", false, "write nothing; say what is stale")
	cmd.MarkFlagsRequiredTogether("library", "output")
	return cmd
}

func (a *app) buildCatalog(ctx context.Context, f indexFile) error {
	if f.library == "" {
		settings, err := a.settings()
		if err != nil {
			return err
		}
		if !isInstallation(settings.InstallDir) {
			return noInstallation(settings)
		}
		f.library, f.output = settings.LibraryDir, settings.CatalogFile
	}
	library, err := shippedNeighbours()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(f.library)
	if err != nil {
		return usageError{fmt.Errorf("--library: %w", err)}
	}
	defer root.Close()
	library.FS = catalog.FS(root)
	index, err := catalog.BuildIndex(ctx, library, time.Now())
	if err != nil {
		return err
	}
	return a.writeCatalog(f, index)
}

// shippedNeighbours is the library that the built-in extensions of this version stand beside. It is not those of the
// installation, so that what is published is the same wherever it is made.
func shippedNeighbours() (catalog.Library, error) {
	lib := catalog.Library{Version: config.Version()}
	services, err := fs.Sub(dreamserver.Assets, "extensions/services")
	if err != nil {
		return lib, err
	}
	ids, err := fs.ReadFile(dreamserver.Assets, "config/core-service-ids.json")
	if err != nil {
		return lib, err
	}
	lib.Services = services
	lib.Reserved, err = config.ReadCoreIDs(ids)
	return lib, err
}

func (a *app) writeCatalog(f indexFile, index catalog.Index) error {
	built := builtIndex{File: f.output, Extensions: len(index.Extensions), Changes: []string{}}
	switch old, err := os.ReadFile(f.output); {
	case errors.Is(err, fs.ErrNotExist):
		built.Stale, built.Changes = true, append(built.Changes, "does not exist")
	case err != nil:
		return storageError(err)
	default:
		built.Changes = append(built.Changes, index.Stale(old)...)
		built.Stale = len(built.Changes) > 0
	}
	if built.Stale && !f.check {
		if err := replaceFile(f.output, index); err != nil {
			return storageError(err)
		}
		built.Written = true
	}
	if err := a.showBuilt(built); err != nil {
		return err
	}
	if f.check && built.Stale {
		return reported{errors.New("stale")}
	}
	return nil
}

// replaceFile writes the file in one step, with the owner of its folder.
func replaceFile(file string, index catalog.Index) error {
	data, err := index.Encode()
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return err
	}
	owner := ownerOf(info)
	l := &layout{root: os.Geteuid() == 0, uid: owner.uid, gid: owner.gid}
	if !l.root {
		l.gid = os.Getegid() // the folder's group need not be one of ours
	}
	return l.writeMode(file, data, 0o644)
}

func (a *app) showBuilt(b builtIndex) error {
	if a.json {
		return a.printJSON(b)
	}
	switch {
	case b.Written:
		a.print("%s lists %s.", b.File, plural(b.Extensions, "extension"))
	case b.Stale:
		a.print("%s is stale: run `dream catalog build`.", b.File)
	default:
		a.print("%s is up to date: %s.", b.File, plural(b.Extensions, "extension"))
	}
	for _, change := range b.Changes {
		a.print("  %s", change)
	}
	return nil
}
