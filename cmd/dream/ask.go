package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// asks reports whether there is a person to ask: at a terminal, and not with --json.
func (a *app) asks() bool {
	return !a.json && a.stdin != nil && term.IsTerminal(int(a.stdin.Fd()))
}

// maxAsked is how often a person may mistype.
const maxAsked = 5

// ask asks for the value of a variable until it is one that it can have. Secrets do not show while they are typed.
func (a *app) ask(v catalog.Variable) (string, error) {
	about := firstSentence(v.Description)
	if about == "" {
		about = string(v.Type)
	}
	fmt.Fprintf(a.stderr, "%s: %s\n", v.Key, about)
	for range maxAsked {
		hint := ""
		switch {
		case v.CanGenerate:
			hint = " (Enter makes one)"
		case v.Sample != "":
			hint = fmt.Sprintf(" (such as %s)", v.Sample)
		}
		fmt.Fprintf(a.stderr, "  value%s: ", hint)
		value, err := a.readAnswer(v.Secret)
		switch {
		case err != nil:
			return "", err
		case value == "" && !v.CanGenerate:
			fmt.Fprintln(a.stderr, "  It cannot be empty.")
		case v.Check(value) != "" && value != "":
			fmt.Fprintf(a.stderr, "  That %s.\n", v.Check(value))
		default:
			return value, nil
		}
	}
	return "", problem.Newf(problem.MissingConfig, "%s was not given", v.Key)
}

func (a *app) readAnswer(secret bool) (string, error) {
	if secret {
		data, err := term.ReadPassword(int(a.stdin.Fd()))
		fmt.Fprintln(a.stderr)
		return string(data), err
	}
	// One byte at a time: what follows the line belongs to the next question.
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := a.stdin.Read(b)
		switch {
		case n == 1 && b[0] == '\n':
			return strings.TrimSuffix(string(line), "\r"), nil
		case n == 1:
			line = append(line, b[0])
		case err != nil:
			return "", fmt.Errorf("no answer: %w", err)
		}
	}
}

// askMissing asks for what an extension cannot start without and keeps it; false where nobody can be asked.
func (a *app) askMissing(ctx context.Context, in *installation, id string, err error) (bool, error) {
	if !problem.HasCode(err, problem.MissingConfig) || !a.asks() {
		return false, err
	}
	now, configErr := in.manager.Config(ctx, id)
	if configErr != nil || len(now.Missing) == 0 { // an extension that it needs lacks something
		return false, err
	}
	change := catalog.ConfigChange{Values: map[string]string{}}
	fmt.Fprintf(a.stderr, "%s cannot start without %s.\n", id, list(now.Missing))
	for _, v := range now.Variables {
		for _, key := range now.Missing {
			if v.Key != key {
				continue
			}
			value, err := a.ask(v)
			if err != nil {
				return false, err
			}
			change.Values[key] = value
		}
	}
	_, err = in.manager.Configure(ctx, id, change, false)
	return err == nil, err
}

// valuesOf reads KEY=VALUE words. A KEY alone is asked for, or read from the pipe.
func (a *app) valuesOf(now catalog.Config, words []string) (catalog.ConfigChange, error) {
	change := catalog.ConfigChange{Values: map[string]string{}}
	piped := false
	for _, word := range words {
		key, value, given := strings.Cut(word, "=")
		v := catalog.Variable{}
		for _, known := range now.Variables {
			if known.Key == key {
				v = known
			}
		}
		var err error
		switch {
		case given && v.Secret:
			a.warn("%s was readable by other users of this machine while this command ran: `dream config %s set %s` asks for it", key, now.ID, key)
		case given:
		case v.Key == "":
			err = problem.Newf(problem.InvalidConfig, "%s declares no variable %s: `dream config %s` lists what it does", now.ID, key, now.ID)
		case a.asks():
			if value, err = a.ask(v); value == "" && err == nil {
				change.Generate = append(change.Generate, key)
				continue
			}
		case piped:
			err = usageError{errors.New("a pipe has one value: name one KEY, and the others as KEY=VALUE")}
		default:
			value, err = readPipe(a.stdin)
			piped = true
		}
		if err != nil {
			return change, err
		}
		change.Values[key] = value
	}
	return change, nil
}

// maxPiped is more than a value may have, so that a longer one is refused and not cut.
const maxPiped = 128 << 10

func readPipe(f *os.File) (string, error) {
	if f == nil {
		return "", errors.New("there is no input to read the value from")
	}
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(f), maxPiped))
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), err
}
