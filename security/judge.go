package security

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// The two verdicts.
const (
	Accepted = "accept"
	Rejected = "reject"
)

// Verdict is what the gate says about an extension.
type Verdict struct {
	ID      string           `json:"id"`
	Verdict string           `json:"verdict"` // Accepted or Rejected
	Rating  int              `json:"rating"`  // 1 (worst) to 8, see [Deductions]
	Grants  []manifest.Grant `json:"grants"`  // that it uses
	// Findings are what it may not do, and what a person should know. A grant that it uses is among them.
	Findings []Finding `json:"findings"`
}

// Err is the refusal, or nil for an accepted extension. Files that nothing can be made of are not the scan's to
// refuse, but invalid.
func (v Verdict) Err() error {
	err := Refusal(v.ID, v.Findings)
	if err == nil {
		return nil
	}
	if !slices.ContainsFunc(Errors(v.Findings), func(f Finding) bool { return !slices.Contains(shapeRules, f.Rule) }) {
		e := problem.As(err)
		_, detail, _ := strings.Cut(e.Detail, "\n")
		return problem.Newf(problem.InvalidExtension, "extension %q: %s", v.ID, detail).With(e.Items...)
	}
	return err
}

// shapeRules are the rules of what package compose refuses before there is a model.
var shapeRules = []string{"shape", "undeclared-variable"}

// Folder is an extension's folder to judge, and where it would stand.
type Folder struct {
	Root     compose.Root
	Dir      string // the folder's name below Root
	OwnDir   string // its path on the host
	Source   compose.Source
	Manifest *manifest.Manifest
	Settings config.Settings
	// Backends are the machines to judge for; none means all that the manifest supports.
	Backends []string
	CoreIDs  []string
	OtherIDs []string
	Secrets  Secrets
	// Documents are compose files that were parsed before, under their paths in Root; nil is none.
	Documents compose.Documents
}

// Secrets are the secret variables that extensions declare, and whose they are: key → id.
type Secrets map[string]string

// Declare notes the secrets of an extension. The first to declare one has it.
func (s Secrets) Declare(id string, vars []manifest.EnvVar) {
	for _, v := range vars {
		if v.Secret && s[v.Key] == "" {
			s[v.Key] = id
		}
	}
}

// Declared is who declares each secret: the first who does, and the first other one. It answers for many extensions what
// [Secrets] answers for one.
type Declared map[string][2]string

// Add notes the secrets of an extension.
func (d Declared) Add(id string, vars []manifest.EnvVar) {
	for _, v := range vars {
		if !v.Secret {
			continue
		}
		switch owners := d[v.Key]; {
		case owners[0] == "":
			d[v.Key] = [2]string{id}
		case owners[1] == "" && owners[0] != id:
			d[v.Key] = [2]string{owners[0], id}
		}
	}
}

// Others are those of the secrets that the manifest of this extension names and that others declare.
func (d Declared) Others(id string, man *manifest.Manifest) Secrets {
	s := Secrets{}
	for _, named := range namedVariables(&man.Service) {
		owners := d[named.variable]
		owner := owners[0]
		if owner == id {
			owner = owners[1]
		}
		if owner != "" {
			s[named.variable] = owner
		}
	}
	return s
}

// namedVariable is a variable that a manifest names, and the key where it does.
type namedVariable struct{ key, variable string }

func namedVariables(service *manifest.Service) []namedVariable {
	var all []namedVariable
	for i, v := range service.EnvVars {
		all = append(all, namedVariable{fmt.Sprintf("service.env_vars.%d.key", i), v.Key})
	}
	return append(all, namedVariable{"service.external_port_env", service.ExternalPortEnv}, namedVariable{"service.host_env", service.HostEnv})
}

// DeclareFolder notes the secrets of all extensions of a folder but one, which may be empty for none. One that cannot be
// read, or is not called like its folder, declares nothing.
func (s Secrets) DeclareFolder(fsys fs.FS, except string, read func(fs.FS, string) (*manifest.Manifest, error)) {
	folders, _ := fs.ReadDir(fsys, ".")
	for _, d := range folders {
		if m, err := read(fsys, d.Name()); err == nil && m.Service.ID == d.Name() && m.Service.ID != except {
			s.Declare(m.Service.ID, m.Service.EnvVars)
		}
	}
}

