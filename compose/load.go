package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
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
	// Budget is what may be read, if it is shared with other inputs; nil is a full one of its own.
	Budget *Budget
	// Documents are files that were parsed before; nil is none.
	Documents Documents
}

// Warm makes ready what every [Load] needs and the first one makes: compose-go's schema, which takes as long as loading
// ten extensions. Who loads many calls it beside other work.
func Warm(ctx context.Context) {
	_, _ = Load(ctx, Input{ID: "warm", Files: []File{{Name: Fragment, Content: []byte("services: {}")}}})
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
	if in.Budget == nil {
		in.Budget = &Budget{}
	}
	u := &Unit{ID: in.ID, Source: in.Source, Lines: Lines{}}
	details := types.ConfigDetails{WorkingDir: "/", Environment: types.Mapping{}}
	vars := &variables{in: in, keys: keys{}, undeclared: map[string]bool{}, missing: map[string]string{}}
	sizes := map[string]int{}
	for _, f := range in.Files {
		if !in.Base && !in.Budget.take(&in.Budget.bytes, len(f.Content), maxFileBytes, "more than %d bytes in all files together") {
			return nil, spentError(in, f.Name, 0)
		}
		root, err := in.Documents.Parse(f.Name, f.Content)
		if err != nil {
			return nil, invalid(in, f.Name, lineOf(err), "", messageOf(err), "mend the file")
		}
		if err := checkShape(in, f.Name, root); err != nil {
			return nil, err
		}
		if err := checkBounds(in, f.Name, root, vars); err != nil {
			return nil, err
		}
		vars.keys.add(root)
		u.Lines.add(f.Name, root, func(path string, n int) { in.Budget.merge(sizes, path, n) })
		if in.Budget.Spent() {
			return nil, spentError(in, f.Name, 0)
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: f.Name, Content: f.Content})
	}
	maps.Copy(details.Environment, in.Env)
	project, err := load(ctx, details, vars)
	switch {
	case in.Budget.Spent():
		return nil, spentError(in, "", 0)
	case len(vars.missing) > 0:
		return nil, missingError(in, vars.missing)
	case err != nil:
		return nil, loadError(in, u.Lines, err)
	}
	project.Environment = nil
	flattenHosts(project)
	u.Project = project
	if err := u.inlineFiles(in, vars); err != nil {
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

// flattenHosts writes the addresses of extra_hosts as they are read from the file that runs: one "a,b" of a mapping is
// two addresses of a list, and each reading takes a pair of brackets off.
func flattenHosts(p *types.Project) {
	flat := func(hosts types.HostsList) {
		for name, addresses := range hosts {
			var all []string
			for _, text := range addresses {
				for address := range strings.SplitSeq(text, ",") {
					for len(address) > 2 && address[0] == '[' && address[len(address)-1] == ']' {
						address = address[1 : len(address)-1]
					}
					all = append(all, address)
				}
			}
			hosts[name] = all
		}
	}
	for _, s := range p.Services {
		flat(s.ExtraHosts)
		if s.Build != nil {
			flat(s.Build.ExtraHosts)
		}
	}
}

// variables is the lookup that interpolation uses. It notes what it could not give.
type variables struct {
	in         Input
	keys       keys // in the files
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
	o.Interpolate.TypeCastMapping = v.keys.casts(o.Interpolate.TypeCastMapping)
	o.Interpolate.LookupValue = v.lookup
	o.Interpolate.Substitute = v.substitute
}

// substitute replaces ${…}. compose-go stops at the first required variable that is not set; the others of the
// same text are found by pretending that it is.
func (v *variables) substitute(s string, m template.Mapping) (string, error) {
	if !v.search(s) {
		return "", errSpent
	}
	result, first := template.SubstituteWithOptions(s, m, template.WithoutLogging)
	if strings.Contains(s, "$") && !v.in.Budget.command(result) { // it may be one
		return "", errSpent
	}
	pretended := map[string]bool{}
	var missing *template.MissingRequiredError
	for err := first; errors.As(err, &missing) && !pretended[missing.Variable] && len(pretended) < maxMissing && v.search(s); {
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
	value, ok := v.in.Env[key]
	if !v.fill(value) {
		return "", true
	}
	if ok {
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
		notes = append(notes, fmt.Sprintf("${%s} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform", key))
	}
	slices.Sort(notes)
	return notes
}

// checkShape refuses what would reach outside the unit before anything follows it. The error has all of it.
func checkShape(in Input, file string, root *yaml.Node) error {
	var all *problem.Error
	refuse := func(line int, path, message, fix string) {
		e := invalid(in, file, line, path, message, fix)
		if all == nil {
			all = e
			return
		}
		all = all.With(e.Items...)
	}
	for key, value := range yamldoc.Entries(root) {
		switch {
		case key.Value == "include":
			refuse(key.Line, "include", "include is not followed: one file must be judged whole", "copy the services into this file")
		case key.Value == "name" && !in.Base:
			refuse(key.Line, "name", "name would rename the whole project", "remove the line: the platform names the project")
		case key.Value == "services" && yamldoc.Resolve(value).Kind != yaml.MappingNode:
			refuse(value.Line, "services", "services must be a mapping of names to services, not "+yamldoc.KindName(yamldoc.Resolve(value)),
				"write `services:` and below it `<name>:`")
		case key.Value == "services":
			for name, service := range yamldoc.Entries(value) {
				for k := range yamldoc.Entries(service) {
					if k.Value == "extends" {
						refuse(k.Line, "services."+name.Value+".extends", "extends is not followed: one file must be judged whole", "copy the keys into this service")
					}
				}
			}
		}
	}
	if all == nil {
		return nil // and not a nil *problem.Error in an error
	}
	return all
}
