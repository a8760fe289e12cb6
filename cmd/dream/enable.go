package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
)

func (a *app) enableCommand() *cobra.Command {
	var withDependencies bool
	var plan string
	cmd := a.changeCommand(change{
		use:   "enable",
		short: "Switch installed extensions on and start them",
		long: `An extension that needs another which is off is refused, and the answer names what is missing.
--with-dependencies enables that first, and installs it if need be.`,
		suits: func(e catalog.Entry) bool { return e.Toggles && e.Status == catalog.Disabled },
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Do(ctx, catalog.Order{Kind: operation.Enable, ID: id, WithDependencies: withDependencies, Plan: plan})
		},
	})
	cmd.Flags().BoolVar(&withDependencies, "with-dependencies", false, "enable what is needed first")
	planFlag(cmd, &plan)
	return cmd
}
