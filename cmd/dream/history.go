package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

// maxHistory is what the agent gives at most.
const maxHistory = 1000

func (a *app) historyCommand() *cobra.Command {
	count := 20
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show who changed what, the newest first",
		Long: `Reads the host agent's audit log: every change that it was asked for or made by itself, with its result, and who was
refused. What a caller says about itself is in ACTOR; --json has what the kernel says, and why something failed, too.`,
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
	return writeHistory(a.stdout, entries)
}

func writeHistory(w io.Writer, entries []catalog.AuditEntry) error {
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tACTOR\tOPERATION\tEXTENSION\tRESULT")
	for _, e := range entries {
		fmt.Fprintln(t, strings.Join([]string{
			e.Time.UTC().Format(time.RFC3339), cmp.Or(e.Actor, e.Peer, "-"), e.Op, cmp.Or(e.Extension, "-"), e.Result,
		}, "\t"))
	}
	return t.Flush()
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
