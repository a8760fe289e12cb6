package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/manifest"
)

func (a *app) planCommand() *cobra.Command {
	var p planning
	cmd := &cobra.Command{
		Use:   "plan ID | plan --all",
		Short: "Say what an install, an enable or a start would come to",
		Long: `Asks the host agent what the next change that turns the extension on would come to, with every policy asked: what each of them
changes, whether it is allowed, ports, grants, images, and what would become of containers. Nothing is changed to find out. The
hash that it ends with makes install, enable and start carry out this plan and nothing else: dream install ID --plan HASH.

--with FILE asks it of another config of policies than the one that holds, in the words of config/server/config.yml. --all asks
of everything that is installed or enabled; with --with, what that config would break, change, or leave as it is.

Exit codes: 0 allowed, 2 refused (or the command line is wrong), 3 it could not be found out; with --all, the worst of them.`,
		ValidArgsFunction: a.complete(func(e catalog.Entry) bool { return e.Toggles || e.Installable }),
	}
	cmd.Flags().StringSliceVar(&p.grants, "grant", nil, "as if it were given: "+manifest.JoinGrants(manifest.Grants()))
	cmd.Flags().StringVar(&p.with, "with", "", "a config of policies to try")
	cmd.Flags().BoolVar(&p.all, "all", false, "everything that is installed or enabled")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case p.all && len(args) > 0:
			return fmt.Errorf("%q is too much: --all is everything", args[0])
		case !p.all && len(args) != 1:
			return errors.New("name one extension, or --all: dream plan ID")
		}
		return checkGrants(p.grants)
	}
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		if err := a.plan(ctx, p, args); err != nil {
			return planError{err}
		}
		return nil
	})
	return cmd
}

// planning is what a plan is asked about.
type planning struct {
	grants []string
	with   string
	all    bool
}

// planError is why there is no plan. Unlike elsewhere, that is no refusal.
type planError struct{ error }

func (e planError) Unwrap() error { return e.error }

// planRefused is a plan of what is refused; planFailed one of what cannot be decided.
var (
	errPlanRefused = errors.New("the plan is refused")
	errPlanFailed  = errors.New("the plan could not be decided")
)

func (a *app) plan(ctx context.Context, p planning, args []string) error {
	in, err := a.open()
	if err != nil {
		return err
	}
	if p.with != "" {
		if p.with, err = filepath.Abs(p.with); err != nil {
			return err
		}
	}
	if p.all {
		return a.planAll(ctx, in, p.with)
	}
	id, err := in.manager.Snapshot().ResolveName(args[0])
	if err != nil {
		return err
	}
	plan, err := in.manager.Plan(ctx, catalog.PlanRequest{ID: id, Grants: grantsOf(p.grants), With: p.with})
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(plan)
	} else {
		a.print("%s", planText(plan, p.grants))
	}
	if err != nil {
		return err
	}
	return verdictError(plan.Verdict)
}

// planAll says what would become of each extension.
func (a *app) planAll(ctx context.Context, in *installation, with string) error {
	plans, err := in.agent.PlanAll(ctx, with)
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(agent.PlanAllReply{Plans: plans})
	} else {
		a.print("%s", comparisonText(plans, with))
	}
	if err != nil {
		return err
	}
	worst := catalog.PlanAllowed
	for _, p := range plans {
		if v := p.With.Verdict; v == catalog.PlanFailed || v == catalog.PlanRefused && worst == catalog.PlanAllowed {
			worst = v
		}
	}
	return verdictError(worst)
}

// verdictError is what the exit code tells of a verdict.
func verdictError(v catalog.PlanVerdict) error {
	switch v {
	case catalog.PlanAllowed:
		return nil
	case catalog.PlanRefused:
		return reported{errPlanRefused}
	}
	return reported{errPlanFailed}
}
