package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/internal/chainlog"
	"dreamserver/internal/problem"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

func (a *app) policyAuditCommand() *cobra.Command {
	f := decisions.Filter{Limit: 20}
	since := ""
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show what policies decided, the newest first",
		Long: `Reads the host agent's log of decisions: each evaluation of a start, with what every plugin said and changed, what was loaded
when the agent was started, and where what ran was not what was approved. Secrets are in it as «secret:KEY».

An outcome is one of ` + strings.Join(decisions.Outcomes(), ", ") + `,
of the whole or of one plugin. --json has each record as it is.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.Extension, "extension", "", "only of this one")
	cmd.Flags().StringVar(&f.Outcome, "outcome", "", "only with this outcome")
	cmd.Flags().StringVar(&since, "since", "", "nothing from before a time (RFC 3339), or from longer ago, such as 24h")
	cmd.Flags().IntVarP(&f.Limit, "limit", "n", f.Limit, "how many records, 1 to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if since != "" {
			if f.Since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
		}
		if f.Limit < 1 || f.Limit > maxHistory {
			return fmt.Errorf("%d records cannot be had: ask for 1 to %d", f.Limit, maxHistory)
		}
		if err := f.Check(); err != nil {
			return err
		}
		return a.action(func(ctx context.Context, _ []string) error { return a.policyAudit(ctx, f) })(cmd, args)
	}
	cmd.AddCommand(a.policyVerifyCommand())
	return cmd
}

func (a *app) policyAudit(ctx context.Context, f decisions.Filter) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	page, err := in.agent.PolicyAudit(ctx, f)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(page)
	}
	if len(page.Entries) == 0 {
		a.print("Nothing was decided: there are no policies, or nothing is as it was asked for.")
		return nil
	}
	t := tabwriter.NewWriter(a.stdout, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, row("TIME", "USER", "OPERATION", "EXTENSION", "OUTCOME", "WHY"))
	for _, r := range page.Entries {
		fmt.Fprintln(t, row(r.Time.UTC().Format(time.RFC3339), cmp.Or(r.User, "-"), operationOf(r), cmp.Or(r.Extension, "-"), r.Outcome, cmp.Or(whyDecided(r), "-")))
	}
	return t.Flush()
}

// operationOf says of what nothing was applied of that it was a plan.
func operationOf(r decisions.Record) string {
	if r.Phase == decisions.Plan {
		return "plan"
	}
	return cmp.Or(r.Operation, r.Phase)
}

// whyDecided is in a line what plugins did: who left everything alone is not named.
func whyDecided(r decisions.Record) string {
	var parts []string
	for _, d := range r.Decisions {
		if d.Outcome == policy.Accepted {
			continue
		}
		text := d.Plugin + " " + string(d.Outcome)
		if d.Mode != policy.Enforce {
			text += " (" + string(d.Mode) + ")"
		}
		if d.Outcome == policy.Changed {
			text += paths(r, d.Plugin)
		}
		if d.Message != "" {
			text += ": " + d.Message
		}
		if d.Exception != nil {
			text += fmt.Sprintf(", and may until %s: %s", d.Exception.Expires.Format(time.DateOnly), d.Exception.Reason)
		}
		parts = append(parts, text)
	}
	refused := slices.ContainsFunc(r.Decisions, func(d decisions.Ruling) bool { return d.Message != "" && strings.Contains(r.Message, d.Message) })
	if r.Message != "" && !refused {
		parts = append(parts, r.Message)
	}
	return strings.Join(parts, "; ")
}

// paths are what the plugin has changed.
func paths(r decisions.Record, plugin string) string {
	var out []string
	for _, c := range r.Changes {
		if c.Plugin == plugin && !slices.Contains(out, c.Path) {
			out = append(out, c.Path)
		}
	}
	const most = 3
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("%d more", len(out)-most))
	}
	if len(out) == 0 {
		return ""
	}
	return " " + strings.Join(out, ", ")
}

func (a *app) policyVerifyCommand() *cobra.Command {
	head := ""
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say whether the log of decisions is as it was written",
		Long: `Reads the files of the log, and asks nobody: each line has the hash of the one before, so that one that was changed, removed,
put in or moved shows, with file and line. A piece of a line that a killed agent left, and that the next one sealed, is no
fault.

The end is another matter: who cuts the last lines off, or writes the whole log anew, leaves a chain that is whole. That
shows against a head that was noted elsewhere, such as in a log of another machine: this command prints it, and --head
compares. The oldest files go when there are more than ` + fmt.Sprint(decisions.Files) + `: what was in them is not here to be looked at.

Exit codes: 0 whole, 2 broken, 3 it could not be looked at.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(context.Context, []string) error { return a.verifyDecisions(head) }),
	}
	cmd.Flags().StringVar(&head, "head", "", "the hash of a head that was noted")
	return cmd
}

