package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) uninstallCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "uninstall",
		off:   true,
		short: "Remove disabled extensions and their containers",
		long:  "Disable an extension first. Its data stays; the answer says where.",
		suits: func(e catalog.Entry) bool { return e.Source == catalog.FromUser && e.Status == catalog.Disabled },
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Uninstall(ctx, id)
		},
	})
}
