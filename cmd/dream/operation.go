package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog/operation"
	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
)

func (a *app) operation(name string) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	o, err := in.findOperation(name)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(o)
	}
	return writeOperation(a.stdout, o, time.Now())
}

// titleOf is an operation in a few words: "install of notes: running".
func titleOf(o operation.Operation) string {
	return printable.Line(fmt.Sprintf("%s of %s: %s", o.Kind, o.Extension, o.State))
}

func writeOperation(w io.Writer, o operation.Operation, now time.Time) error {
	fmt.Fprintln(w, titleOf(o))
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, row("Operation", o.ID))
	if o.Parent != "" {
		fmt.Fprintln(t, row("Part of", o.Parent))
	}
	fmt.Fprintln(t, row("Asked by", cmp.Or(o.Actor, "-")))
	if o.Cancelled != "" {
		fmt.Fprintln(t, row("Cancelled", "by "+o.Cancelled))
	}
	fmt.Fprintln(t, row("Begun", o.Started.UTC().Format(time.RFC3339)))
	fmt.Fprintln(t, row("Took", took(o.Started, o.Ended, o.State, now)))
	if len(o.Stages) > 0 {
		fmt.Fprintln(t, "\nSTAGE\tTOOK\tWHAT")
	}
	for _, s := range o.Stages {
		what := s.Detail
		if s.Total > 0 {
			what = pullText(s)
		}
		fmt.Fprintln(t, row(s.Name, took(s.Started, s.Ended, o.State, now), cmp.Or(what, "-")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	writeOutcome(w, o)
	return nil
}

// writeOutcome tells what the operation did, or why it did not.
func writeOutcome(w io.Writer, o operation.Operation) {
	if r := o.Result; r != nil {
		fmt.Fprintf(w, "\n%s\n", indentMore(r.Message))
		for _, warning := range r.Warnings {
			fmt.Fprintf(w, "  warning: %s\n", indentMore(warning))
		}
	}
	if f := o.Error; f != nil {
		fmt.Fprintf(w, "\n%s (%s)\n", indentMore(f.Detail), printable.Line(string(f.Code)))
		for _, item := range f.Errors {
			fmt.Fprintf(w, "  %s\n", indentMore(itemText(item)))
		}
		if f.Log != "" {
			fmt.Fprintf(w, "  %s\n", indentMore(f.Log))
		}
	}
}

func (a *app) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel an install, enable, start or restart that goes on, whoever makes it",
		Long: `It is undone: an install leaves nothing but images that were fetched whole, an enable is disabled again, and what was started is
stopped. The command waits until that is done. ID is the beginning of an operation's id, or the name of an extension.`,
		Args:              namedOperation,
		ValidArgsFunction: a.completeOperations(operation.Operation.Cancellable),
		RunE:              a.action(func(ctx context.Context, args []string) error { return a.cancelOperation(ctx, args[0]) }),
	}
}

// namedOperation asks for one operation.
func namedOperation(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return fmt.Errorf("name an operation, as `dream operations` lists them, or an extension: %s", cmd.UseLine())
	case len(args) > 1:
		return tooMuch(cmd, args[1])
	}
	return nil
}

func (a *app) cancelOperation(ctx context.Context, name string) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	o, err := in.findOperation(name)
	if err != nil {
		return err
	}
	if _, err := in.manager.Cancel(ctx, o.ID); err != nil {
		return err
	}
	if o, err = in.awaitEnd(ctx, o.ID); err != nil {
		return err
	}
	switch {
	case o.State == operation.Cancelled && a.json:
		return a.printJSON(o)
	case o.State == operation.Cancelled:
		a.print("%s", cancelledText(o))
		return nil
	case o.State == operation.Succeeded:
		return problem.Newf(problem.Conflict, "operation %s, the %s of %s, was done before it could be cancelled", o.ID, o.Kind, o.Extension)
	case o.State == operation.Failed:
		return problem.Newf(problem.Conflict, "operation %s, the %s of %s, failed before it could be cancelled: `dream operations %s` says why", o.ID, o.Kind, o.Extension, o.ID)
	}
	return problem.Newf(problem.OutcomeUnknown, "operation %s, the %s of %s, is %s: the host agent finishes or undoes it", o.ID, o.Kind, o.Extension, o.State)
}

// cancelledText says what the cancelled operation leaves, as its program says it.
func cancelledText(o operation.Operation) string {
	if o.Error == nil { // no record of ours
		return titleOf(o)
	}
	return indentMore(o.Error.Detail)
}

// lookEvery is how often an operation of another program is looked at.
const lookEvery = 100 * time.Millisecond

// awaitEnd waits until nobody makes the operation any more.
func (in *installation) awaitEnd(ctx context.Context, id string) (operation.Operation, error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		o, err := in.manager.Operation(id)
		if err != nil || o.State != operation.Running {
			return o, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return o, interrupted{fmt.Errorf("interrupted: operation %s is cancelled all the same", id)}
		}
	}
}
