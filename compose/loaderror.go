package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sirupsen/logrus" //nolint:depguard // only to silence it
	"gopkg.in/yaml.v3"

	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
)

// invalid is the error for what a unit may not say, and where it says it. File and line may be unknown.
func invalid(in Input, file string, line int, path, message, fix string) *problem.Error {
	where := ""
	switch {
	case line > 0:
		where = fmt.Sprintf("%s:%d: ", file, line)
	case file != "":
		where = file + ": "
	}
	return problem.Newf(problem.InvalidExtension, "extension %q: %s%s; %s", in.ID, where, message, fix).
		With(problem.Item{Rule: "shape", Severity: "error", Path: path, File: file, Line: line, Message: message, Fix: fix})
}

func lineOf(err error) int {
	if e, ok := errors.AsType[*yamldoc.Error](err); ok {
		return e.Line
	}
	return 0
}

func messageOf(err error) string {
	if e, ok := errors.AsType[*yamldoc.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

// missingError names every required variable that has no value. One that the manifest does not declare can never
// have one: then the extension is at fault and not its configuration.
func missingError(in Input, missing map[string]string) error {
	keys := slices.Sorted(maps.Keys(missing))
	undeclared := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return in.Declared == nil || in.Declared(k) })
	if len(undeclared) > 0 {
		return undeclaredError(in, undeclared)
	}
	e := problem.Newf(problem.MissingConfig, "extension %q needs a value for %s: add it to .env and try again",
		in.ID, strings.Join(keys, ", "))
	places := whereRequired(in.Files)
	items := make([]problem.Item, 0, len(keys))
	for _, k := range keys {
		at := places[k]
		item := problem.Item{
			Rule: "missing-variable", Severity: "error", Path: k, File: at.File, Line: at.Line,
			Message: fmt.Sprintf("required variable %s is not set", k), Fix: fmt.Sprintf("add %s=… to .env", k),
		}
		if reason := missing[k]; reason != "" {
			item.Message += ": " + reason
		}
		items = append(items, item)
	}
	return e.With(items...)
}

func undeclaredError(in Input, keys []string) error {
	var first *problem.Error
	var others []problem.Item
	places := whereRequired(in.Files)
	for _, k := range keys {
		at := places[k]
		fix := fmt.Sprintf("declare %s in the manifest's env_vars, or give it a default", k)
		if config.IsPlatformSecret(k) {
			fix = "remove it: no extension gets a key of the platform"
		}
		e := invalid(in, at.File, at.Line, k, fmt.Sprintf("${%s} is required, and the manifest does not declare it: it counts as unset", k), fix)
		e.Items[0].Rule = "undeclared-variable"
		if first == nil {
			first = e
			continue
		}
		others = append(others, e.Items...)
	}
	return first.With(others...)
}

// required is a variable that a text cannot do without: ${key:?…} or ${key?…}.
var required = regexp.MustCompile(`\$\{(\w+):?\?`)

// RequiredKeys are the variables that the files cannot do without, sorted. One that is needed only where another has
// no value is not among them, nor is what a comment or an escaped $$ names.
func RequiredKeys(files []File) []string {
	keys := map[string]bool{}
	for _, f := range files {
		root, err := yamldoc.Parse(f.Content, "!reset", "!override")
		if err != nil {
			continue // which is told when it is loaded
		}
		requiredIn(root, keys)
	}
	return slices.Sorted(maps.Keys(keys))
}

func requiredIn(n *yaml.Node, keys map[string]bool) {
	for _, child := range n.Content { // an anchor stands before its aliases
		requiredIn(child, keys)
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	for _, m := range escapedOrRequired.FindAllStringSubmatchIndex(n.Value, -1) {
		before := n.Value[:m[0]]
		if m[2] >= 0 && strings.Count(before, "${") <= strings.Count(before, "}") {
			keys[n.Value[m[2]:m[3]]] = true
		}
	}
}

var escapedOrRequired = regexp.MustCompile(`\$\$|\$\{(\w+):?\?`)

// whereRequired finds the first place of each required variable.
func whereRequired(files []File) map[string]Position {
	places := map[string]Position{}
	for _, f := range files {
		line, last := 1, 0
		for _, m := range required.FindAllSubmatchIndex(f.Content, -1) {
			line += bytes.Count(f.Content[last:m[0]], []byte("\n"))
			last = m[0]
			if key := string(f.Content[m[2]:m[3]]); places[key].Line == 0 {
				places[key] = Position{File: f.Name, Line: line}
			}
		}
	}
	return places
}

// loadError turns compose-go's errors into ours, each with the place that its text names.
func loadError(in Input, lines Lines, err error) error {
	var first *problem.Error
	var others []problem.Item
	for _, leaf := range leaves(err) {
		path, message := placed(in.Files, leaf.Error())
		at := lines.Find(path)
		if path == "" {
			at.Line = 0
		}
		e := invalid(in, at.File, at.Line, path, message, "mend the file")
		if first == nil {
			first = e
			continue
		}
		others = append(others, e.Items...)
	}
	return first.With(others...)
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

var (
	// keyPath is a path as compose-go writes it, before a colon, a full stop or a blank.
	keyPath = regexp.MustCompile(`^((?:services|networks|volumes|configs|secrets)(?:\.[\w.-]*\w)?)[:.]?\s`)
	// unknownKey is how compose-go's schema refuses a key.
	unknownKey = regexp.MustCompile(`^(\S*) ?additional properties '([^']+)' not allowed$`)
)

// placed takes compose-go's text apart: the key path that it is about, and what is wrong there. Values of
// variables do not pass: one may be a secret.
func placed(files []File, text string) (path, message string) {
	for _, f := range files {
		text = strings.TrimPrefix(text, "validating "+f.Name+": ")
	}
	text = strings.TrimPrefix(text, "error while interpolating ")
	text = strings.TrimPrefix(text, "invalid interpolation format for ")
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		return strings.TrimPrefix(m[1]+"."+m[2], "."), "unknown key " + strconv.Quote(m[2])
	}
	if m := keyPath.FindStringSubmatch(text); m != nil {
		path = m[1]
	}
	if strings.Contains(text, "failed to cast to expected type") {
		return path, path + ": what the variables give is not of the type that this key takes"
	}
	return path, strings.ReplaceAll(text, "\n", " ")
}

// silence stops compose-go's own logging: what it says reaches people as notes and findings.
var silence = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })
