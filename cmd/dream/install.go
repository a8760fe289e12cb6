package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/manifest"
)

func (a *app) installCommand() *cobra.Command {
	var grants []string
	var plan string
	cmd := a.changeCommand(change{
		use:   "install",
		short: "Install extensions from the library and start them",
		long: `The files are checked, copied and enabled, then the containers start. When that fails before a container
exists, nothing stays behind. An extension that needs what no extension has by itself is refused, and the answer
says what and why: --grant gives it. While the host agent is away only the files are put in place; it starts the
containers when it is back, without being asked again.`,
		suits: func(e catalog.Entry) bool { return e.Installable },
		do: func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error) {
			return m.Do(ctx, catalog.Order{Kind: operation.Install, ID: id, Given: catalog.Given{Grants: grantsOf(grants)}, Plan: plan})
		},
	})
	cmd.Flags().StringSliceVar(&grants, "grant", nil, "give what the extension asks for: "+manifest.JoinGrants(manifest.Grants()))
	planFlag(cmd, &plan)
	one := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		return cmp.Or(checkGrants(grants), one(cmd, args))
	}
	return cmd
}

// checkGrants refuses words that are no grants.
func checkGrants(words []string) error {
	if unknown := manifest.Without(grantsOf(words), manifest.Grants()); len(unknown) > 0 {
		return fmt.Errorf("--grant %s: write one of %s", unknown[0], manifest.JoinGrants(manifest.Grants()))
	}
	return nil
}

func grantsOf(words []string) []manifest.Grant {
	grants := make([]manifest.Grant, len(words))
	for i, w := range words {
		grants[i] = manifest.Grant(w)
	}
	return grants
}
