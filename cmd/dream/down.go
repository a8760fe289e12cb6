package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop and remove all containers; files and data stay",
		Long:  "What is enabled stays enabled: `dream up` starts it again.",
		Args:  cobra.NoArgs,
		RunE:  a.action(func(ctx context.Context, _ []string) error { return a.down(ctx) }),
	}
}

func (a *app) down(ctx context.Context) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	if err := in.agent.Down(ctx); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"project": in.settings.Names.Project, "action": "down"})
	}
	a.print("All containers of %s are stopped and removed. Data and what is enabled stay.", in.settings.Names.Project)
	return nil
}
