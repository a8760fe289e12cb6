package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dreamserver/agent"
	"dreamserver/internal/printable"
	"dreamserver/security/policy"
	"dreamserver/security/policy/kit"
)

// evalOptions are what is asked, and about what.
type evalOptions struct {
	targetFlags
	plugin, extension, hook, input string
	print                          bool
}

func (a *app) policyEvalCommand() *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval --plugin P (--extension ID | --input FILE)",
		Short: "Show what a policy is asked about an extension, and what it answers",
		Long: policyHelp + `

The host agent makes the question from the extension's files as they lie on disk, as a start would. A policy that config.yml
lists is asked by the agent, after those before it; any other by this program, about what was submitted. Secrets are
placeholders in all that is shown. --input takes the question from a file instead, as --print has printed it, or a spec
alone; then no agent takes part.

With --print the question as the policy gets it, on one line, and its answer, on another, are all that is on stdout;
without --plugin the question alone.

Exit codes: 0 accepted, changed or not; 2 refused; 3 it cannot decide; 1 there is no question: no such extension, one that the
scan refuses, an agent that is away, or policies that are locked.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&o.plugin, "plugin", "", "the policy P")
	flags.StringVar(&o.extension, "extension", "", "id of the extension")
	flags.StringVar(&o.input, "input", "", "file with the question")
	flags.StringVar(&o.hook, "hook", "", "what it is asked about; the first that it has, or on_service_apply")
	flags.BoolVar(&o.print, "print", false, "print the question and the answer as they are")
	o.add(cmd)
	cmd.RunE = a.action(func(ctx context.Context, _ []string) error {
		if (o.extension == "") == (o.input == "") {
			return usageError{errors.New("write one of --extension ID and --input FILE")}
		}
		if o.plugin == "" && !o.print {
			return usageError{errors.New("write --plugin P, or --print for the question alone")}
		}
		return a.policyEval(ctx, o)
	})
	return cmd
}

func (a *app) policyEval(ctx context.Context, o evalOptions) error {
	options, err := a.policyOptions(o.targetFlags)
	if err != nil {
		return err
	}
	if o.extension != "" && inConfig(options.Installed, o.plugin) && o.config == "" && o.timeout == 0 {
		x, err := a.questionOf(ctx, o, o.plugin)
		if err != nil {
			return err
		}
		return a.showExchange(x, o)
	}
	var target *kit.Target
	if o.plugin != "" {
		if target, err = kit.Find(o.plugin, options); err != nil {
			return fmt.Errorf("policy %s: %w", o.plugin, err)
		}
		if o.hook == "" && o.input == "" {
			o.hook = string(target.Info().Hooks[0])
		}
	}
	x := policy.Exchange{}
	if o.input != "" {
		x.Request, err = readInput(o.input, o.hook)
	} else {
		x, err = a.questionOf(ctx, o, "")
	}
	if err != nil {
		return err
	}
	if target != nil {
		x = target.Ask(ctx, x.Request)
	}
	return a.showExchange(x, o)
}

// inConfig reports whether the config has a plugin or rule of that name.
func inConfig(c policy.Config, name string) bool {
	return slices.ContainsFunc(c.Plugins, func(p policy.PluginConfig) bool { return p.Name == name }) ||
		slices.ContainsFunc(c.Rules, func(r policy.RuleConfig) bool { return r.Name == name })
}

// questionOf has the agent make the question, and ask a plugin of its config.
func (a *app) questionOf(ctx context.Context, o evalOptions, plugin string) (policy.Exchange, error) {
	in, err := a.open()
	if err != nil {
		return policy.Exchange{}, err
	}
	return in.agent.EvalPolicy(ctx, agent.EvalRequest{ServiceID: o.extension, Hook: policy.Hook(o.hook), Plugin: plugin})
}

func readInput(file, hook string) (policy.Request, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return policy.Request{}, err
	}
	q, err := kit.ReadRequest(data, policy.Hook(hook))
	if err != nil {
		return q, fmt.Errorf("%s %w", file, err)
	}
	return q, nil
}

// evaluated is an exchange as JSON.
type evaluated struct {
	policy.Exchange
	Outcome policy.Outcome  `json:"outcome"`
	Changes []policy.Change `json:"changes"`
}

func (a *app) showExchange(x policy.Exchange, o evalOptions) error {
	if o.plugin == "" {
		return writeLine(a.stdout, x.Request)
	}
	outcome, changes := kit.Outcome(x)
	var err error
	switch {
	case a.json:
		err = a.printJSON(evaluated{x, outcome, append([]policy.Change{}, changes...)})
	case o.print:
		if err = writeLine(a.stdout, x.Request); err == nil && x.Response != nil {
			err = writeLine(a.stdout, answerLine(*x.Response))
		}
		if x.Response == nil {
			fmt.Fprintf(a.stderr, "dream: %s cannot decide: %s\n", x.Plugin.Name, indentMore(x.Failure))
		}
	default:
		a.tellExchange(x, outcome, changes)
	}
	switch {
	case err != nil:
		return err
	case outcome == policy.Rejected:
		return ended{errors.New("refused"), exitRejected}
	case outcome == policy.Failed:
		return ended{errors.New("it cannot decide"), exitUndecided}
	}
	return nil
}

// answerLine is an answer in the words of the contract, in which no error is null.
func answerLine(r policy.Response) any {
	words := map[string]any{"error": nil}
	if r.Error != "" {
		words["error"] = r.Error
	}
	if r.Spec != nil {
		words["spec"] = r.Spec
	}
	if len(r.Warnings) > 0 {
		words["warnings"] = r.Warnings
	}
	return words
}

func (a *app) tellExchange(x policy.Exchange, outcome policy.Outcome, changes []policy.Change) {
	said := map[policy.Outcome]string{policy.Accepted: "accepts", policy.Changed: "accepts, and changes", policy.Rejected: "refuses", policy.Failed: "cannot decide"}[outcome]
	a.print("%s (%s) %s %s, in %s", x.Plugin.Name, x.Request.Hook, said, subjectOf(x.Request), x.Took.Round(100*time.Microsecond))
	if x.Response == nil {
		a.print("  %s", indentMore(x.Failure))
		return
	}
	if x.Response.Error != "" {
		a.print("  %s", indentMore(x.Response.Error))
	}
	for _, c := range changes {
		a.print("  %s", printable.Line(kit.Line(c)))
	}
	for _, w := range x.Response.Warnings {
		a.print("  warning: %s", indentMore(w))
	}
}

func subjectOf(q policy.Request) string {
	if id, ok := q.Spec["id"].(string); ok {
		return printable.Line(id)
	}
	return "it"
}
