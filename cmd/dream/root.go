package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/gpu"
	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
)

// app is one call of the program. Nothing of it is global, so that tests run many side by side.
type app struct {
	getenv         func(string) string
	stdin          *os.File  // nil where nobody can be asked
	stdout, stderr io.Writer // of [printable.Writer] while a command runs: what is shown may be a stranger's text
	rawOut, rawErr io.Writer // the same as they were, for programs that draw on them
	executable     string    // path of this program; empty when unknown
	newAgent       func(config.Settings) agentClient
	portInUse      func(protocol, ip string, port int) bool // nil asks the kernel
	gpus           *gpu.Machine                             // whose GPUs are looked at; nil is this machine

	installDir string // --install-dir
	json       bool   // --json
	working    bool   // the command line was understood
}

const rootHelp = `Dream Server runs AI services on a machine that you control.

Where the installation is: --install-dir, else DREAM_INSTALL_DIR, else the folder above bin/ that this program
lies in, else ~/dream-server. Its settings are in .env there; the environment wins over them.

Exit codes:
  0  done
  1  refused, or tried and failed; the message says why
  2  the command line is wrong
  3  the host agent or Docker cannot be reached
  130  interrupted by Ctrl-C or SIGTERM: at a question, or in a change, which is undone
Of plan, 2 is also refused, and 3 also what could not be found out.

install, enable, start and restart show how far they are on stderr: as a bar at a terminal, else as a line for each step.
Ctrl-C undoes them. A second one leaves at once; the host agent then finishes or undoes what was begun.

With --json the answer is JSON on stdout, and stderr has a JSON document on each line: {"operation": …} while one of these four
goes on, {"warning": …}, and last the error if there is one (RFC 9457, with a stable "code"); then stdout stays empty.`

// run is the whole program; it returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	a.rawOut, a.rawErr = a.stdout, a.stderr
	a.stdout, a.stderr = printable.Writer(a.rawOut), printable.Writer(a.rawErr)
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(catalog.WithActor(ctx, a.actor()))
	if err != nil && !a.working {
		a.json = a.json || slices.Contains(args, "--json") // what cannot be parsed has set no flag
		err = usageError{err}
	}
	return a.report(err)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "dream",
		Short:         "Run AI services on your own machine",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().StringVar(&a.installDir, "install-dir", "", "folder of the installation")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(
		a.initCommand(), a.upCommand(), a.downCommand(),
		a.listCommand(), a.featuresCommand(), a.statusCommand(), a.doctorCommand(),
		a.planCommand(), a.installCommand(), a.uninstallCommand(), a.enableCommand(), a.disableCommand(),
		a.startCommand(), a.stopCommand(), a.restartCommand(), a.logsCommand(),
		a.operationsCommand(), a.eventsCommand(),
		a.configCommand(), a.newCommand(), a.scanCommand(), a.policyCommand(), a.auditCommand(), a.catalogCommand(),
		a.resolveCommand(), a.keyCommand(), a.historyCommand(), a.versionCommand(),
	)
	return root
}

// named asks for at least one service, and at most limit words when that is not 0.
func named(limit int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("name a service: %s", cmd.UseLine())
		case limit > 0 && len(args) > limit:
			return tooMuch(cmd, args[limit])
		}
		return nil
	}
}

func tooMuch(cmd *cobra.Command, word string) error {
	return fmt.Errorf("%q is too much: %s", word, cmd.UseLine())
}

// action is a command's work. An error that comes before it is about the command line.
func (a *app) action(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.working = true
		return do(cmd.Context(), args)
	}
}

// installation is what a command works on.
type installation struct {
	settings config.Settings
	agent    agentClient
	manager  *catalog.Manager
}

// open finds the installation. It asks nobody: whether the agent is there shows when it is needed.
func (a *app) open() (*installation, error) {
	settings, err := a.settings()
	if err != nil {
		return nil, err
	}
	return a.openWith(settings)
}

// openAnyway is open for looking and for turning off, which must work with a broken .env, too: with a warning, and
// with what can be read of it.
func (a *app) openAnyway() (*installation, error) {
	settings, err := a.settings()
	if err != nil {
		a.warn("%v; going on with the rest of it", err)
	}
	return a.openWith(settings)
}

func (a *app) openWith(settings config.Settings) (*installation, error) {
	if !isInstallation(settings.InstallDir) {
		return nil, noInstallation(settings)
	}
	client := a.newAgent(settings)
	return &installation{settings: settings, agent: client, manager: catalog.New(catalog.Options{
		Settings: settings, Agent: withoutAgent{client, settings}, Version: config.Version(), Actor: "dream", Rate: a.json, Log: zerolog.Nop(),
	})}, nil
}

func noInstallation(s config.Settings) error {
	return problem.Newf(problem.NotFound, "%s is no installation: make one with `dream init`, or name yours with --install-dir", s.InstallDir)
}

// settings reads the settings of the installation, which need not exist yet.
func (a *app) settings() (config.Settings, error) {
	settings, err := config.Load(a.lookup())
	if err != nil {
		err = problem.Newf(problem.InvalidArgument, "settings: %w", err)
	}
	for _, note := range settings.Notes {
		a.warn("%s", note)
	}
	return settings, err
}

// lookup is the environment with the installation's folder as this program finds it.
func (a *app) lookup() func(string) string {
	dir := a.findInstallation()
	return func(key string) string {
		if key == "DREAM_INSTALL_DIR" && dir != "" {
			return dir
		}
		return a.getenv(key)
	}
}

// findInstallation is empty where the settings' own default holds.
func (a *app) findInstallation() string {
	if a.installDir != "" {
		return a.installDir
	}
	for _, key := range []string{"DREAM_INSTALL_DIR", "DREAM_HOME"} {
		if dir := strings.TrimSpace(a.getenv(key)); dir != "" {
			return dir
		}
	}
	if bin := filepath.Dir(a.executable); a.executable != "" && filepath.Base(bin) == "bin" {
		// A checkout has bin/ and the base file too, and is no installation.
		if dir := filepath.Dir(bin); isInstallation(dir) && !exists(filepath.Join(dir, "go.mod")) {
			return dir
		}
	}
	return ""
}

func isInstallation(dir string) bool {
	return exists(filepath.Join(dir, compose.BaseFile)) || exists(filepath.Join(dir, "docker-compose.yml"))
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