func (a *app) verifyDecisions(noted string) error {
	settings, err := a.settings()
	if err == nil && !isInstallation(settings.InstallDir) {
		err = noInstallation(settings)
	}
	var r *chainlog.Report
	if err == nil {
		r, err = decisions.Verify(settings.StateDir, noted)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = problem.Newf(problem.NotFound, "there is no log of decisions: nothing was decided yet, or it was removed (%w)", err)
	case errors.Is(err, fs.ErrPermission):
		err = problem.Newf(problem.Forbidden, "the log of decisions is the host agent's alone: sudo dream policy audit verify (%w)", err)
	}
	if err != nil {
		return unverified{err}
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		a.showVerified(r)
	}
	if err == nil && !r.Whole() {
		err = ended{errors.New("the log of decisions is not whole"), exitRejected}
	}
	return err
}

// unverified is why a log could not be looked at. Unlike elsewhere, that is no refusal.
type unverified struct{ error }

// Unwrap is the cause.
func (e unverified) Unwrap() error { return e.error }

func (a *app) showVerified(r *chainlog.Report) {
	for _, i := range r.Issues {
		a.print("%s: %s", placeOf(i.Place), i.What)
	}
	if r.More > 0 {
		a.print("and %d more", r.More)
	}
	if n := len(r.Issues) + r.More; n > 0 {
		a.print("The log of decisions is broken: %s in %s.", plural(n, "issue"), plural(r.Files, "file"))
	} else {
		a.print("The log of decisions is whole: %s in %s, lines %d to %d.", plural(r.Records, "record"), plural(r.Files, "file"), r.First, r.Head.Seq)
	}
	for _, p := range r.Sealed {
		a.print("%s: a piece of a line: an agent was killed while it wrote. It was sealed, and is no fault.", placeOf(p))
	}
	if r.Torn != nil {
		a.print("%s: the last line is not whole: the agent is writing it, was killed, or somebody has cut it. The next start of the agent seals it.", placeOf(*r.Torn))
	}
	if r.Noted != nil {
		a.print("The head that was noted is %s.", placeOf(*r.Noted))
	}
	a.print("head %s", r.Head.Hash)
}

func placeOf(p chainlog.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

func (a *app) policyDriftCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drift",
		Short: "Say where what runs is not what was approved",
		Long: `Has the host agent compare the containers that run with what it has approved and started: privileges, capabilities,
mounts, ports, namespaces, devices, users, images, networks, commands, variables and labels, of which no value is told. It tells of
containers that were made or changed by hand or by another program, of those that nobody approved, and of extensions whose files
have changed since they were started. Nothing is changed.

Exit codes: 0 nothing, 2 something (or the command line is wrong), 3 it could not be found out.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.policyDrift(ctx) }),
	}
}

func (a *app) policyDrift(ctx context.Context) error {
	in, err := a.openAnyway()
	if err != nil {
		return unverified{err}
	}
	r, err := in.agent.ScanDrift(ctx)
	if err != nil {
		return unverified{err}
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		a.showDrift(r)
	}
	if err == nil && len(r.Findings) > 0 {
		err = ended{errors.New("what runs is not what was approved"), exitRejected}
	}
	return err
}

func (a *app) showDrift(r catalog.Drift) {
	for _, f := range r.Findings {
		a.print("%s\n  to do: %s", f.Message, f.Fix)
	}
	if len(r.Changing) > 0 {
		a.print("Being changed now, and not looked at: %s", strings.Join(r.Changing, ", "))
	}
	if len(r.Findings) == 0 {
		a.print("%s: as approved.", plural(r.Containers, "container"))
		return
	}
	a.print("%s in %s.", plural(len(r.Findings), "difference"), plural(r.Containers, "container"))
}
