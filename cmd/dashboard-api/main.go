// Command dashboard-api serves the dashboard's API. The same binary serves the dashboard's pages (ui), and asks
// a running one whether it lives (healthcheck), because its image has no shell and no curl. Settings come from
// the environment; see package config.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/rs/zerolog"

	"dreamserver/config"
)

const usage = `Usage:
  dashboard-api                     serve the API on DASHBOARD_API_BIND:DASHBOARD_API_PORT (127.0.0.1:3002)
  dashboard-api ui                  serve the dashboard on DASHBOARD_BIND:DASHBOARD_PORT (127.0.0.1:3001)
                                    and forward /api to DASHBOARD_API_URL
  dashboard-api healthcheck [url]   exit 0 when the API, or who is at url, answers within 3 seconds, else 1
  dashboard-api healthcheck ui      the same of the dashboard
  dashboard-api --version
`

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// softMemory is where garbage is collected more often rather than memory taken, in bytes: 10,000 extensions are 90 MB, and
// the garbage of judging all of them would be 200 more. GOMEMLIMIT says otherwise.
const softMemory = 200 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns when ctx ends and what was running has finished.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var do func(context.Context, config.Settings, zerolog.Logger) error
	switch {
	case (command == "--help" || command == "-h" || command == "help") && len(args) == 0:
		fmt.Fprint(stdout, usage)
		return exitOK
	case (command == "--version" || command == "version") && len(args) == 0:
		fmt.Fprintln(stdout, "dashboard-api", config.Version())
		return exitOK
	case command == "healthcheck" && len(args) <= 1:
		do = func(ctx context.Context, s config.Settings, _ zerolog.Logger) error { return healthcheck(ctx, s, args) }
	case command == "ui" && len(args) == 0:
		do = serveUI
	case command == "":
		do = serveAPI
	default:
		fmt.Fprintf(stderr, "dashboard-api: unknown arguments: %q\n\n%s", append([]string{command}, args...), usage)
		return exitUsage
	}
	settings, err := config.Load(getenv)
	if err == nil {
		err = do(ctx, settings, newLog(settings, stderr))
	}
	if err != nil {
		fmt.Fprintln(stderr, "dashboard-api:", err)
		return exitFailed
	}
	return exitOK
}

func newLog(s config.Settings, w io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(s.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel // config.Load lets only known levels through
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
