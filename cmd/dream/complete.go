package main

import (
	"slices"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

// complete offers the shell the ids of the extensions that suit the command. It reads files only.
func (a *app) complete(suits func(catalog.Entry) bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		in, err := a.openAnyway()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []cobra.Completion
		for _, e := range in.manager.Snapshot().Entries {
			if suits(e) && !slices.Contains(given, e.ID) {
				ids = append(ids, cobra.CompletionWithDesc(e.ID, e.Name))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}
