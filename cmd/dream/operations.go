package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

func (a *app) operationsCommand() *cobra.Command {
	f := operation.Filter{Limit: 20}
	var state string
	cmd := &cobra.Command{
		Use:   "operations [ID]",
		Short: "Show the changes of extensions, the newest first, or how one went",
		Long: fmt.Sprintf(`Each install, enable, disable, uninstall, start, stop, restart and change of variables, whoever made it; the last %d are
kept. With an ID, also its stages, what images it fetched, and why it failed. The beginning of an ID is enough, and the name
of an extension is its last operation.

  running      somebody makes it
  waiting      its files are changed; the host agent does the rest when it is back
  interrupted  its program ended; the host agent finishes or undoes it
  succeeded, failed, cancelled`, operation.Kept),
		Example: "  dream operations --state failed\n  dream operations hello\n  dream operations cancel hello",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.Limit < 1 || f.Limit > operation.Kept:
				return fmt.Errorf("%d operations cannot be had: ask for 1 to %d", f.Limit, operation.Kept)
			case state != "" && !slices.Contains(stateWords(), state):
				return fmt.Errorf("there is no state %q: use one of %s", state, list(stateWords()))
			case len(args) > 1:
				return tooMuch(cmd, args[1])
			}
			return nil
		},
		ValidArgsFunction: a.completeOperations(func(operation.Operation) bool { return true }),
		RunE: a.action(func(_ context.Context, args []string) error {
			if len(args) == 1 {
				return a.operation(args[0])
			}
			f.State = operation.State(state)
			return a.operations(f)
		}),
	}
	cmd.Flags().StringVar(&f.Extension, "extension", "", "only changes of this extension")
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: "+list(stateWords()))
	cmd.Flags().IntVarP(&f.Limit, "limit", "n", f.Limit, fmt.Sprintf("how many, 1 to %d", operation.Kept))
	_ = cmd.RegisterFlagCompletionFunc("extension", a.complete(func(e catalog.Entry) bool { return e.Source != catalog.FromLibrary }))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(stateWords(), cobra.ShellCompDirectiveNoFileComp))
	cmd.AddCommand(a.cancelCommand())
	return cmd
}

func stateWords() []string {
	var words []string
	for _, s := range operation.States() {
		words = append(words, string(s))
	}
	return words
}

func (a *app) operations(f operation.Filter) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	if f.Extension != "" {
		if f.Extension, err = in.manager.Snapshot().ResolveName(f.Extension); err != nil {
			return err
		}
	}
	all, err := in.manager.Operations(operation.Filter{})
	if err != nil {
		return err
	}
	some, err := in.manager.Operations(f)
	switch {
	case err != nil:
		return err
	case a.json:
		return a.printJSON(some)
	case len(some) == 0:
		a.print("There is no such operation.")
		return nil
	}
	return writeOperations(a.stdout, some, shortest(all), time.Now())
}

// writeOperations prints a table. Of each id it has the first digits.
func writeOperations(w io.Writer, some []operation.Operation, digits int, now time.Time) error {
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tTIME\tWHAT\tEXTENSION\tSTATE\tTOOK\tACTOR")
	for _, o := range some {
		fmt.Fprintln(t, row(o.ID[:digits], o.Started.UTC().Format(time.RFC3339), string(o.Kind), o.Extension, string(o.State), took(o.Started, o.Ended, o.State, now), cmp.Or(o.Actor, "-")))
	}
	return t.Flush()
}

// took is how long something takes until now, or took until its end.
func took(begun, ended time.Time, state operation.State, now time.Time) string {
	switch {
	case state == operation.Running && ended.IsZero():
		ended = now
	case ended.IsZero(), ended.Before(begun): // nobody knows, or the clock was put back
		return "-"
	}
	d := max(0, ended.Sub(begun))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// shortest is how many digits tell the operations apart. Two that began within a millisecond differ behind that.
func shortest(all []operation.Operation) int {
	digits := len("01234567-89ab")  // the time
	for i := 1; i < len(all); i++ { // they are sorted
		a, b := all[i-1].ID, all[i].ID
		for digits < len(a) && a[:digits] == b[:digits] {
			digits++
		}
	}
	return digits
}

// findOperation is the one that is meant by the beginning of its id, or the last one of an extension.
func (in *installation) findOperation(name string) (operation.Operation, error) {
	all, err := in.manager.Operations(operation.Filter{})
	if err != nil {
		return operation.Operation{}, err
	}
	var found []operation.Operation
	for _, o := range all {
		if strings.HasPrefix(o.ID, strings.ToLower(name)) {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
	default:
		return operation.Operation{}, problem.Newf(problem.InvalidArgument, "%d operations begin with %q: write more of the id", len(found), name)
	}
	if id, err := in.manager.Snapshot().ResolveName(name); err == nil {
		name = id
	}
	for _, o := range all { // one that is gone has operations, too
		if o.Extension == name {
			return o, nil
		}
	}
	return operation.Operation{}, operation.Unknown(name)
}

// completeOperations offers the ids of the operations that suit.
func (a *app) completeOperations(suits func(operation.Operation) bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		in, err := a.openAnyway()
		if err != nil || len(given) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := in.manager.Operations(operation.Filter{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []cobra.Completion
		for _, o := range all {
			if suits(o) {
				ids = append(ids, cobra.CompletionWithDesc(o.ID, titleOf(o)))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}
