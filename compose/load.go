package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"gopkg.in/yaml.v3"

	"dreamserver/internal/problem"
	"dreamserver/internal/yamldoc"
)

// File is one compose file: how a person finds it, and what is in it.
type File struct {
	Name    string
	Content []byte
}

// Input is what [Load] makes a model of.
type Input struct {
	ID     string
	Source Source
	Files  []File // merged in this order
	// Env is everything that ${…} can read. Nothing is taken from the process environment.
	Env map[string]string
	// Declared reports whether a variable that Env lacks may be set by the owner. An undeclared one counts as
	// unset with a note. Nil means that every name is declared, as for the platform's own files.
	Declared func(key string) bool
	// Folder is where env_file is read from; nil when the unit has none.
	Folder fs.FS
	// Base marks the platform's own base files, which may set the project's name.
	Base bool
}

// Unit is one loaded unit: merged, interpolated and typed, but not yet in its place.
type Unit struct {
	ID      string
	Source  Source
	Project *types.Project // owned by the unit; Place edits it
	Lines   Lines
	Notes   []string // what a person may want to know: variables that counted as unset
}

// Load merges and interpolates the files of one unit on their own, without remote loaders, include or extends.
// Its errors are [problem.InvalidExtension] and [problem.MissingConfig] with every cause in Items.
func Load(ctx context.Context, in Input) (*Unit, error) {
	silence()
	u := &Unit{ID: in.ID, Source: in.Source, Lines: Lines{}}
	details := types.ConfigDetails{WorkingDir: "/", Environment: types.Mapping{}}
	for _, f := range in.Files {
		root, err := yamldoc.Parse(f.Content)
		if err != nil {
			return nil, invalid(in, f.Name, lineOf(err), "", messageOf(err), "mend the file")
		}
		if err := checkShape(in, f.Name, root); err != nil {
			return nil, err
		}
		u.Lines.add(f.Name, root)
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f.Name, Content: f.Content})
	}
	vars := &variables{in: in, undeclared: map[string]bool{}}
	for k, v := range in.Env {
		details.Environment[k] = v
	}
	project, err := loader.LoadWithContext(ctx, details, vars.options)
	if err != nil {
		return nil, loadError(in, u.Lines, err)
	}
	project.Environment = nil
	u.Project = project
	u.Notes = vars.notes()
	if err := u.inlineEnvFiles(in); err != nil {
		return nil, err
	}
	return u, nil
}

// variables is the lookup that interpolation uses. It notes what it could not give.
type variables struct {
	in         Input
	undeclared map[string]bool
}

func (v *variables) options(o *loader.Options) {
	o.SetProjectName("unit", true)
	o.ResolvePaths = false
	o.SkipNormalization = true
	o.SkipConsistencyCheck = true // a unit may depend on services of others; Join checks the whole
	o.SkipExtends = true
	o.SkipInclude = true
	o.SkipResolveEnvironment = true
	o.SkipResolveLabels = true
	o.Interpolate.LookupValue = v.lookup
	o.Interpolate.Substitute = func(s string, m template.Mapping) (string, error) {
		return template.SubstituteWithOptions(s, m, template.WithoutLogging)
	}
}

func (v *variables) lookup(key string) (string, bool) {
	if value, ok := v.in.Env[key]; ok {
		return value, true
	}
	if v.in.Declared != nil && !v.in.Declared(key) {
		v.undeclared[key] = true
	}
	return "", false
}

func (v *variables) notes() []string {
	var notes []string
	for key := range v.undeclared {
		notes = append(notes, fmt.Sprintf("${%s} is not declared in the manifest's env_vars: it counts as unset", key))
	}
	slices.Sort(notes)
	return notes
}

// checkShape refuses what would reach outside the unit before anything follows it.
func checkShape(in Input, file string, root *yaml.Node) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch {
		case key.Value == "include":
			return invalid(in, file, key.Line, "include", "include is not followed: one file must be judged whole", "copy the services into this file")
		case key.Value == "name" && !in.Base:
			return invalid(in, file, key.Line, "name", "name would rename the whole project", "remove the line: the platform names the project")
		case key.Value == "services" && value.Kind != yaml.MappingNode:
			return invalid(in, file, value.Line, "services", "services must be a mapping of names to services, not "+yamldoc.KindName(value),
				"write `services:` and below it `<name>:`")
		case key.Value == "services":
			for j := 0; j+1 < len(value.Content); j += 2 {
				if k := child(value.Content[j+1], "extends"); k != nil {
					return invalid(in, file, k.Line, "services."+value.Content[j].Value+".extends",
						"extends is not followed: one file must be judged whole", "copy the keys into this service")
				}
			}
		}
	}
	return nil
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
	return nil
}

func invalid(in Input, file string, line int, path, message, fix string) *problem.Error {
	where := file
	if line > 0 {
		where = fmt.Sprintf("%s:%d", file, line)
	}
	return problem.Newf(problem.InvalidExtension, "extension %q: %s: %s; %s", in.ID, where, message, fix).
		With(problem.Item{Rule: "shape", Severity: "error", Path: path, File: file, Line: line, Message: message, Fix: fix})
}

func lineOf(err error) int {
	var e *yamldoc.Error
	if errors.As(err, &e) {
		return e.Line
	}
	return 0
}

func messageOf(err error) string {
	var e *yamldoc.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// loadError turns compose-go's error into ours: every required variable by name, else its own words.
func loadError(in Input, lines Lines, err error) error {
	missing := map[string]string{}
	collectMissing(err, missing)
	if len(missing) == 0 {
		return problem.Newf(problem.InvalidExtension, "extension %q: %s", in.ID, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	keys := make([]string, 0, len(missing))
	for k := range missing {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e := problem.Newf(problem.MissingConfig, "extension %q needs a value for %s: add it to .env and try again",
		in.ID, strings.Join(keys, ", "))
	at := lines.Find("")
	for _, k := range keys {
		item := problem.Item{
			Rule: "missing-variable", Severity: "error", Path: k, File: at.File,
			Message: fmt.Sprintf("required variable %s is not set", k), Fix: fmt.Sprintf("add %s=… to .env", k),
		}
		if reason := missing[k]; reason != "" {
			item.Message += ": " + reason
		}
		if in.Declared != nil && !in.Declared(k) {
			item.Fix = fmt.Sprintf("declare %s in the manifest's env_vars, then add it to .env", k)
		}
		e = e.With(item)
	}
	return e
}

// collectMissing walks an error tree for required variables.
func collectMissing(err error, into map[string]string) {
	switch e := err.(type) { //nolint:errorlint // walks the tree by hand: errors.As stops at the first
	case nil:
	case *template.MissingRequiredError:
		into[e.Variable] = e.Reason
	case interface{ Unwrap() []error }:
		for _, sub := range e.Unwrap() {
			collectMissing(sub, into)
		}
	case interface{ Unwrap() error }:
		collectMissing(e.Unwrap(), into)
	}
}

// silence stops compose-go's own logging: what it says reaches people as notes and findings.
var silence = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })
