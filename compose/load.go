package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus" //nolint:depguard // what compose-go logs with: see silence
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
	vars := &variables{in: in, undeclared: map[string]bool{}, missing: map[string]string{}}
	maps.Copy(details.Environment, in.Env)
	project, err := load(ctx, details, vars)
	switch {
	case len(vars.missing) > 0:
		return nil, missingError(in, vars.missing)
	case err != nil:
		return nil, loadError(in, u.Lines, err)
	}
	project.Environment = nil
	u.Project = project
	if err := u.inlineEnvFiles(in, vars); err != nil {
		return nil, err
	}
	u.Notes = append(u.Notes, vars.notes()...)
	for _, name := range slices.Sorted(maps.Keys(project.DisabledServices)) {
		u.Notes = append(u.Notes, fmt.Sprintf("services.%s has profiles: it is left out", name))
	}
	return u, nil
}

// load calls compose-go. The files may be hostile: one that it stumbles over must not stop this program.
func load(ctx context.Context, details types.ConfigDetails, vars *variables) (p *types.Project, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compose-go gave up: %v", r)
		}
	}()
	return loader.LoadWithContext(ctx, details, vars.options)
}

// variables is the lookup that interpolation uses. It notes what it could not give.
type variables struct {
	in         Input
	undeclared map[string]bool
	missing    map[string]string // required variable → the reason that the file gives
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
	o.Interpolate.Substitute = v.substitute
}

// substitute replaces ${…}. compose-go stops at the first required variable that is not set; the others of the
// same text are found by pretending that it is.
func (v *variables) substitute(s string, m template.Mapping) (string, error) {
	result, first := template.SubstituteWithOptions(s, m, template.WithoutLogging)
	pretended := map[string]bool{}
	var missing *template.MissingRequiredError
	for err := first; errors.As(err, &missing) && !pretended[missing.Variable]; {
		pretended[missing.Variable] = true
		v.missing[missing.Variable] = missing.Reason
		_, err = template.SubstituteWithOptions(s, func(key string) (string, bool) {
			if pretended[key] {
				return "pretended", true
			}
			return m(key)
		}, template.WithoutLogging)
	}
	return result, first
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
	for key, value := range entries(root) {
		switch {
		case key.Value == "include":
			return invalid(in, file, key.Line, "include", "include is not followed: one file must be judged whole", "copy the services into this file")
		case key.Value == "name" && !in.Base:
			return invalid(in, file, key.Line, "name", "name would rename the whole project", "remove the line: the platform names the project")
		case key.Value == "services" && resolve(value).Kind != yaml.MappingNode:
			return invalid(in, file, value.Line, "services", "services must be a mapping of names to services, not "+yamldoc.KindName(resolve(value)),
				"write `services:` and below it `<name>:`")
		case key.Value == "services":
			for name, service := range entries(value) {
				for k := range entries(service) {
					if k.Value == "extends" {
						return invalid(in, file, k.Line, "services."+name.Value+".extends",
							"extends is not followed: one file must be judged whole", "copy the keys into this service")
					}
				}
			}
		}
	}
	return nil
}

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

// missingError names every required variable that has no value.
func missingError(in Input, missing map[string]string) error {
	keys := slices.Sorted(maps.Keys(missing))
	e := problem.Newf(problem.MissingConfig, "extension %q needs a value for %s: add it to .env and try again",
		in.ID, strings.Join(keys, ", "))
	for _, k := range keys {
		at := whereRequired(in.Files, k)
		item := problem.Item{
			Rule: "missing-variable", Severity: "error", Path: k, File: at.File, Line: at.Line,
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

// whereRequired finds ${key:?…} or ${key?…}.
func whereRequired(files []File, key string) Position {
	for _, f := range files {
		for _, ref := range []string{"${" + key + ":?", "${" + key + "?"} {
			if before, _, found := bytes.Cut(f.Content, []byte(ref)); found {
				return Position{File: f.Name, Line: 1 + bytes.Count(before, []byte("\n"))}
			}
		}
	}
	return Position{}
}

// loadError turns compose-go's errors into ours, each with the place that its text names.
func loadError(in Input, lines Lines, err error) error {
	var first *problem.Error
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
		first = first.With(e.Items...)
	}
	return first
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
