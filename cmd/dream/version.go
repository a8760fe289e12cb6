package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// versions are what takes part. What cannot be reached is empty, and Unknown says why.
type versions struct {
	Dream    string `json:"dream"`
	Agent    string `json:"agent,omitempty"`
	Docker   string `json:"docker,omitempty"`
	Compose  string `json:"compose,omitempty"`
	Mismatch string `json:"version_mismatch,omitempty"`
	Unknown  string `json:"unknown,omitempty"` // why some are missing
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, and of what it works with",
		Args:  cobra.NoArgs,
		RunE:  a.action(func(ctx context.Context, _ []string) error { return a.version(ctx) }),
	}
}

// version succeeds without an installation and without an agent: it is what one asks first when nothing works.
func (a *app) version(ctx context.Context) error {
	v := a.versions(ctx)
	if v.Mismatch != "" {
		a.warn("%s", v.Mismatch)
	}
	if a.json {
		return a.printJSON(v)
	}
	a.print("dream           %s", v.Dream)
	for _, row := range [][2]string{{"host agent", v.Agent}, {"Docker Engine", v.Docker}, {"docker compose", v.Compose}} {
		if row[1] != "" {
			a.print("%-15s %s", row[0], row[1])
		}
	}
	if v.Unknown != "" {
		a.print("The rest is not known: %s", v.Unknown)
	}
	return nil
}

func (a *app) versions(ctx context.Context) versions {
	v := versions{Dream: config.Version()}
	in, err := a.open()
	if err != nil {
		v.Unknown = err.Error()
		return v
	}
	status, err := in.agent.Ping(ctx)
	if err != nil {
		v.Unknown = problem.As(err).Detail
		return v
	}
	v.Agent, v.Mismatch, v.Unknown = status.Version, status.Mismatch, status.Docker
	if host, err := in.agent.Host(ctx); err == nil {
		v.Docker, v.Compose = host.Engine.Version, host.Compose
	} else if v.Unknown == "" {
		v.Unknown = problem.As(err).Detail
	}
	return v
}
