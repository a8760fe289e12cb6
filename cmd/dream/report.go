package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dreamserver/internal/printable"
	"dreamserver/internal/problem"
)

// The exit codes. Their meaning is in rootHelp.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitUnavailable

	exitInterrupted = 130 // what shells make of Ctrl-C
)

// errInterrupted is a signal.
var errInterrupted = errors.New("interrupted")

// interrupted is what became of something that a signal ended.
type interrupted struct{ error }

func (e interrupted) Unwrap() error        { return e.error }
func (e interrupted) Is(target error) bool { return target == errInterrupted }

// usageError is a command line that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// reported is a failure that is on the screen already.
type reported struct{ error }

func (e reported) Unwrap() error { return e.error }

// report shows err and returns the exit code for it.
func (a *app) report(err error) int {
	switch {
	case err == nil, is[reported](err):
	case a.json:
		_ = writeLine(a.stderr, document(err))
	case is[usageError](err):
		fmt.Fprintf(a.stderr, "dream: %v\nRun `dream --help` for what there is.\n", err)
	default:
		fmt.Fprintf(a.stderr, "dream: %s\n", indentMore(err.Error()))
		for _, item := range items(err) {
			if !strings.Contains(err.Error(), item.Message) { // a single cause is often the whole sentence
				fmt.Fprintf(a.stderr, "  %s\n", itemText(item))
			}
		}
	}
	return exitCode(err)
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case is[ended](err):
		code, _ := errors.AsType[ended](err)
		return code.code
	case is[usageError](err), errors.Is(err, errPlanRefused):
		return exitUsage // of a plan, refused
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case is[planError](err), is[unverified](err), problem.AgentAway(err), problem.HasCode(err, problem.DockerUnavailable):
		return exitUnavailable
	}
	return exitFailed
}

// is reports whether an error of this type is in err's chain.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// document is err as JSON. Unlike a server, a command line shows its own user what went wrong inside.
func document(err error) *problem.Document {
	if is[usageError](err) {
		err = problem.Newf(problem.InvalidArgument, "%w", err)
	}
	d := problem.NewDocument(err)
	d.Detail = err.Error()
	return d
}

func items(err error) []problem.Item {
	if e, ok := errors.AsType[*problem.Error](err); ok {
		return e.Items
	}
	return nil
}

// itemText is one cause on one line: where, what, and what to do.
func itemText(i problem.Item) string {
	var where []string
	switch {
	case i.File != "" && i.Line > 0:
		where = append(where, fmt.Sprintf("%s:%d", i.File, i.Line))
	case i.File != "":
		where = append(where, i.File)
	}
	if i.Path != "" {
		where = append(where, i.Path)
	}
	text := i.Message
	if len(where) > 0 {
		text = strings.Join(where, " ") + ": " + text
	}
	if i.Fix != "" {
		text += ": " + i.Fix
	}
	return text
}

func (a *app) warn(format string, args ...any) {
	if a.json {
		_ = writeLine(a.stderr, map[string]string{"warning": fmt.Sprintf(format, args...)}) // nobody is left to tell
		return
	}
	fmt.Fprintf(a.stderr, "dream: warning: %s\n", indentMore(fmt.Sprintf(format, args...)))
}

// print writes a line for people to stdout.
func (a *app) print(format string, args ...any) {
	fmt.Fprintf(a.stdout, format+"\n", args...)
}

func (a *app) printJSON(v any) error { return writeJSON(a.stdout, v, "  ") }

// writeLine writes a document on one line, for programs that read line by line.
func writeLine(w io.Writer, v any) error { return writeJSON(w, v, "") }

func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(printable.JSON(b.Bytes()))
	return err
}

// row is a line of a table. What is in its cells neither ends them nor the line.
func row(cells ...string) string {
	for i, cell := range cells {
		cells[i] = printable.Line(cell)
	}
	return strings.Join(cells, "\t")
}

// indentMore keeps the later lines of a text apart from the next message.
func indentMore(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") }
