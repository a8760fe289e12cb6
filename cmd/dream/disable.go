package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) disableCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "disable",
		off:   true,
		short: "Stop extensions and switch them off",
		long:  "Files and data stay. Extensions that need it are named in a warning, and go on.",
		suits: isEnabled,
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Disable(ctx, id)
		},
	})
}
