package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) stopCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "stop",
		off:   true,
		short: "Stop extensions until the next start",
		long:  "They stay enabled, so that `dream up` starts them again. `dream down` stops everything.",
		core:  "`dream down` stops everything, ID too",
		suits: isEnabled,
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Stop(ctx, id)
		},
	})
}
