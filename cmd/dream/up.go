package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
)

func (a *app) upCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "up [ID…]",
		Short: "Start everything that is enabled, or only what is named",
		Long: `Core services can be named too. What runs already and did not change is left alone. One service that fails does
not keep the others from starting; the exit code is 1 then, and each failure is named.`,
		ValidArgsFunction: a.complete(func(e catalog.Entry) bool { return e.Status == catalog.Enabled }),
		RunE:              a.action(func(ctx context.Context, names []string) error { return a.up(ctx, names, wait) }),
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until healthchecks have answered")
	return cmd
}

func (a *app) up(ctx context.Context, names []string, wait bool) error {
	in, err := a.open()
	if err != nil {
		return err
	}
	snapshot := in.manager.Snapshot()
	var ids []string
	for _, name := range names {
		id, err := snapshot.ResolveName(name)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	report, err := in.agent.Up(ctx, ids, wait, a.progress())
	if err != nil {
		return err
	}
	return a.showUp(report, snapshot)
}

// progress prints each step of each container, image and network once, as a plain line: pulling reports every
// few milliseconds.
func (a *app) progress() func(service string, e compose.Event) {
	shown := map[string]bool{}
	return func(_ string, e compose.Event) {
		line := strings.TrimSpace(fmt.Sprintf("%s %s", e.ID, e.Text))
		if e.Status == "Error" || e.Status == "Warning" {
			line = strings.TrimSpace(line + " " + e.Details)
		}
		if !shown[line] {
			shown[line] = true
			fmt.Fprintln(a.stderr, line)
		}
	}
}

// showUp reports everything that was asked for. What failed is the error.
func (a *app) showUp(r agent.StackReport, snapshot *catalog.Snapshot) error {
	for _, s := range r.Started {
		for _, note := range s.Notes {
			a.warn("%s: %s", s.ID, note)
		}
	}
	a.warnSkipped(r.Skipped)
	if a.json {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, s := range r.Started {
			s.Containers = own(s.ID, s.Containers, snapshot)
			a.print("%s", startedText(s))
		}
		if len(r.Started)+len(r.Failed) == 0 {
			a.print("Nothing is enabled: there is nothing to start.")
		}
	}
	if len(r.Failed) == 0 {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(r.Failed)) {
		fmt.Fprintf(a.stderr, "dream: %s: %s\n", id, indentMore(withoutID(id, r.Failed[id])))
	}
	return reported{errors.New("some services did not start")}
}

// own leaves out the containers of what the service depends on, which the report has too.
func own(id string, containers []compose.Container, snapshot *catalog.Snapshot) []compose.Container {
	var ids []string
	for _, e := range snapshot.Entries {
		ids = append(ids, e.ID)
	}
	return slices.DeleteFunc(slices.Clone(containers), func(c compose.Container) bool {
		return !compose.OwnsService(id, c.Service, ids)
	})
}

// withoutID takes the subject off a sentence that stands behind it.
func withoutID(id, reason string) string {
	return strings.TrimPrefix(reason, fmt.Sprintf("extension %q: ", id))
}

// startedText is one line: what runs, and where it can be reached.
func startedText(r catalog.Report) string {
	text := r.ID + " runs"
	switch {
	case r.Unchanged:
		text = r.ID + " ran already"
	case len(r.Waiting) > 0:
		text = fmt.Sprintf("%s runs; no answer yet from the healthcheck of %s", r.ID, list(r.Waiting))
	}
	if at := addresses(r.Containers); len(at) > 0 {
		text += ": " + list(at)
	}
	return text
}

// addresses are the published ports, each once: Docker reports one for IPv4 and one for IPv6.
func addresses(containers []compose.Container) []string {
	var out []string
	for _, c := range containers {
		for _, p := range c.Ports {
			if p.Host == 0 {
				continue
			}
			at := fmt.Sprintf("%s:%d", p.IP, p.Host)
			if strings.Contains(p.IP, ":") {
				at = fmt.Sprintf("[%s]:%d", p.IP, p.Host)
			}
			if p.Protocol != "tcp" {
				at += "/" + p.Protocol
			}
			if !slices.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	return out
}

func list(words []string) string { return strings.Join(words, ", ") }
