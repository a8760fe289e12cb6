package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// change is what install, uninstall, enable, disable, start, stop and restart have in common.
type change struct {
	use, short, long string
	off              bool // it turns something off
	// suits tells the shell which extensions to offer.
	suits func(catalog.Entry) bool
	// core is what to do instead for a core service, ID in its place.
	core string
	do   func(ctx context.Context, m *catalog.Manager, id string) (catalog.Result, error)
}

func (a *app) changeCommand(c change) *cobra.Command {
	return &cobra.Command{
		Use:               c.use + " ID…",
		Short:             c.short,
		Long:              c.short + ".\n\n" + c.long,
		Args:              named(0),
		ValidArgsFunction: a.complete(c.suits),
		RunE: a.action(func(ctx context.Context, names []string) error {
			open := a.open
			if c.off {
				open = a.openAnyway
			}
			in, err := open()
			if err != nil {
				return err
			}
			return a.changeAll(ctx, in, c, names)
		}),
	}
}

// planFlag lets the command carry out a plan. A plan is of one extension.
func planFlag(cmd *cobra.Command, hash *string) {
	cmd.Flags().StringVar(hash, "plan", "", "carry out the plan with this hash, or change nothing: see `dream plan`")
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		if *hash != "" && len(args) > 1 {
			return fmt.Errorf("--plan is of one extension, and %q is another", args[1])
		}
		return nil
	}
}

// changeAll goes on after a refusal, because the others were asked for as well. It stops where nobody could do
// the rest, or wants it.
func (a *app) changeAll(ctx context.Context, in *installation, c change, names []string) error {
	var worst error
	for i, name := range names {
		if ctx.Err() != nil {
			rest := interrupted{fmt.Errorf("interrupted: not begun is %s of %s", c.use, list(names[i:]))}
			a.report(rest)
			return reported{rest}
		}
		err := a.changeOne(ctx, in, c, name)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			err = interrupted{err}
		}
		a.report(err)
		if exitCode(err) > exitCode(worst) {
			worst = reported{err}
		}
		if exitCode(err) == exitUnavailable {
			break
		}
	}
	return worst
}

func (a *app) changeOne(ctx context.Context, in *installation, c change, name string) error {
	id, err := in.manager.Snapshot().ResolveName(name)
	if err != nil {
		return err
	}
	result, err := a.perform(ctx, in.manager, c, id)
	if given, asked := a.askMissing(ctx, in, id, err); given {
		result, err = a.perform(ctx, in.manager, c, id)
	} else {
		err = asked
	}
	if len(result.Also) > 0 && !a.json {
		a.print("Enabled first, because %s needs them: %s.", id, list(result.Also))
	}
	if err != nil {
		return instead(err, strings.ReplaceAll(c.core, "ID", id))
	}
	return a.showResult(result, in.manager.Snapshot().Agent)
}

// perform makes the change, and shows how far it is where that takes its time.
func (a *app) perform(ctx context.Context, m *catalog.Manager, c change, id string) (catalog.Result, error) {
	if !c.off {
		defer a.follow(ctx, m)()
	}
	return c.do(ctx, m, id)
}

// instead adds what to do about a core service, which these commands refuse.
func instead(err error, what string) error {
	if !problem.HasCode(err, problem.CoreService) || what == "" {
		return err
	}
	return problem.Newf(problem.CoreService, "%w; %s", err, what)
}

// showResult says what a change did. Several changes with --json are several documents, one after the other.
func (a *app) showResult(r catalog.Result, agent catalog.AgentStatus) error {
	if a.json {
		return a.printJSON(r)
	}
	for _, w := range r.Warnings {
		a.warn("%s: %s", r.ID, w)
	}
	if r.RestartRequired {
		a.warn("%s: the containers do not know of this yet, because the host agent is away%s", r.ID, parenthesis(agent.Code))
	}
	a.print("%s", r.Message)
	if r.CleanupHint != "" {
		a.print("Note: %s.", r.CleanupHint)
	}
	return nil
}

func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
