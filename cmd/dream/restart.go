package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) restartCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "restart",
		short: "Stop enabled extensions and start them with their present settings",
		long:  "Changes in .env and in the compose files take effect.",
		core:  "apply its settings with `dream up ID`",
		suits: isEnabled,
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Restart(ctx, id)
		},
	})
}
