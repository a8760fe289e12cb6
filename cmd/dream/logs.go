package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/internal/printable"
)

// maxTail is what the agent gives at most.
const maxTail = 500

func (a *app) logsCommand() *cobra.Command {
	tail, since := 100, ""
	var follow bool
	cmd := &cobra.Command{
		Use:     "logs ID [LINES]",
		Aliases: []string{"log", "l"},
		Short:   "Print the end of a service's log, or follow it",
		Args:    cobra.MatchAll(named(2), linesArg(&tail)),
		ValidArgsFunction: a.complete(func(e catalog.Entry) bool {
			return e.Source != catalog.FromLibrary
		}),
		RunE: a.action(func(ctx context.Context, args []string) error {
			q := catalog.LogQuery{Tail: tail, Follow: follow}
			var err error
			if q.Since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
			return a.logs(ctx, args[0], q)
		}),
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written, until Ctrl-C; with --json a document per line")
	cmd.Flags().StringVar(&since, "since", "", "no lines from before a time (RFC 3339), or from longer ago, such as 10m")
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

// sinceTime is the time that the flag means; zero for none.
func sinceTime(text string, now time.Time) (time.Time, error) {
	t, ok := catalog.ParseSince(text, now)
	if !ok {
		return t, fmt.Errorf("%q is no time: write one such as 2026-01-02T15:04:05Z, or how long ago, such as 10m", text)
	}
	return t, nil
}

func (a *app) logs(ctx context.Context, name string, q catalog.LogQuery) error {
	in, err := a.openAnyway()
	if err != nil {
		return err
	}
	id, err := in.manager.Snapshot().ResolveName(name)
	if err != nil {
		return err
	}
	if q.Follow {
		return a.followLogs(ctx, in, id, q)
	}
	logs, err := in.endOfLog(ctx, id, q)
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

// endOfLog is what has been written. Only a log since a time is asked for by line.
func (in *installation) endOfLog(ctx context.Context, id string, q catalog.LogQuery) (catalog.Logs, error) {
	if q.Since.IsZero() {
		return in.manager.Logs(ctx, id, q.Tail)
	}
	lines, err := in.manager.FollowLogs(ctx, id, q)
	if err != nil {
		return catalog.Logs{}, err
	}
	var all []catalog.LogLine
	for l, err := range lines {
		if err != nil {
			return catalog.Logs{}, err
		}
		all = append(all, l)
	}
	return catalog.LogsOf(id, all), nil
}

// followLogs prints lines as they are written, those of stderr there, until it is interrupted, which is how it is meant
// to end.
func (a *app) followLogs(ctx context.Context, in *installation, id string, q catalog.LogQuery) error {
	lines, err := in.manager.FollowLogs(ctx, id, q)
	if err != nil {
		return err
	}
	for l, err := range lines {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case a.json:
			data, err := json.Marshal(l)
			if err != nil {
				return err
			}
			a.print("%s", printable.JSON(data))
			continue
		}
		to, text := a.stdout, l.Text
		if l.Stream == "stderr" {
			to = a.stderr
		}
		if l.Service != id {
			text = l.Service + " | " + text
		}
		if _, err := fmt.Fprintln(to, text); err != nil {
			return err
		}
	}
	return nil
}
