// Package security decides what a compose fragment may ask of the host. It judges the model that docker compose
// will run, after merge, overlays, interpolation and placing, never the text of a file: what it sees is what runs.
//
// The rules are an allow-list: rows of a path pattern and a small function, one file per family, put together in
// table.go. What no row names is refused by name. [Scan] walks one model once and returns every finding, never only
// the first; [Judge] does so for every variant of an extension that could run.
package security

import (
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Subject is a placed unit and what its place allows.
type Subject struct {
	Unit       *compose.Unit
	Service    *manifest.Service // its gpu_backends and grants; nil asks for nothing
	DataDir    string            // the install's data folder; the unit may write below <DataDir>/<id>
	OwnDir     string            // the unit's own files, read-only to it
	Files      fs.FS             // what is in OwnDir; nil leaves unasked whether what is mounted from there exists
	InstallDir string            // built-in units may read below config/<id>
	CoreIDs    []string          // names that belong to the platform
	OtherIDs   []string          // ids of the other extensions: their names are taken, too
	Prefix     string            // of container names in this installation
	Project    string            // of docker compose: containers without a name are called <project>-<service>-1
	// BindAddress is the address on which the owner publishes ports (BIND_ADDRESS): for it, the owner has given the
	// grant already. Empty means loopback.
	BindAddress string
	// GPUGroups are the numbers of the host's groups video and render.
	GPUGroups []string
}

// Scan judges the unit. It is accepted when no finding is an [Error]. The result is sorted by service, path and
// rule. The error is for a model that cannot be judged.
func Scan(s Subject) ([]Finding, error) {
	model, err := compose.Model(s.Unit.Project)
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q cannot be judged: %w", s.Unit.ID, err)
	}
	if s.Service == nil {
		s.Service = &manifest.Service{}
	}
	c := &scan{Subject: s, model: model}
	c.walk(rules(), nil, model)
	c.writtenKeys(rules())
	sortFindings(c.findings)
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

type scan struct {
	Subject
	model    map[string]any
	findings []Finding
}

// walk judges v, which stands at the path that n is for, and everything below it.
func (c *scan) walk(n *node, at path, v any) {
	for _, r := range n.rows {
		if r.judge != nil {
			r.judge(c, at, v)
		}
		if r.whole {
			return
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			c.step(n, append(slices.Clone(at), k), v[k])
		}
	case []any:
		for i, item := range v {
			c.step(n, append(slices.Clone(at), strconv.Itoa(i)), item)
		}
	case nil:
	default:
		if len(n.rows) == 0 {
			c.unknown(at)
		}
	}
}

func (c *scan) step(n *node, at path, v any) {
	if child := n.child(at.last()); child != nil {
		c.walk(child, at, v)
		return
	}
	c.unknown(at)
}

// unknown refuses a key because no row names it: whoever adds a key to Compose does not decide what it may do here.
func (c *scan) unknown(at path) {
	c.find("unknown-key", at, "key "+strconv.Quote(at.last())+" is not among those that an extension may use", "remove "+at.last()+"; docs/security.md lists what is allowed")
}

func (c *scan) find(rule string, at path, message, fix string) {
	if c.Unit.Source == compose.Owner { // who owns the machine may do what they like with it, and is told what it is
		if !slices.Contains(foreignToOwner, rule) {
			c.note(rule, at, message, "nothing, if you mean it: the override is the owner's")
		}
		return
	}
	c.add(Finding{Rule: rule, Severity: Error, Message: message, Fix: fix}, at)
}

// foreignToOwner are the rules that say whose a name is, or what a service lacks: an override changes services of
// others, and names what it changes of them.
var foreignToOwner = []string{"service-name", "container-name", "core-name", "foreign-name", "alias", "links", "no-image"}

func (c *scan) note(rule string, at path, message, fix string) {
	c.add(Finding{Rule: rule, Severity: Note, Message: message, Fix: fix}, at)
}

func (c *scan) add(f Finding, at path) {
	source := at
	if len(at) > 1 && at[0] != "services" { // the model has the namespaced key, the file the plain one
		source = append(path{at[0], strings.TrimPrefix(at[1], c.Unit.ID+".")}, at[2:]...)
	}
	f.Service, f.Path = at.service(), source.String()
	if len(c.Unit.Lines) > 0 {
		pos := c.Unit.Lines.Find(f.Path)
		f.File, f.Line = pos.File, pos.Line
	}
	c.findings = append(c.findings, f)
}

// path is where the walk stands: services, web, ports, 0.
type path []string

func (p path) String() string { return strings.Join(p, ".") }

func (p path) last() string {
	if len(p) == 0 {
		return ""
	}
	return p[len(p)-1]
}

// service is the service that the path is in, if any.
func (p path) service() string {
	if len(p) > 1 && p[0] == "services" {
		return p[1]
	}
	return ""
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// builtin reports whether the unit ships with the platform and so has the wider rules.
func (c *scan) builtin() bool { return c.Unit.Source == compose.Builtin }

// own reports whether the name is the unit's own service, or would be.
func (c *scan) own(name string) bool { return compose.OwnsService(c.Unit.ID, name, c.OtherIDs) }

func str(v any) string {
	s, _ := v.(string)
	return s
}
