package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"dreamserver/security/policy/kit"
)

func (a *app) policyTestCommand() *cobra.Command {
	var t targetFlags
	var plugin, junit string
	var update bool
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Hold policies against the cases of a folder",
		Long: `A case is a file NAME.json, or a folder NAME with case.json and input.json:

  {"plugin": "./house_rules", "input": {…}, "expect": "allow", "deny" or "diff", "message": "part of the reason"}

plugin is as P of dream policy, a path being relative to DIR; --plugin is for cases that name none. input is a question, as
dream policy eval --print prints it, or its spec alone. With diff the changes have to be those of NAME.golden.json
(golden.json in a folder), which --update writes. Also: hook, config, timeout.

Exit codes: 0 all are as expected; 2 one is not; 3 one could not be asked, or not be answered.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&plugin, "plugin", "", "the policy P of cases that name none")
	cmd.Flags().BoolVar(&update, "update", false, "write the golden files")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results to this file, for CI")
	t.add(cmd)
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		o, err := a.policyOptions(t)
		if err != nil {
			return err
		}
		cases, err := kit.ReadCases(args[0])
		if err != nil {
			return a.undecided(err)
		}
		results := kit.Test(ctx, cases, plugin, o, update)
		if junit != "" {
			var b bytes.Buffer
			if err := kit.WriteJUnit(&b, filepath.Base(args[0]), results); err != nil {
				return err
			}
			if err := renameio.WriteFile(junit, b.Bytes(), 0o644); err != nil {
				return err
			}
		}
		return a.showCases(results)
	})
	return cmd
}

// undecided is an error that ends the program with its own code.
func (a *app) undecided(err error) error {
	_ = a.report(err)
	return ended{err, exitUndecided}
}

func (a *app) showCases(results []kit.Result) error {
	failed, broken := 0, 0
	for _, r := range results {
		switch {
		case r.Broken:
			broken++
		case r.Problem != "":
			failed++
		}
	}
	if a.json {
		if err := a.printJSON(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			switch {
			case r.Problem == "":
				a.print("ok      %s", r.Name)
			case r.Broken:
				a.print("error   %s: %s", r.Name, indentMore(r.Problem))
			default:
				a.print("failed  %s: %s", r.Name, indentMore(r.Problem))
			}
		}
		a.print("%d cases: %d as expected, %d not, %d could not be asked", len(results), len(results)-failed-broken, failed, broken)
	}
	switch {
	case broken > 0:
		return ended{errors.New("a case could not be asked"), exitUndecided}
	case failed > 0:
		return ended{errors.New("a case is not as expected"), exitRejected}
	}
	return nil
}

func (a *app) policyConformanceCommand() *cobra.Command {
	var t targetFlags
	cmd := &cobra.Command{
		Use:   "conformance P",
		Short: "Try on a policy what every one has to do",
		Long: policyHelp + `

It is asked about samples: an extension with nothing to object to, one with everything, one of nearly 4 MiB; and about
what is no question. What fails is named, with how to mend it.

Exit codes: 0 nothing has failed; 2 something has; 3 it cannot be asked at all.`,
		Args: cobra.ExactArgs(1),
	}
	t.add(cmd)
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		o, err := a.policyOptions(t)
		if err != nil {
			return err
		}
		mark := "DREAM_CONFORMANCE=" + rand.Text()
		o.Sources.Env = []string{mark}
		target, err := kit.Find(args[0], o)
		if err != nil {
			return a.undecided(fmt.Errorf("policy %s: %w", args[0], err))
		}
		return a.showConformance(kit.Conformance(ctx, target, mark))
	})
	return cmd
}

func (a *app) showConformance(verdicts []kit.Verdict) error {
	failed := 0
	for _, v := range verdicts {
		if v.Outcome == kit.Failed {
			failed++
		}
		if a.json {
			continue
		}
		switch v.Outcome {
		case kit.OK:
			a.print("ok       %s (%s)", v.Check, v.Took.Round(time.Millisecond))
		case kit.Skipped:
			a.print("skipped  %s: %s", v.Check, v.Reason)
		default:
			a.print("failed   %s: %s\n         %s", v.Check, indentMore(v.Reason), v.Mend)
		}
	}
	if a.json {
		if err := a.printJSON(verdicts); err != nil {
			return err
		}
	}
	if failed > 0 {
		return ended{fmt.Errorf("%d checks have failed", failed), exitRejected}
	}
	return nil
}
