package main

import (
	"context"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

func (a *app) installCommand() *cobra.Command {
	return a.changeCommand(change{
		use:   "install",
		short: "Install extensions from the library and start them",
		long: `The files are checked, copied and enabled, then the containers start. When that fails before a container
exists, nothing stays behind. While the host agent is away only the files are put in place; it starts the
containers when it is back, without being asked again.`,
		suits: func(e catalog.Entry) bool { return e.Installable },
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Install(ctx, id)
		},
	})
}
