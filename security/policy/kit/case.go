package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"dreamserver/security/policy"
)

// Case is one question and what is expected of the answer: a file NAME.json, or a folder NAME with case.json, and in it
// input.json. The changes that are expected are in NAME.golden.json, or golden.json in the folder.
type Case struct {
	Plugin  string          `json:"plugin"`  // what is asked, as Find takes it; empty for what is named for all
	Hook    policy.Hook     `json:"hook"`    // empty for the question's own
	Config  json.RawMessage `json:"config"`  // for the plugin
	Input   json.RawMessage `json:"input"`   // the question, or its spec
	Expect  Expectation     `json:"expect"`  // allow, deny or diff
	Message string          `json:"message"` // that the reason, or a warning, has in it
	// Timeout bounds the answer, such as 2s.
	Timeout string `json:"timeout"`

	name   string
	dir    string // that a plugin's relative path begins at
	golden string // the file with the changes
}

// Expectation is what an answer has to be.
type Expectation string

// What can be expected.
const (
	Allow  Expectation = "allow" // accepted, and nothing is changed
	Deny   Expectation = "deny"  // rejected
	Differ Expectation = "diff"  // accepted, with the changes of the golden file
)

// Result is what became of a case.
type Result struct {
	Name    string        `json:"name"`
	Took    time.Duration `json:"took_ns"`
	Problem string        `json:"problem,omitempty"` // why it is not as expected
	Broken  bool          `json:"broken,omitempty"`  // it could not be asked, or not be answered
}

const goldenEnd = ".golden.json"

// ReadCases reads the cases of a folder, by name.
func ReadCases(dir string) ([]Case, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		folder := ""
		if e.IsDir() {
			folder, file = file, filepath.Join(file, "case.json")
			if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
				continue // of something else, such as the plugin itself
			}
		} else if !strings.HasSuffix(e.Name(), ".json") || strings.HasSuffix(e.Name(), goldenEnd) {
			continue
		}
		c, err := readCase(file, folder)
		c.dir = dir
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s has no cases: NAME.json, or NAME/case.json", dir)
	}
	return cases, nil
}

func readCase(file, folder string) (Case, error) {
	var c Case
	data, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if err := policy.ReadConfig(data, &c); err != nil { // every key has to be one that is understood
		return c, errors.New(strings.TrimPrefix(err.Error(), "its config: "))
	}
	c.name, c.golden = strings.TrimSuffix(filepath.Base(file), ".json"), strings.TrimSuffix(file, ".json")+goldenEnd
	if folder != "" {
		c.name, c.golden = filepath.Base(folder), filepath.Join(folder, "golden.json")
		if c.Input == nil {
			if c.Input, err = os.ReadFile(filepath.Join(folder, "input.json")); err != nil {
				return c, err
			}
		}
	}
	switch {
	case c.Input == nil:
		return c, errors.New("it has no input: write the question, or its spec")
	case !slices.Contains([]Expectation{Allow, Deny, Differ}, c.Expect):
		return c, fmt.Errorf("expect is %q: write allow, deny or diff", c.Expect)
	}
	return c, nil
}

// Test asks about each case. plugin is for those that name none. With update, the changes that are found are written to the
// golden files, and are what was expected.
func Test(ctx context.Context, cases []Case, plugin string, o Options, update bool) []Result {
	results := make([]Result, len(cases))
	for i, c := range cases {
		began := time.Now()
		problem, broken := c.run(ctx, plugin, o, update)
		results[i] = Result{Name: c.name, Took: time.Since(began), Problem: problem, Broken: broken}
	}
	return results
}

// run says what is not as expected, and whether that is because there is no answer.
func (c Case) run(ctx context.Context, plugin string, o Options, update bool) (problem string, broken bool) {
	if c.Plugin != "" {
		plugin, o.Dir = c.Plugin, c.dir
	}
	if plugin == "" {
		return "it names no plugin: write \"plugin\", or --plugin for all cases", true
	}
	if c.Config != nil {
		o.Config = c.Config
	}
	if c.Timeout != "" {
		var err error
		if o.Timeout, err = time.ParseDuration(c.Timeout); err != nil || o.Timeout <= 0 {
			return fmt.Sprintf("timeout is %q: write 2s", c.Timeout), true
		}
	}
	q, err := ReadRequest(c.Input, c.Hook)
	if err != nil {
		return "its input " + err.Error(), true
	}
	t, err := Find(plugin, o)
	if err != nil {
		return err.Error(), true
	}
	x := t.Ask(ctx, q)
	outcome, changes := Outcome(x)
	if outcome == policy.Failed {
		return x.Failure, true
	}
	return c.judge(x, outcome, changes, update)
}

// judge holds an answer against what was expected.
func (c Case) judge(x policy.Exchange, outcome policy.Outcome, changes []policy.Change, update bool) (problem string, broken bool) {
	want := map[Expectation]policy.Outcome{Allow: policy.Accepted, Deny: policy.Rejected, Differ: policy.Changed}[c.Expect]
	said := append([]string{x.Response.Error}, x.Response.Warnings...)
	switch {
	case outcome != want:
		return fmt.Sprintf("expected %s, and it is %s%s", c.Expect, outcome, detail(x, changes)), false
	case !strings.Contains(strings.Join(said, "\n"), c.Message):
		return fmt.Sprintf("expected a message with %q, and it says %q", c.Message, strings.TrimSpace(strings.Join(said, "; "))), false
	case c.Expect != Differ:
		return "", false
	}
	got, err := json.MarshalIndent(golden(changes), "", "  ")
	if err != nil {
		return err.Error(), true
	}
	got = append(got, '\n')
	if update {
		if err := renameio.WriteFile(c.golden, got, 0o644); err != nil {
			return err.Error(), true
		}
		return "", false
	}
	kept, err := os.ReadFile(c.golden)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%s is not there: look at what it changes%s, and write it with --update", c.golden, detail(x, changes)), false
	case err != nil:
		return err.Error(), true
	}
	expected, err := policy.Plain[[]policy.Change](json.RawMessage(kept))
	if err != nil {
		return fmt.Sprintf("%s is no list of changes: %v", c.golden, err), true
	}
	found, err := policy.Plain[[]policy.Change](json.RawMessage(got))
	if err != nil {
		return err.Error(), true
	}
	if more, less := without(found, expected), without(expected, found); len(more)+len(less) > 0 {
		return "its changes are others than in " + c.golden + lines("+ ", more) + lines("- ", less), false
	}
	return "", false
}

// change is one in a golden file.
type change struct {
	Path   string `json:"path"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

func golden(changes []policy.Change) []change {
	out := make([]change, len(changes))
	for i, c := range changes {
		out[i] = change{c.Path, c.Before, c.After}
	}
	return out
}

// without are the changes of a that are not in b.
func without(a, b []policy.Change) []policy.Change {
	return slices.DeleteFunc(slices.Clone(a), func(c policy.Change) bool {
		return slices.ContainsFunc(b, func(d policy.Change) bool { return Line(c) == Line(d) })
	})
}

func detail(x policy.Exchange, changes []policy.Change) string {
	if x.Response.Error != "" {
		return ": " + x.Response.Error
	}
	return lines("", changes)
}

func lines(sign string, changes []policy.Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString("\n  " + sign + Line(c))
	}
	return b.String()
}

// Line is a change on one line, for people.
func Line(c policy.Change) string { return c.Path + ": " + text(c.Before) + " → " + text(c.After) }

func text(v any) string {
	if v == nil {
		return "none"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
