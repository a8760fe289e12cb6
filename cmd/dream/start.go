package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
)

func (a *app) startCommand() *cobra.Command {
	var plan string
	cmd := a.changeCommand(change{
		use:   "start",
		short: "Start enabled extensions",
		long:  "`dream up` starts everything.",
		core:  "bring it up with `dream up ID`",
		suits: isEnabled,
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Do(ctx, catalog.Order{Kind: operation.Start, ID: id, Plan: plan})
		},
	})
	planFlag(cmd, &plan)
	return cmd
}

func isEnabled(e catalog.Entry) bool { return e.Toggles && e.Status == catalog.Enabled }
