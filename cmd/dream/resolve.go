package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// resolved is the stack as JSON.
type resolved struct {
	Base     []string       `json:"base"`
	Primary  string         `json:"primary"`
	Units    []resolvedUnit `json:"units"`
	Override string         `json:"override,omitempty"`
	Files    []string       `json:"files"` // all of the above, in merge order
	Skipped  []compose.Skip `json:"skipped"`
}

type resolvedUnit struct {
	ID     string         `json:"id"`
	Source compose.Source `json:"source"`
	Files  []string       `json:"files"`
}

func (a *app) resolveCommand() *cobra.Command {
	var host compose.Host
	var env bool
	cmd := &cobra.Command{
		Use:   "resolve",
		Short: "Print the compose files of the stack, in merge order",
		Long: `Prints -f options for docker compose, relative to the installation. It reads files only: neither the host
agent nor Docker takes part. What is skipped, and why, is on stderr.

The agent does not merge all of these at once: each extension is loaded, checked and started on its own, so that
a broken one stops nothing else. The list is for people and scripts that want to see or run the whole.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.BoolVar(&env, "env", false, "print shell variables instead")
	flags.StringVar(&host.Backend, "gpu-backend", "", "instead of GPU_BACKEND")
	flags.StringVar(&host.Tier, "tier", "", "instead of TIER")
	flags.StringVar(&host.Mode, "dream-mode", "", "instead of DREAM_MODE")
	flags.IntVar(&host.GPUCount, "gpu-count", 0, "instead of GPU_COUNT")
	flags.StringSliceVar(&host.Overlays, "profile-overlays", nil, "base files chosen by hand")
	cmd.RunE = a.action(func(context.Context, []string) error {
		if env && a.json {
			return usageError{errors.New("--env and --json exclude each other")}
		}
		in, err := a.open()
		if err != nil {
			return err
		}
		s := in.settings
		if !flags.Changed("gpu-backend") {
			host.Backend = s.GPUBackend
		}
		if !flags.Changed("tier") {
			host.Tier = s.Tier
		}
		if !flags.Changed("dream-mode") {
			host.Mode = s.Mode
		}
		if !flags.Changed("gpu-count") {
			host.GPUCount = s.GPUCount
		}
		return a.resolve(s, host, env)
	})
	return cmd
}

func (a *app) resolve(s config.Settings, host compose.Host, env bool) error {
	tree, closeTree, err := openTree(s)
	if err != nil {
		return err
	}
	defer closeTree()
	stack, err := compose.Resolve(tree, host)
	if err != nil {
		return err
	}
	switch {
	case a.json:
		err = a.printJSON(newResolved(stack))
	case env:
		a.print("%s", envLines(stack))
	default:
		a.print("%s", composeFlags(stack.Files()))
	}
	a.warnSkipped(stack.Skipped)
	return err
}

func newResolved(s *compose.Stack) resolved {
	r := resolved{
		Base: s.Base, Primary: s.Primary, Units: []resolvedUnit{}, Override: s.Override,
		Files: s.Files(), Skipped: append([]compose.Skip{}, s.Skipped...),
	}
	for _, u := range s.Units {
		r.Units = append(r.Units, resolvedUnit{ID: u.ID, Source: u.Source, Files: u.Paths})
	}
	return r
}

// composeFlags are the files as options that a shell can read.
func composeFlags(files []string) string {
	words := make([]string, 0, 2*len(files))
	for _, f := range files {
		words = append(words, "-f", shellQuote(f))
	}
	return strings.Join(words, " ")
}

// envLines are the reference's three lines. Its readers undo \\ and \" and nothing else.
func envLines(s *compose.Stack) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	return fmt.Sprintf("COMPOSE_PRIMARY_FILE=\"%s\"\nCOMPOSE_FILE_LIST=\"%s\"\nCOMPOSE_FLAGS=\"%s\"",
		escape(s.Primary), escape(strings.Join(s.Files(), ",")), escape(composeFlags(s.Files())))
}

// shellQuote leaves plain words as they are.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// openTree opens the folders that the stack is made of. A folder that does not exist is empty.
func openTree(s config.Settings) (tree compose.Tree, closeTree func(), err error) {
	var roots []*os.Root
	closeTree = func() {
		for _, r := range roots {
			r.Close()
		}
	}
	open := func(dir string) compose.Root {
		root, openErr := os.OpenRoot(dir)
		if errors.Is(openErr, fs.ErrNotExist) {
			return compose.Root{}
		}
		if openErr != nil {
			err = errors.Join(err, problem.Newf(problem.Unavailable, "%s cannot be read: %w", dir, openErr))
			return compose.Root{}
		}
		roots = append(roots, root)
		return compose.Root{FS: root.FS(), Prefix: seenFrom(s.InstallDir, dir)}
	}
	tree = compose.Tree{Install: open(s.InstallDir), Services: open(s.ServicesDir), User: open(s.UserExtensionsDir)}
	if data, readErr := os.ReadFile(filepath.Join(s.InstallDir, "config", "core-service-ids.json")); readErr == nil {
		var idsErr error
		tree.Reserved, idsErr = config.ReadCoreIDs(data)
		err = errors.Join(err, idsErr)
	}
	if err != nil {
		closeTree()
	}
	return tree, closeTree, err
}

// seenFrom is dir as docker compose finds it from base: relative when it lies below, else absolute.
func seenFrom(base, dir string) string {
	rel, err := filepath.Rel(base, dir)
	switch {
	case err != nil || !filepath.IsLocal(rel):
		return dir
	case rel == ".":
		return ""
	}
	return filepath.ToSlash(rel)
}
