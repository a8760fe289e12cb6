// Command dream-host-agent is the host agent: the one program that starts and stops containers. It listens on a
// Unix socket and, unless that is switched off, on 127.0.0.1, and takes its settings from the environment and the install's .env.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"dreamserver/agent"
	"dreamserver/compose"
	"dreamserver/config"
	_ "dreamserver/security/policy/shipped" // the policies that are compiled in
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

const usage = `dream-host-agent starts and stops the containers of Dream Server.

Usage: dream-host-agent [--version]

It takes its settings from the environment and from $DREAM_INSTALL_DIR/.env:
  DREAM_INSTALL_DIR   the install directory (made by: dream init)
  DREAM_AGENT_KEY     the key that callers must show; else DASHBOARD_API_KEY
  DREAM_AGENT_API_KEY the API's key, which cannot take the stack up or down
  DREAM_AGENT_SOCKET  default $DREAM_INSTALL_DIR/run/agent.sock
  DREAM_AGENT_PORT    default 7710, on 127.0.0.1
  DREAM_AGENT_TCP     default on; off means the socket alone
  DREAM_LOG_LEVEL     default info

SIGTERM lets running work finish for DREAM_STOP_TIMEOUT (default 20s), then ends it and rolls it back.
Exit codes: 0 stopped by a signal, 1 could not start or serve, 2 usage.
`

// run is the program. It returns the exit code.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dream-host-agent", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	version := flags.Bool("version", false, "print the version")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // returned as it is
			return 0
		}
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "dream-host-agent: unexpected argument %q\n\n%s", flags.Arg(0), usage)
		return 2
	}
	if *version {
		fmt.Fprintln(stdout, config.Version())
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, getenv, stderr); err != nil {
		fmt.Fprintf(stderr, "dream-host-agent: %v\n", err)
		return 1
	}
	return 0
}

// serve wires the agent and runs it until ctx ends.
func serve(ctx context.Context, getenv func(string) string, logTo io.Writer) error {
	load := func() (config.Settings, error) { return config.Load(getenv) }
	settings, err := load()
	if err != nil {
		return err
	}
	level, err := zerolog.ParseLevel(settings.LogLevel)
	if err != nil {
		return fmt.Errorf("DREAM_LOG_LEVEL: %w", err)
	}
	log := zerolog.New(logTo).Level(level).With().Timestamp().Str("program", "dream-host-agent").Logger()
	engine, err := compose.NewEngine(settings.DockerHost, settings.Names.Project)
	if err != nil {
		return err
	}
	defer engine.Close()
	server, err := agent.NewServer(agent.Options{
		Settings: settings, Reload: load, Engine: engine, Version: config.Version(), Log: log,
		Env:    compose.CleanEnv(getenv, settings.DockerHost, settings.DockerConfig),
		Notify: notifier(log), WatchdogEvery: watchdogEvery(log),
	})
	if err != nil {
		return err
	}
	log.Info().Str("version", config.Version()).Str("install", settings.InstallDir).Str("project", settings.Names.Project).Msg("starting")
	err = server.Run(ctx, func(addr string) {
		log.Info().Str("socket", settings.AgentSocket).Str("addr", addr).Msg("listening")
	})
	log.Info().Msg("stopped")
	return err
}

// notifier tells systemd; it does nothing where systemd did not start us.
func notifier(log zerolog.Logger) func(string) {
	return func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn().Err(err).Msg("systemd cannot be told")
		}
	}
}

// watchdogEvery is how often systemd is to hear of us: three times within the time after which it restarts us.
func watchdogEvery(log zerolog.Logger) time.Duration {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn().Err(err).Msg("systemd's watchdog is not understood: it will restart the agent")
	}
	return limit / 3
}