// Judge judges every variant of the extension that could run, and its manifest. Variables that the owner must set
// and has not yet are given a stand-in: what they will be is judged when it is known, at each start. The error is for
// a folder that has nothing to judge.
func Judge(ctx context.Context, f Folder) (Verdict, error) {
	id := f.Manifest.Service.ID
	v := Verdict{ID: id, Verdict: Accepted, Grants: []manifest.Grant{}, Findings: f.Declarations()}
	backends := f.Backends
	if len(backends) == 0 {
		backends = compose.BackendsOf(f.Manifest)
	}
	variants, skip := compose.Variants(f.Root, f.Source, f.Dir, f.Manifest, backends)
	if skip != nil {
		return v, problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	own, err := fs.Sub(f.Root.FS, f.Dir)
	if err != nil {
		return v, fmt.Errorf("extension %q: %w", id, err)
	}
	read, known := map[string]bool{}, map[Finding]bool{}
	budget := &compose.Budget{}
	if f.Documents == nil {
		f.Documents = compose.Documents{}
	}
	for _, variant := range variants {
		for _, name := range variant.Unit.Files {
			read[name] = true
		}
		if budget.Spent() {
			break // which is a finding already
		}
		findings, err := f.variant(ctx, variant, budget)
		if err != nil {
			return v, err
		}
		for _, finding := range findings {
			if !known[finding] {
				known[finding] = true
				v.Findings = append(v.Findings, finding)
			}
		}
	}
	v.Findings = append(v.Findings, ignored(own, f.Manifest, read)...)
	sortFindings(v.Findings)
	v.Rating, v.Grants = Rate(v.Findings), Grants(v.Findings)
	if len(Errors(v.Findings)) > 0 {
		v.Verdict = Rejected
	}
	return v, nil
}

// variant judges one list of files. What package compose refuses is a finding, too.
func (f Folder) variant(ctx context.Context, variant compose.Variant, budget *compose.Budget) ([]Finding, error) {
	settings := f.Settings
	settings.GPUBackend, settings.GPUCount, settings.Mode = variant.Host.Backend, variant.Host.GPUCount, variant.Host.Mode
	if len(variant.Unit.Files) == 0 {
		return []Finding{f.fileless()}, nil
	}
	in, err := variant.Unit.Input(settings, f.Root.FS)
	if err != nil {
		return nil, err
	}
	in.Budget, in.Documents = budget, f.Documents
	unit, err := compose.Load(ctx, in)
	if problem.HasCode(err, problem.MissingConfig) {
		for _, item := range problem.As(err).Items {
			in.Env[item.Path] = standIn
		}
		unit, err = compose.Load(ctx, in)
	}
	switch {
	case problem.HasCode(err, problem.InvalidExtension, problem.MissingConfig):
		return shapeFindings(err, in.Files[0].Name), nil
	case err != nil:
		return nil, err
	}
	unit.Place(f.Place(), false)
	unit.Harden()
	return Scan(f.Subject(unit))
}

// fileless is the finding for a folder that has no compose file and, as its manifest says, needs none.
func (f Folder) fileless() Finding {
	key, message, fix := "service.type", "the extension has no compose file: nothing could run",
		"add compose.yaml, and write type: docker"
	if f.Manifest.Service.Category == manifest.Core {
		key, message, fix = "service.category", "a core service has no compose file of its own: its containers are in docker-compose.base.yml",
			"scan another folder, or choose another category and add compose.yaml"
	}
	at := f.inManifest(key)
	at.Rule, at.Message, at.Fix = shapeRules[0], message, fix
	if f.Manifest.Service.Category == manifest.Core && f.Source == compose.Builtin { // as it ships
		at.Severity, at.Fix = Note, "nothing is to be done"
	}
	return at
}

// inManifest is an error at that key of the manifest.
func (f Folder) inManifest(key string) Finding {
	file, _ := manifest.FileName(f.Root.FS, f.Dir) // it was read from there
	return Finding{Severity: Error, Path: key, File: filepath.Join(f.Root.Prefix, file), Line: manifest.Line(f.Root.FS, f.Dir, key)}
}

// standIn passes for a text, a number, a port and a size.
const standIn = "8080"

// Place is where the extension would stand.
func (f Folder) Place() compose.Place {
	s := f.Settings
	return compose.Place{Names: s.Names, InstallDir: s.InstallDir, DataDir: s.DataDir, OwnDir: f.OwnDir}
}

// Subject is a placed unit of the folder, to be scanned.
func (f Folder) Subject(u *compose.Unit) Subject {
	s := f.Settings
	own, err := fs.Sub(f.Root.FS, f.Dir)
	if err != nil {
		own = nil // what was read cannot be of that name
	}
	return Subject{
		Unit: u, Service: &f.Manifest.Service, DataDir: s.DataDir, OwnDir: f.OwnDir, Files: own, InstallDir: s.InstallDir,
		CoreIDs: f.CoreIDs, OtherIDs: f.OtherIDs, Prefix: s.Names.Prefix, Project: s.Names.Project, BindAddress: s.Env["BIND_ADDRESS"],
		GPUGroups: slices.DeleteFunc([]string{s.Env["VIDEO_GID"], s.Env["RENDER_GID"]}, func(g string) bool { return g == "" || g == "0" }),
	}
}

// Declarations judges the variables that an installed extension's manifest declares: declaring a variable is asking
// for its value.
func (f Folder) Declarations() []Finding {
	found := []Finding{}
	if f.Source == compose.Builtin {
		return found
	}
	declares := func(key, variable string) {
		var rule, message string
		switch owner := f.Secrets[variable]; {
		case config.IsPlatformSecret(variable):
			rule, message = "platform-secret", fmt.Sprintf("%s is a secret of the platform: no extension gets it", variable)
		case owner != "" && owner != f.Manifest.Service.ID:
			rule, message = "foreign-secret", fmt.Sprintf("%s is a secret of extension %q", variable, owner)
		default:
			return
		}
		at := f.inManifest(key)
		at.Rule, at.Message, at.Fix = rule, message, "remove it, or give the variable a name of your own"
		found = append(found, at)
	}
	for _, named := range namedVariables(&f.Manifest.Service) {
		declares(named.key, named.variable)
	}
	return append(found, f.names()...)
}

// names judges the names that the manifest gives: whoever asks for the extension's logs or health asks there.
func (f Folder) names() []Finding {
	c := &scan{Subject: f.Subject(&compose.Unit{ID: f.Manifest.Service.ID, Source: f.Source})}
	var found []Finding
	for _, n := range []struct{ key, name string }{
		{"service.container_name", f.Manifest.Service.ContainerName}, {"service.default_host", f.Manifest.Service.DefaultHost},
	} {
		// Shipped names begin with the default prefix, whatever this installation's is.
		if plain := strings.TrimPrefix(n.name, config.DefaultNames().Prefix); n.name != "" && !c.ownName(n.name) && !c.own(plain) {
			at := f.inManifest(n.key)
			at.Rule = "foreign-name"
			at.Message, at.Fix = fmt.Sprintf("%q does not name this extension", n.name), "remove it, or write "+f.Manifest.Service.ID
			found = append(found, at)
		}
	}
	return found
}

// shapeFindings are what package compose refuses in the files of a variant, the first of which is file.
func shapeFindings(err error, file string) []Finding {
	e := problem.As(err)
	found := make([]Finding, 0, len(e.Items))
	for _, item := range e.Items {
		found = append(found, Finding(item))
	}
	if len(found) == 0 {
		found = append(found, Finding{Rule: shapeRules[0], Severity: Error, File: file, Message: e.Detail, Fix: "mend the file"})
	}
	return found
}

// ignored notes compose files in the folder that nothing reads, so that nobody counts on them.
func ignored(own fs.FS, m *manifest.Manifest, read map[string]bool) []Finding {
	entries, err := fs.ReadDir(own, ".")
	if err != nil {
		return nil // what could be read was judged
	}
	var found []Finding
	for _, e := range entries {
		name := e.Name()
		if !compose.IsFragment(name) || read[name] || read[name+compose.DisabledSuffix] || name == compose.FragmentName(m)+compose.DisabledSuffix {
			continue
		}
		found = append(found, Finding{
			Rule: "ignored-file", Severity: Note, Path: name, File: name, Message: name + " is read on no machine", Fix: "remove it, or name it after what it is for: compose.nvidia.yaml",
		})
	}
	return found
}
