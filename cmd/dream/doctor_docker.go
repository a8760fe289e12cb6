package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"dreamserver/catalog/doctor"
	"dreamserver/compose"
)

// askDocker asks the engine and the plugin as this user, for when the agent cannot be asked. The ports are nil when the
// engine did not tell them.
func (x *examination) askDocker(ctx context.Context) (doctor.Docker, []compose.Publication) {
	var d doctor.Docker
	var published []compose.Publication
	var g sync.WaitGroup
	g.Go(func() { d.Compose, d.ComposeProblem = x.composeVersion(ctx) })
	engine, err := compose.NewEngine(x.settings.DockerHost, x.settings.Names.Project)
	if err == nil {
		defer engine.Close()
		d.Version, err = engine.Version(ctx)
	}
	d.Known = !errors.Is(err, fs.ErrPermission)
	if err != nil {
		d.Problem = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			d.Problem = "It accepts connections, and does not answer in time."
		}
		g.Wait()
		return d, nil
	}
	d.Setup, _ = engine.Info(ctx) // empty is not known
	published, _ = engine.Published(ctx)
	g.Wait()
	return d, published
}

func (x *examination) composeVersion(ctx context.Context) (version, why string) {
	r := &compose.Runner{
		Dir: os.TempDir(), Env: compose.CleanEnv(x.app.getenv, x.settings.DockerHost, x.settings.DockerConfig), Grace: 100 * time.Millisecond,
	}
	version, err := r.Version(ctx)
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return version, ""
	case ctx.Err() != nil:
		return "", "It does not answer in time."
	case exited:
		return "", cmp.Or(firstLine(strings.TrimSpace(string(exit.Stderr))), err.Error())
	}
	return "", err.Error()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
