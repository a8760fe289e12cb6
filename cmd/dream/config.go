package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dreamserver/catalog"
	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

func (a *app) configCommand() *cobra.Command {
	var restart bool
	verbs := []string{"get", "set", "unset", "generate", "edit"}
	cmd := &cobra.Command{
		Use:   "config ID [get|set|unset|generate|edit] [KEY[=VALUE]…]",
		Short: "Show and change the variables of an extension",
		Long: `Show and change the variables that an extension's manifest declares. Their values are in the installation's .env.
The extension may be built in, installed, or in the library: it can be configured before it is installed.

  dream config ID                     every variable: its value, its default, what is missing
  dream config ID get KEY             one value and nothing else, for scripts
  dream config ID set KEY=VALUE…      new values
  dream config ID set KEY             asks for the value, or reads it from a pipe: for secrets, which other users of this
                                      machine could read in a command line
  dream config ID unset KEY…          forgets them: the default holds, or none
  dream config ID generate [KEY…]     makes new secrets; without a KEY those that are not set
  dream config ID edit                opens all of them in $VISUAL or $EDITOR

A secret is never shown. What runs has its old values until it is started again: --restart does that.`,
		Args: named(0),
		ValidArgsFunction: func(cmd *cobra.Command, given []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch len(given) {
			case 0:
				return a.complete(func(e catalog.Entry) bool { return e.Category != string(manifest.Core) })(cmd, given, word)
			case 1:
				return verbs, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeKeys(cmd.Context(), given)
		},
	}
	cmd.Flags().BoolVar(&restart, "restart", false, "restart what runs with the old values")
	cmd.RunE = a.action(func(ctx context.Context, args []string) error {
		verb := "get"
		if len(args) > 1 {
			verb = args[1]
		}
		if !slices.Contains(verbs, verb) {
			return usageError{fmt.Errorf("%q is not what config can do: write one of %s", verb, strings.Join(verbs, ", "))}
		}
		in, err := a.open()
		if err != nil {
			return err
		}
		id, err := in.manager.Snapshot().ResolveName(args[0])
		if err != nil {
			return err
		}
		return a.configure(ctx, in, configuring{id: id, verb: verb, keys: args[min(2, len(args)):], restart: restart})
	})
	return cmd
}

// configuring is what one call of the command asks for.
type configuring struct {
	id, verb string
	keys     []string // what follows the verb
	restart  bool
}

func (a *app) configure(ctx context.Context, in *installation, c configuring) error {
	if c.verb == "get" && len(c.keys) > 1 {
		return usageError{errors.New("get shows one value: name one KEY, or none for all")}
	}
	if len(c.keys) == 0 && (c.verb == "set" || c.verb == "unset") {
		return usageError{fmt.Errorf("name a variable: dream config %s %s KEY", c.id, c.verb)}
	}
	now, err := in.manager.Config(ctx, c.id)
	if err != nil {
		return err
	}
	var change catalog.ConfigChange
	switch c.verb {
	case "get":
		return a.showConfig(now, c.keys)
	case "set":
		change, err = a.valuesOf(ctx, now, c.keys)
	case "unset":
		change.Unset = c.keys
	case "generate":
		change.Generate = toGenerate(now, c.keys)
	case "edit":
		return a.editConfig(ctx, in, c, now)
	}
	if err != nil {
		return err
	}
	return a.applyConfig(ctx, in, c, now, change)
}

// applyConfig makes the change and says what came of it.
func (a *app) applyConfig(ctx context.Context, in *installation, c configuring, now catalog.Config, change catalog.ConfigChange) error {
	if len(change.Keys()) == 0 {
		if a.json {
			return a.printJSON(catalog.ConfigResult{Config: now, Changed: []string{}, Restart: []string{}, Restarted: []string{}})
		}
		a.print("Nothing is to be changed.")
		return nil
	}
	r, err := in.manager.Configure(ctx, c.id, change, c.restart)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	if len(r.Changed) == 0 {
		a.print("Nothing has changed: these are the values already.")
		return nil
	}
	a.print("Changed: %s.", strings.Join(r.Changed, ", "))
	if len(r.Restarted) > 0 {
		a.print("Restarted: %s.", strings.Join(r.Restarted, ", "))
	} else if len(r.Restart) > 0 {
		a.print("It takes effect with the next start: dream restart %s", strings.Join(r.Restart, " "))
	}
	if len(r.Missing) > 0 {
		a.print("Still missing: %s.", strings.Join(r.Missing, ", "))
	}
	return nil
}

func toGenerate(c catalog.Config, keys []string) []string {
	if len(keys) > 0 {
		return keys
	}
	for _, v := range c.Variables {
		if v.CanGenerate && !v.Set && !v.Reserved {
			keys = append(keys, v.Key)
		}
	}
	return keys
}

func (a *app) showConfig(c catalog.Config, keys []string) error {
	if len(keys) == 0 {
		if a.json {
			return a.printJSON(c)
		}
		return writeConfig(a.stdout, c)
	}
	i := slices.IndexFunc(c.Variables, func(v catalog.Variable) bool { return v.Key == keys[0] })
	switch {
	case i < 0:
		return problem.Newf(problem.NotFound, "%s declares no variable %s: `dream config %s` lists what it does", c.ID, keys[0], c.ID)
	case a.json:
		return a.printJSON(c.Variables[i])
	case c.Variables[i].Value != nil:
		a.print("%s", *c.Variables[i].Value)
		return nil
	case c.Variables[i].Set || c.Variables[i].Secret && !c.Variables[i].Required:
		return problem.Newf(problem.Forbidden, "%s is a secret, and secrets are not shown; it is in .env", keys[0])
	}
	return problem.Newf(problem.NotFound, "%s has no value: `dream config %s set %s` gives it one", keys[0], c.ID, keys[0])
}

// writeConfig prints a table, and below it what every variable is for.
func writeConfig(w io.Writer, c catalog.Config) error {
	if len(c.Variables) == 0 {
		fmt.Fprintf(w, "%s declares no variables: there is nothing to configure.\n", c.ID)
		return nil
	}
	t := tabwriter.NewWriter(w, 10, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tTYPE\tVALUE\tFROM\tABOUT")
	for _, v := range c.Variables {
		value, from := valueText(v)
		fmt.Fprintln(t, row(v.Key, string(v.Type), value, from, cmp.Or(firstSentence(v.Description), "-")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, v := range c.Variables {
		if v.Problem != "" {
			fmt.Fprintf(w, "\n%s %s.\n", v.Key, v.Problem)
		}
	}
	return nil
}

// valueText is a variable's value and where it is from, as far as that may be shown.
func valueText(v catalog.Variable) (value, from string) {
	switch {
	case v.Set && v.Value == nil:
		return "(secret)", ".env"
	case v.Set:
		return shorten(*v.Value), ".env"
	case v.Value != nil:
		return shorten(*v.Value), "default"
	case v.CanGenerate && v.Required:
		return "-", "made at the first start"
	case v.Required:
		return "-", "MISSING"
	}
	return "-", "not set"
}

// shorten keeps a value on its line.
func shorten(s string) string {
	if runes := []rune(s); len(runes) > 40 {
		return string(runes[:39]) + "…"
	}
	return s
}

// firstSentence is the first sentence of a description, where it has several, on one line.
func firstSentence(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	sentence, _, _ := strings.Cut(line, ". ")
	return printable.Line(strings.TrimSuffix(sentence, "."))
}

func (a *app) completeKeys(ctx context.Context, given []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	in, err := a.openAnyway()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	c, err := in.manager.Config(ctx, given[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var keys []cobra.Completion
	for _, v := range c.Variables {
		if !slices.Contains(given, v.Key) {
			keys = append(keys, cobra.CompletionWithDesc(v.Key, firstSentence(v.Description)))
		}
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}
