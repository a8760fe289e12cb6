package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

// maxHistory is what the agent gives at most.
const maxHistory = 1000

func (a *app) historyCommand() *cobra.Command {
	count := 20
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show who changed what, the newest first",
		Long: `Reads the host agent's audit log: every change that it was asked for or made by itself, with its result, and who was
refused. ACTOR is what a caller says about itself, with what the kernel says behind it where that does not fit; --json
has both, and why something failed.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if count < 1 || count > maxHistory {
				return fmt.Errorf("%d entries cannot be had: ask for 1 to %d", count, maxHistory)
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.history(ctx, count) }),
	}
	cmd.Flags().IntVarP(&count, "number", "n", count, fmt.Sprintf("how many entries, 1 to %d", maxHistory))
	return cmd
}

func (a *app) history(ctx context.Context, count int) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	entries, err := in.agent.Audit(ctx, count)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(entries)
	}
	if len(entries) == 0 {
		a.print("Nothing was changed yet.")
		return nil
	}
	return writeHistory(a.stdout, entries, uids())
}

// writeHistory prints a table. uidOf is the number of a user of this machine, empty for a name that is nobody's.
func writeHistory(w io.Writer, entries []catalog.AuditEntry, uidOf func(name string) string) error {
	granted := slices.ContainsFunc(entries, func(e catalog.AuditEntry) bool { return len(e.Grants) > 0 })
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	row := func(grants string, columns ...string) {
		if granted {
			columns = append(columns, grants)
		}
		fmt.Fprintln(t, row(columns...))
	}
	row("GRANTS", "TIME", "ACTOR", "OPERATION", "EXTENSION", "RESULT")
	for _, e := range entries {
		row(cmp.Or(manifest.JoinGrants(e.Grants), "-"), e.Time.UTC().Format(time.RFC3339), whoAsked(e, uidOf), verbOf(e), cmp.Or(e.Extension, "-"), e.Result)
	}
	return t.Flush()
}

// verbOf is what the host agent did, and what that was part of.
func verbOf(e catalog.AuditEntry) string {
	if e.Change == "" {
		return e.Op
	}
	return e.Op + " (" + string(e.Change) + ")"
}

// whoAsked is what the caller says about itself, and behind it what the kernel says where that does not fit: everybody
// who may use the socket could say cli:root. Root may speak for others, as it does behind sudo.
func whoAsked(e catalog.AuditEntry, uidOf func(name string) string) string {
	name, person := strings.CutPrefix(e.Actor, "cli:")
	switch {
	case e.Actor == "" || e.Peer == "":
		return cmp.Or(e.Actor, e.Peer, "-")
	case e.Peer == "uid 0":
		return e.Actor
	case e.Actor == "agent", person && e.Peer != "uid "+uidOf(name): // what the agent does by itself has no peer
		return e.Actor + " (" + e.Peer + ")"
	}
	return e.Actor
}

// uids looks each name up once.
func uids() func(name string) string {
	known := map[string]string{}
	return func(name string) string {
		uid, ok := known[name]
		if !ok {
			if u, err := user.Lookup(name); err == nil {
				uid = u.Uid
			}
			known[name] = uid
		}
		return uid
	}
}

// actor is who runs this program, for the audit log: the person behind sudo, where there is one.
func (a *app) actor() string {
	name := a.getenv("SUDO_USER")
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	return "cli:" + cmp.Or(name, "unknown")
}
