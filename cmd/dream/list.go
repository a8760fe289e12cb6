package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// listed is one line of the list. Its first five fields are what scripts of the reference's users read.
type listed struct {
	ID          string          `json:"id"`
	Category    string          `json:"category"`
	Status      string          `json:"status"` // always-on, or a [catalog.Status]
	Source      catalog.Source  `json:"source"`
	Name        string          `json:"name"`
	Installable bool            `json:"installable"`
	CanToggle   bool            `json:"can_toggle"`
	Runtime     catalog.Runtime `json:"runtime"`
	Problem     string          `json:"problem,omitempty"`
}

func (a *app) listCommand() *cobra.Command {
	var category string
	categories := []string{string(manifest.Core), string(manifest.Recommended), string(manifest.Optional)}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all services: built in, installed, and in the library",
		Args:    cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error {
			if category != "" && !slices.Contains(categories, category) {
				return usageError{fmt.Errorf("there is no category %q: use one of %s", category, list(categories))}
			}
			return a.list(ctx, category)
		}),
	}
	cmd.Flags().StringVar(&category, "category", "", "only core, recommended or optional")
	_ = cmd.RegisterFlagCompletionFunc("category", cobra.FixedCompletions(categories, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) list(ctx context.Context, category string) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	in.manager.Refresh(ctx)
	snapshot := in.manager.Snapshot()
	rows := []listed{}
	for _, e := range snapshot.List(catalog.Filter{Category: category}) {
		rows = append(rows, newListed(e))
	}
	if a.json {
		err = a.printJSON(rows)
	} else {
		err = writeList(a.stdout, rows)
	}
	a.warnAgent(snapshot.Agent)
	a.warnSkipped(snapshot.Skipped)
	return err
}

func newListed(e catalog.Entry) listed {
	l := listed{
		ID: e.ID, Category: e.Category, Status: string(e.Status), Source: e.Source, Name: e.Name,
		Installable: e.Installable, CanToggle: e.Toggles, Runtime: e.Runtime, Problem: e.Problem,
	}
	if e.Category == string(manifest.Core) {
		l.Status = "always-on"
	}
	return l
}

func writeList(w io.Writer, rows []listed) error {
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tCATEGORY\tSTATUS\tRUNTIME\tSOURCE")
	for _, r := range rows {
		fmt.Fprintln(t, row(r.ID, r.Category, r.Status, runtimeText(r.Runtime), string(r.Source)))
	}
	return t.Flush()
}

// runtimeText is what runs, in one word, and a second one where it matters.
func runtimeText(r catalog.Runtime) string {
	switch {
	case r.Pending != "":
		return r.State + " (" + r.Pending + " pending)"
	case r.State == "running" && r.Health != "" && r.Health != "healthy":
		return r.State + " (" + r.Health + ")"
	case r.State == "not_deployed":
		return "-"
	}
	return r.State
}
