package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver"
	"dreamserver/catalog/scaffold"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// newFlags are what `dream new` is told.
type newFlags struct {
	image, port, health, gpu string
	compose, service, dir    string
}

func (a *app) newCommand() *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new ID",
		Short: "Make a new extension from an image or a compose file",
		Long: `Makes a folder with a manifest and compose files that pass ` + "`dream audit --strict`" + ` as they are, from an image or
from a compose file as people publish them. It is put into the installation's library, so that ` + "`dream install ID`" + ` finds it,
or, without an installation, into this folder.

From a compose file, ports go to loopback, names and volumes become the extension's own, variables and passwords are
declared, and what no extension may have is left out. The report says what was changed and left out, with its line.

Exit codes: 0 made and accepted; 1 not made, or made of a compose file and still refused by the scan; 2 the command line is wrong.`,
		Example: `  dream new notes --image ghcr.io/example/notes:1.4.0 --port 3000 --health /api/health
  dream new painter --image example/painter:2.1 --gpu only
  dream new wiki --from-compose docker-compose.yml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("name one extension: %s", cmd.UseLine())
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.image, "image", "", "image with a version as tag")
	cmd.Flags().StringVar(&f.port, "port", "", "port in the container, or `HOST:CONTAINER`; the default is 8080, or what the compose file says")
	cmd.Flags().StringVar(&f.health, "health", "", "path that answers while the service works; the default is /")
	cmd.Flags().StringVar(&f.gpu, "gpu", string(scaffold.GPUNone), "swap: a GPU makes it faster; only: it needs one; none")
	cmd.Flags().StringVar(&f.compose, "from-compose", "", "compose file to convert")
	cmd.Flags().StringVar(&f.service, "service", "", "the compose file's main service; the default is the first that publishes a port")
	cmd.Flags().StringVar(&f.dir, "dir", "", "folder to make it in")
	cmd.MarkFlagsMutuallyExclusive("image", "from-compose")
	cmd.MarkFlagsMutuallyExclusive("gpu", "from-compose")
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		switch scaffold.GPU(f.gpu) {
		case scaffold.GPUNone, scaffold.GPUSwap, scaffold.GPUOnly:
		default:
			return fmt.Errorf("--gpu %s: write swap, only or none", f.gpu)
		}
		switch {
		case f.image == "" && f.compose == "":
			return fmt.Errorf("what should run? dream new %s --image IMAGE, or --from-compose FILE", args[0])
		case f.service != "" && f.compose == "":
			return errors.New("--service names a service of a compose file: add --from-compose FILE")
		}
		_, _, err := ports(f.port)
		return err
	}
	cmd.RunE = a.action(func(ctx context.Context, args []string) error { return a.newExtension(ctx, args[0], f) })
	return cmd
}

// ports reads CONTAINER or HOST:CONTAINER; 0 is what was not said.
func ports(s string) (host, container int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	before, inner, both := strings.Cut(s, ":")
	if !both {
		before, inner = "0", before
	}
	host, err1 := strconv.Atoi(before)
	container, err2 := strconv.Atoi(inner)
	if err1 != nil || err2 != nil || both && host < 1 || container < 1 || host > 65535 || container > 65535 {
		return 0, 0, fmt.Errorf("--port %s: write a port such as 8080, or HOST:CONTAINER such as 9200:8080", s)
	}
	return host, container, nil
}

func (a *app) newExtension(ctx context.Context, id string, f newFlags) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	home := newHome(settings, f.dir)
	known, err := knownExtensions(settings)
	if err != nil {
		return err
	}
	if err := known.CheckID(id); err != nil {
		return err
	}
	if folder := home.folder(id); exists(folder) {
		return problem.Newf(problem.Conflict, "%s exists: choose another id, or remove it", folder)
	}
	templates, err := fs.Sub(dreamserver.Assets, "extensions/templates")
	if err != nil {
		return err
	}
	done := made{ID: id, Folder: home.folder(id), Notes: []scaffold.Note{}, converted: f.compose != ""}
	if f.compose != "" {
		err = a.convert(ctx, templates, known, home, f, &done)
	} else {
		err = scaffoldNew(templates, known, home, f, &done)
	}
	if err != nil {
		return err
	}
	if err := home.write(ctx, &done); err != nil {
		return err
	}
	return a.showMade(done)
}

// scaffoldNew makes the files for an image.
func scaffoldNew(templates fs.FS, known *scaffold.Known, home home, f newFlags, done *made) (err error) {
	host, container, _ := ports(f.port)
	o := scaffold.Options{ID: done.ID, Image: f.image, Port: container, HostPort: host, Health: f.health, GPU: scaffold.GPU(f.gpu), Schema: home.schema(done.ID)}
	if o.Port == 0 {
		o.Port = 8080
	}
	if o.Health == "" {
		o.Health = "/"
	}
	prefix, note := known.Prefix(done.ID)
	if o.Prefix = prefix; note != nil {
		done.Notes = append(done.Notes, *note)
	}
	if host != 0 {
		err = known.CheckPort(host)
	} else {
		o.HostPort = known.FreePort(container)
	}
	if err == nil {
		done.Files, err = scaffold.New(templates, o)
	}
	done.Port, done.HostPort, done.Health = o.Port, o.HostPort, o.Health
	return err
}

// knownExtensions are all whose names and ports are taken: those that ship, and those of the installation.
func knownExtensions(s config.Settings) (*scaffold.Known, error) {
	known := scaffold.NewKnown()
	type place struct {
		fsys    fs.FS
		builtIn bool
	}
	var places []place
	for _, name := range []string{"services", "library"} {
		shipped, err := fs.Sub(dreamserver.Assets, "extensions/"+name)
		if err != nil {
			return nil, err
		}
		places = append(places, place{shipped, name == "services"})
	}
	if isInstallation(s.InstallDir) {
		places = append(places, place{os.DirFS(s.ServicesDir), true}, place{os.DirFS(s.LibraryDir), false}, place{os.DirFS(s.UserExtensionsDir), false})
	}
	for _, p := range places {
		if err := known.Look(p.fsys, p.builtIn, s.Env); err != nil {
			return nil, err
		}
	}
	return known, nil
}
