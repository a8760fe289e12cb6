package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/features"
	"dreamserver/internal/printable"
)

func (a *app) featuresCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "features [ID]",
		Short: "Show what the enabled extensions make possible, and what the rest lacks",
		Long: `Without an ID: every feature of the enabled extensions with its status, why it has it, and what to do next.
With the ID of a feature, also of an extension that is not enabled: how to get it on this machine, step by step.

  enabled            it can be used
  available          what it requires is there, and it is not enabled
  services_needed    a service that it requires does not run, or nobody can tell whether it does
  insufficient_vram  the GPU has too little memory
  incompatible       it, or a service of it, is not made for this machine`,
		Example:           "  dream features\n  dream features web-search",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeFeatures,
		RunE: a.action(func(ctx context.Context, args []string) error {
			if len(args) == 1 {
				return a.featureGuide(ctx, args[0])
			}
			return a.features(ctx)
		}),
	}
}

// look is the installation with its containers and the machine, as far as the agent tells.
func (a *app) look(ctx context.Context) (*catalog.Snapshot, error) {
	in, err := a.openAnyway()
	if err != nil {
		return nil, err
	}
	in.manager.LookAtMachine(ctx)
	in.manager.Refresh(ctx)
	return in.manager.Snapshot(), nil
}

func (a *app) features(ctx context.Context) error {
	snapshot, err := a.look(ctx)
	if err != nil {
		return err
	}
	all := features.Of(snapshot)
	if a.json {
		err = a.printJSON(all)
	} else {
		err = writeFeatures(a.stdout, all)
	}
	a.warnAgent(snapshot.Agent)
	return err
}

func writeFeatures(w io.Writer, all features.Overview) error {
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FEATURE\tSTATUS\tWHY\tNEXT")
	for _, f := range all.Features {
		next := f.Next.Command
		if next == "" && !f.Enabled {
			next = f.Next.Text
		}
		fmt.Fprintln(t, row(f.ID, string(f.Status), f.Reason, next))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(all.Features) == 0 {
		fmt.Fprintln(w, "No enabled extension has a feature: `dream list` shows what there is.")
	}
	return nil
}

// shownGuide is a guide as programs read it; the names are those of GET /api/features/{id}/enable.
type shownGuide struct {
	ID     string          `json:"featureId"`
	Name   string          `json:"name"`
	Status features.Status `json:"status"`
	Steps  []string        `json:"steps"`
	Links  []shownLink     `json:"links"`
}

type shownLink struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

func (a *app) featureGuide(ctx context.Context, id string) error {
	snapshot, err := a.look(ctx)
	if err != nil {
		return err
	}
	g, err := features.GuideTo(snapshot, id)
	if err != nil {
		return err
	}
	shown := shownGuide{ID: g.ID, Name: g.Name, Status: g.Status, Steps: g.Steps, Links: []shownLink{}}
	for _, page := range g.Pages {
		url := "http://" + net.JoinHostPort("localhost", strconv.Itoa(page.Port)) + "/" + strings.TrimPrefix(page.Path, "/")
		shown.Links = append(shown.Links, shownLink{page.Label, url})
	}
	if a.json {
		err = a.printJSON(shown)
	} else {
		shown.write(a)
	}
	a.warnAgent(snapshot.Agent)
	return err
}

func (g shownGuide) write(a *app) {
	a.print("%s: %s", printable.Line(g.Name), g.Status)
	for i, step := range g.Steps {
		a.print("%3d. %s", i+1, printable.Line(step))
	}
	for _, link := range g.Links {
		a.print("     %s: %s", printable.Line(link.Label), printable.Line(link.URL))
	}
}

// completeFeatures offers the features of every extension; those of one that is not enabled have a guide, too.
func (a *app) completeFeatures(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	in, err := a.openAnyway()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []cobra.Completion
	for _, e := range in.manager.Snapshot().Entries {
		for _, f := range e.Features {
			ids = append(ids, cobra.CompletionWithDesc(f.ID, f.Name))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
