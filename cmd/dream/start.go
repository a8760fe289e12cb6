package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) startCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "start",
		short: "Start enabled extensions",
		long:  "`dream up` starts everything.",
		core:  "bring it up with `dream up ID`",
		suits: isEnabled,
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Start(ctx, id)
		},
	})
}

func isEnabled(e catalog.Entry) bool { return e.Toggles && e.Status == catalog.Enabled }
