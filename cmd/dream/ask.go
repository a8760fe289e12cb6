package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"dreamserver/catalog"
	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
)

// asks reports whether there is a person to ask: at a terminal, and not with --json.
func (a *app) asks() bool {
	return !a.json && a.stdin != nil && term.IsTerminal(int(a.stdin.Fd()))
}

// maxAsked is how often a person may mistype.
const maxAsked = 5

// ask asks for the value of a variable until it is one that it can have. Secrets do not show while they are typed.
func (a *app) ask(ctx context.Context, v catalog.Variable) (string, error) {
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
			hint = fmt.Sprintf(" (such as %s)", printable.Line(v.Sample))
		}
		fmt.Fprintf(a.stderr, "  value%s: ", hint)
		value, err := a.readAnswer(ctx, v.Secret)
		switch {
		case errors.Is(err, io.EOF):
			return "", problem.Newf(problem.MissingConfig, "%s was not given", v.Key)
		case err != nil:
			return "", err
		case value == "" && !v.CanGenerate:
			fmt.Fprintln(a.stderr, "  It cannot be empty.")
		case v.Check(value) != "" && value != "":
			fmt.Fprintf(a.stderr, "  That %s.\n", printable.Line(v.Check(value)))
		default:
			return value, nil
		}
	}
	return "", problem.Newf(problem.MissingConfig, "%s was not given", v.Key)
}

// readAnswer reads a line. [io.EOF] is no answer at all, and errInterrupted the end of ctx.
func (a *app) readAnswer(ctx context.Context, secret bool) (string, error) {
	if secret {
		show, err := hideTyping(int(a.stdin.Fd()))
		if err != nil {
			return "", fmt.Errorf("the terminal cannot be kept from showing the secret: %w", err)
		}
		defer show()
	}
	answer, err := untilInterrupted(ctx, func() (string, error) { return readLine(a.stdin) })
	if secret || err != nil {
		fmt.Fprintln(a.stderr) // the line break that was typed did not show, or was none
	}
	return answer, err
}

// readLine reads one byte at a time: what follows the line belongs to the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		switch {
		case n == 1 && b[0] == '\n', err != nil && errors.Is(err, io.EOF) && len(line) > 0:
			return strings.TrimSuffix(string(line), "\r"), nil
		case n == 1:
			line = append(line, b[0])
		case err != nil:
			return "", err
		}
	}
}

// untilInterrupted is what read returns, or errInterrupted when ctx ends before. A read from a terminal or a pipe cannot
// be called off: it is left waiting, for as long as the program lasts.
func untilInterrupted(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	if ctx.Err() == nil {
		go func() {
			text, err := read()
			done <- answer{text, err}
		}()
	}
	select {
	case <-ctx.Done():
	case got := <-done:
		if ctx.Err() == nil {
			return got.text, got.err
		}
	}
	return "", errInterrupted
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
			value, err := a.ask(ctx, v)
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
func (a *app) valuesOf(ctx context.Context, now catalog.Config, words []string) (catalog.ConfigChange, error) {
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
			if value, err = a.ask(ctx, v); value == "" && err == nil {
				change.Generate = append(change.Generate, key)
				continue
			}
		case piped:
			err = usageError{errors.New("a pipe has one value: name one KEY, and the others as KEY=VALUE")}
		default:
			value, err = readPipe(ctx, a.stdin)
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

func readPipe(ctx context.Context, f *os.File) (string, error) {
	if f == nil {
		return "", errors.New("there is no input to read the value from")
	}
	return untilInterrupted(ctx, func() (string, error) {
		data, err := io.ReadAll(io.LimitReader(f, maxPiped))
		return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), err
	})
}
