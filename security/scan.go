// Package security decides what a compose fragment may ask of the host. It judges the model that docker compose
// will run, after merge, overlays, interpolation and placing, never the text of a file: what it sees is what runs.
//
// The rules are a table (table.go) from a path pattern to a small function, one file per family. [Scan] walks
// the model once and returns every finding, never only the first.
package security

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// Finding is one thing that a fragment may not do.
type Finding struct {
	Rule     string `json:"rule"`     // stable name, such as mount-host-path
	Severity string `json:"severity"` // error: refused
	Service  string `json:"service,omitempty"`
	Path     string `json:"path"` // key path in the model
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"` // what, and why not
	Fix      string `json:"fix"`     // what to write instead
}

// Subject is a placed unit and what its place allows.
type Subject struct {
	Unit       *compose.Unit
	DataDir    string   // the install's data folder; the unit may write below <DataDir>/<id>
	OwnDir     string   // the unit's own files, read-only to it
	InstallDir string   // built-in units may read below config/
	Backends   []string // the unit's gpu_backends: they imply the devices of the seed's overlay patterns
	CoreIDs    []string // names that belong to the platform
	Prefix     string   // of container names in this installation
}

// Scan judges the unit. No findings means accepted. The result is sorted by service, path and rule. The error is
// for a model that cannot be judged.
func Scan(s Subject) ([]Finding, error) {
	model, err := compose.Model(s.Unit.Project)
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q cannot be judged: %w", s.Unit.ID, err)
	}
	c := &scan{Subject: s}
	c.walk(nil, model)
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
	return c.findings, nil
}

// Accept judges the unit; the error is its refusal.
func Accept(s Subject) error {
	findings, err := Scan(s)
	if err != nil {
		return err
	}
	return Refusal(s.Unit.ID, findings)
}

// Refusal is the findings as one error, or nil when there are none.
func Refusal(id string, findings []Finding) error {
	if len(findings) == 0 {
		return nil
	}
	items := make([]problem.Item, 0, len(findings))
	var text strings.Builder
	for _, f := range findings {
		items = append(items, problem.Item(f))
		at := f.Path
		if f.File != "" {
			at = fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Path)
		}
		fmt.Fprintf(&text, "\n%s: %s; %s", at, f.Message, f.Fix)
	}
	return problem.Newf(problem.ScanRefused, "extension %q is refused by the security scan:%s", id, text.String()).With(items...)
}

type scan struct {
	Subject
	findings []Finding
}

// path is where the walk stands: services, web, ports, 0.
type path []string

func (p path) String() string { return strings.Join(p, ".") }

// service is the service that the path is in, if any.
func (p path) service() string {
	if len(p) > 1 && p[0] == "services" {
		return p[1]
	}
	return ""
}

func (c *scan) walk(at path, v any) {
	for _, r := range table {
		if r.matches(at) {
			r.check(c, at, v)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			c.walk(append(slices.Clone(at), k), v[k])
		}
	case []any:
		for i, item := range v {
			c.walk(append(slices.Clone(at), strconv.Itoa(i)), item)
		}
	}
}

func (c *scan) find(rule string, at path, message, fix string) {
	source := at
	if len(at) > 1 && at[0] != "services" { // the model has the namespaced key, the file the plain one
		source = append(path{at[0], strings.TrimPrefix(at[1], c.Unit.ID+".")}, at[2:]...)
	}
	pos := c.Unit.Lines.Find(source.String())
	c.findings = append(c.findings, Finding{
		Rule: rule, Severity: "error", Service: at.service(), Path: source.String(),
		File: pos.File, Line: pos.Line, Message: message, Fix: fix,
	})
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// builtin reports whether the unit ships with the platform and so has the wider rules.
func (c *scan) builtin() bool { return c.Unit.Source == compose.Builtin }

func str(v any) string {
	s, _ := v.(string)
	return s
}
