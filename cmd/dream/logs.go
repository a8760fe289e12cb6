package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
)

// maxTail is what the agent gives at most.
const maxTail = 500

func (a *app) logsCommand() *cobra.Command {
	tail := 100
	cmd := &cobra.Command{
		Use:     "logs ID [LINES]",
		Aliases: []string{"log", "l"},
		Short:   "Print the end of a service's log",
		Args:    cobra.MatchAll(named(2), linesArg(&tail)),
		ValidArgsFunction: a.complete(func(e catalog.Entry) bool {
			return e.Source != catalog.FromLibrary
		}),
		RunE: a.action(func(ctx context.Context, args []string) error { return a.logs(ctx, args[0], tail) }),
	}
	cmd.Flags().IntVarP(&tail, "tail", "n", tail, fmt.Sprintf("how many lines, 1 to %d", maxTail))
	return cmd
}

// linesArg checks how many lines are wanted, as a flag or as the second argument.
func linesArg(tail *int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 2 {
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return fmt.Errorf("%q is not a number of lines", args[1])
			}
			*tail = n
		}
		if *tail < 1 || *tail > maxTail {
			return fmt.Errorf("%d lines cannot be had: ask for 1 to %d", *tail, maxTail)
		}
		return nil
	}
}

func (a *app) logs(ctx context.Context, name string, tail int) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	id, err := in.manager.Snapshot().ResolveName(name)
	if err != nil {
		return err
	}
	logs, err := in.manager.Logs(ctx, id, tail)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(logs)
	}
	if text := strings.TrimRight(logs.Logs, "\n"); text != "" {
		a.print("%s", text)
	}
	return nil
}
