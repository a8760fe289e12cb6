// Command dream is Dream Server on the command line: it makes an installation, shows what is in it, and installs,
// switches and starts extensions. It uses the same [catalog.Manager] and the same lock as the dashboard's API,
// and works while the API is down.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"dreamserver/agent"
	"dreamserver/config"
	_ "dreamserver/security/policy/shipped" // for those who write one
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks; the second ends the program, whatever it waits for
	a := &app{
		getenv: os.Getenv,
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		newAgent: func(s config.Settings) agentClient {
			return agent.NewClient(s, config.Version())
		},
	}
	a.executable, _ = os.Executable() // only one of the ways to find the installation
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
