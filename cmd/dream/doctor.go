package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/catalog/doctor"
	"dreamserver/internal/printable"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong, and say what to do about it",
		Long: `Looks at the installation's files and settings, the host agent, Docker, disks, ports, drivers and extensions. It
changes nothing, needs neither the agent nor Docker, and waits two or three seconds at most for what hangs. What this
user may not see is skipped, and said; sudo sees more.

The checks and their bounds are in docs/doctor.md. --json prints {"checks": [{"id", "severity", "title", "detail",
"fix"}], "summary", "result"}.

Exit codes: 0 no errors, warnings perhaps; 1 errors; 2 the command line is wrong.`,
		Args: cobra.NoArgs,
		RunE: a.action(func(ctx context.Context, _ []string) error { return a.doctor(ctx) }),
	}
}

func (a *app) doctor(ctx context.Context) error {
	facts, err := a.examine(ctx)
	if err != nil {
		return err
	}
	r := doctor.Examine(facts)
	if a.json {
		err = a.printJSON(r)
	} else {
		a.showReport(r)
	}
	if err == nil && r.Result == doctor.Error {
		err = reported{errors.New("errors were found")}
	}
	return err
}

// showReport prints what is wrong first, each with what to do, and what is right in a line each.
func (a *app) showReport(r doctor.Report) {
	for _, severity := range doctor.Severities() {
		for _, f := range r.Checks {
			if f.Severity == severity {
				a.showFinding(f)
			}
		}
	}
	s := r.Summary
	a.print("\n%s, %s, %d skipped, %d ok.", plural(s.Errors, "error"), plural(s.Warnings, "warning"), s.Skipped, s.OK)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (a *app) showFinding(f doctor.Finding) {
	a.print("%-8s %s (%s)", f.Severity, printable.Line(f.Title), f.ID)
	const margin = "         "
	for line := range strings.Lines(f.Detail) {
		fmt.Fprintf(a.stdout, "%s%s\n", margin, strings.TrimRight(line, "\n"))
	}
	label := "to do: "
	for line := range strings.Lines(f.Fix) {
		fmt.Fprintf(a.stdout, "%s%-7s%s\n", margin, label, strings.TrimRight(line, "\n"))
		label = ""
	}
}
