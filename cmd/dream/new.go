package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"dreamserver"
	"dreamserver/catalog"
	"dreamserver/catalog/scaffold"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// newFlags are what `dream new` is told.
type newFlags struct {
	image, port, health, gpu string
	compose, service, dir    string
}

// made is what new did.
type made struct {
	ID       string            `json:"id"`
	Folder   string            `json:"folder"`
	Files    []scaffold.File   `json:"files"`
	Port     int               `json:"port"`
	HostPort int               `json:"host_port"`
	Health   string            `json:"health"`
	Notes    []scaffold.Note   `json:"notes"`
	Verdict  *security.Verdict `json:"verdict"`
	Next     []string          `json:"next"`
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

Exit codes: 0 made and accepted; 1 not made, or made and still refused by the scan; 2 the command line is wrong.`,
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
	done := made{ID: id, Folder: home.folder(id), Notes: []scaffold.Note{}}
	if f.compose != "" {
		err = a.convert(templates, known, home, f, &done)
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

func (a *app) showMade(done made) error {
	rejected := done.Verdict.Verdict == security.Rejected
	if a.json {
		if err := a.printJSON(done); err != nil || !rejected {
			return err
		}
		return reported{errors.New("refused")}
	}
	a.print("%s is made in %s:", done.ID, done.Folder)
	for _, file := range done.Files {
		a.print("  %-19s  %s", file.Name, file.What)
	}
	a.print("")
	if done.Port != 0 {
		a.print("It is expected to listen on port %d and to answer at %s; on this machine that is http://127.0.0.1:%d%s.", done.Port, done.Health, done.HostPort, done.Health)
	}
	a.showNotes(done.Notes)
	if rejected {
		a.print("")
		a.showVerdict(*done.Verdict)
		a.print("\nMend that, and look again with `dream scan %s`.", shortPath(done.Folder))
		return reported{errors.New("refused")}
	}
	a.print("\nTry next:\n")
	for _, command := range done.Next {
		a.print("  %s", command)
	}
	return nil
}

// showNotes is the report of a conversion: what is left to do first, and then what became of the file, line by line.
func (a *app) showNotes(notes []scaffold.Note) {
	for _, kind := range scaffold.Kinds() {
		head := false
		for _, n := range notes {
			if n.Kind != kind {
				continue
			}
			if !head {
				a.print("\n%s", kind.Heading())
				head = true
			}
			a.print("  %s", n)
		}
	}
}

// home is where new extensions are made.
type home struct {
	settings config.Settings
	dir      string
	library  bool // it is an installation's library
}

// newHome is the folder asked for, else the installation's library, else this folder.
func newHome(s config.Settings, dir string) home {
	installed := isInstallation(s.InstallDir)
	switch {
	case dir == "" && installed:
		dir = s.LibraryDir
	case dir == "":
		dir = "."
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	return home{settings: s, dir: abs, library: installed && abs == filepath.Clean(s.LibraryDir)}
}

func (h home) folder(id string) string { return filepath.Join(h.dir, id) }

const schemaFile = "extensions/schema/service-manifest.v1.json"

// schema is the path of the manifest's schema from the new folder: in a checkout or an installation around it, else in
// the installation. Editors read it.
func (h home) schema(id string) string {
	roots := []string{}
	for dir := h.dir; ; dir = filepath.Dir(dir) {
		roots = append(roots, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, root := range append(roots, h.settings.InstallDir) {
		file := filepath.Join(root, filepath.FromSlash(schemaFile))
		if !exists(file) {
			continue
		}
		if rel, err := filepath.Rel(h.folder(id), file); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return ""
}

// write puts the files in place, all at once, with what the gate says of them. A folder that cannot be whole does not
// appear.
func (h home) write(ctx context.Context, done *made) error {
	info, err := os.Stat(h.dir)
	if err != nil {
		return notWritten(err)
	}
	stage, err := os.MkdirTemp(h.dir, ".staging-")
	if err != nil {
		return notWritten(err)
	}
	defer os.RemoveAll(stage) //nolint:errcheck // a name that begins with a dot is no extension
	owner := ownerOf(info)
	if h.library && h.settings.UID >= 0 && h.settings.GID >= 0 {
		owner = person{h.settings.UID, h.settings.GID}
	}
	l := &layout{root: os.Geteuid() == 0, uid: owner.uid, gid: owner.gid}
	if !l.root {
		l.gid = os.Getegid()
	}
	folder := filepath.Join(stage, done.ID)
	if err := l.folder(folder, 0o755, l.uid, true); err != nil {
		return notWritten(err)
	}
	for _, file := range done.Files {
		if err := l.writeMode(filepath.Join(folder, file.Name), file.Content, 0o644); err != nil {
			return notWritten(err)
		}
	}
	verdict, err := h.judge(ctx, folder)
	if err != nil {
		return err
	}
	done.Verdict = &verdict
	if exists(done.Folder) {
		return problem.Newf(problem.Conflict, "%s exists: choose another id, or remove it", done.Folder)
	}
	done.Next = h.next(*done)
	if err := os.Rename(folder, done.Folder); err != nil {
		return notWritten(err)
	}
	return nil
}

// notWritten says what to do about a folder that cannot be written.
func notWritten(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.InvalidArgument, "%w: make the folder first, or name another with --dir", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return problem.Newf(problem.DataReadOnly, "%w: run it as the folder's owner or with sudo, or name another folder with --dir", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem.Newf(problem.DiskFull, "%w: free some space and run it again", err)
	}
	return err
}

// judge is what `dream scan` will say.
func (h home) judge(ctx context.Context, folder string) (security.Verdict, error) {
	scan, err := scanOf(folder, "", h.settings)
	if err != nil {
		return security.Verdict{}, err
	}
	return catalog.ScanFolder(ctx, scan)
}

// next is what a person does with the new folder.
func (h home) next(done made) []string {
	if h.library {
		return []string{"dream audit --strict " + done.ID, "dream install " + done.ID, "dream start " + done.ID}
	}
	folder := shortPath(done.Folder)
	library := "DATA/extensions-library/"
	if isInstallation(h.settings.InstallDir) {
		library = h.settings.LibraryDir + "/"
	}
	return []string{"dream scan " + folder, "cp -r " + folder + " " + library, "dream install " + done.ID}
}

// shortPath is the path from here, where that is shorter.
func shortPath(name string) string {
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	if rel, err := filepath.Rel(here, name); err == nil && len(rel) < len(name) {
		return rel
	}
	return name
}
