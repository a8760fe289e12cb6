package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) uninstallCommand() *cobra.Command {
	var forget bool
	cmd := a.changeCommand(change{
		use:   "uninstall",
		off:   true,
		short: "Remove disabled extensions and their containers",
		long: `Disable an extension first. Its data stays; the answer says where. Its values in .env stay as well, so that a new
install goes on where it was: --forget takes them out, but for those that another installed extension reads.`,
		suits: func(e catalog.Entry) bool { return e.Source == catalog.FromUser && e.Status == catalog.Disabled },
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Uninstall(ctx, id, forget)
		},
	})
	cmd.Flags().BoolVar(&forget, "forget", false, "forget the extension's configuration, too")
	return cmd
}
