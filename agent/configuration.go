package agent

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// configuration is an extension's part of .env, and what decides which of it may be read and written.
type configuration struct {
	settings config.Settings
	env      map[string]string // .env as the file has it
	service  *manifest.Service
	facts    catalog.ConfigFacts
	mine     bool                // the owner asks
	core     map[string]bool     // variables of core services and of the base files
	secrets  security.Secrets    // of every extension that is in place or in the library
	keys     sync.Locker         // of .env and the keys of the API that are in it, for more than one write
	readers  map[string][]string // variable → enabled extensions that declare it
}

// openConfiguration reads the manifest of the extension, and whose the variables of the others are.
func openConfiguration(settings config.Settings, id string, who caller, parsed *manifest.Cache) (*configuration, error) {
	if !manifest.ValidID(id) {
		return nil, problem.Newf(problem.NotFound, "%.80q is no extension id", id)
	}
	env, err := config.ReadEnv(settings.EnvFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Newf(problem.Unavailable, "the configuration cannot be read: %w", err)
	}
	c := &configuration{
		settings: settings, env: env, mine: who == owner, core: map[string]bool{}, secrets: security.Secrets{},
		readers: map[string][]string{}, keys: &sync.Mutex{},
	}
	if err := within(settings.InstallDir, func(fsys fs.FS) error { c.core = compose.BaseVariables(fsys); return nil }); err != nil {
		return nil, err
	}
	// Who is first has a secret: what ships, then what the library has, and last what the API's container can write.
	for _, dir := range []string{settings.ServicesDir, settings.LibraryDir, settings.UserExtensionsDir} {
		if err := within(dir, func(fsys fs.FS) error { c.survey(fsys, dir, parsed); return nil }); err != nil {
			return nil, err
		}
	}
	if err := c.find(id, who, parsed); err != nil {
		return nil, err
	}
	c.facts.Env = env
	c.facts.Reserved = func(key string) bool { return c.core[key] || config.ReservedEnv(key) }
	c.facts.Owner = func(key string) string {
		if c.secrets[key] == id {
			return ""
		}
		return c.secrets[key]
	}
	c.facts.Hidden = func(key string) bool { return c.secrets[key] != "" }
	return c, nil
}

// maxSurveyed is how many folders of one kind are looked at: the API's container can make any number.
const maxSurveyed = 2000

// within opens a folder of extensions. One that does not exist has none.
func within(dir string, do func(fsys fs.FS) error) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return problem.Newf(problem.Unavailable, "the configuration cannot be read: %w", err)
	}
	defer root.Close()
	return do(catalog.FS(root))
}

// survey notes what the extensions of a folder declare. One that cannot be read declares nothing.
func (c *configuration) survey(fsys fs.FS, dir string, parsed *manifest.Cache) {
	folders, _ := fs.ReadDir(fsys, ".")
	for _, d := range folders[:min(len(folders), maxSurveyed)] {
		if !d.IsDir() || !manifest.ValidID(d.Name()) {
			continue
		}
		m, err := parsed.Read(fsys, d.Name())
		if err != nil {
			continue
		}
		c.secrets.Declare(d.Name(), m.Service.EnvVars)
		file := compose.FragmentName(m)
		_, err = fs.Stat(fsys, path.Join(d.Name(), file))
		for _, v := range m.Service.Variables() {
			switch {
			case m.Service.Category == manifest.Core && dir == c.settings.ServicesDir:
				c.core[v.Key] = true
			case file != "" && err == nil && dir != c.settings.LibraryDir:
				c.readers[v.Key] = append(c.readers[v.Key], d.Name())
			}
		}
	}
}

// find reads the extension itself, where it is: built in, installed, or in the library. Who is not the owner sees what
// the manifest of the platform or of the library declares, and nothing else of .env: the API's container can write the
// manifests of installed extensions.
func (c *configuration) find(id string, who caller, parsed *manifest.Cache) error {
	places := []place{{c.settings.ServicesDir, compose.Builtin}, {c.settings.UserExtensionsDir, compose.User}, {c.settings.LibraryDir, compose.User}}
	installed := false
	for _, p := range places {
		err := within(p.dir, func(fsys fs.FS) error {
			if c.service != nil || !isFolder(fsys, id) {
				return nil
			}
			if p.dir == c.settings.UserExtensionsDir && who != owner {
				installed = true
				return nil
			}
			return c.read(fsys, p, id, parsed)
		})
		if err != nil {
			return err
		}
	}
	switch {
	case c.service == nil && installed:
		return problem.Newf(problem.Forbidden, "extension %q is not in the library: its configuration is for the owner of the machine, with `dream config %s`", id, id)
	case c.service == nil:
		return problem.Newf(problem.NotFound, "extension %q is not installed and not in the library: `dream list` shows all", id)
	case c.service.Category == manifest.Core:
		return problem.Newf(problem.CoreService, "%q is a core service: its settings are in %s, see docs/configuration.md", id, c.settings.EnvFile)
	}
	return nil
}

func isFolder(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// place is a folder of extensions.
type place struct {
	dir    string
	source compose.Source
}

// read reads the manifest, and what the compose files cannot do without.
func (c *configuration) read(fsys fs.FS, p place, id string, parsed *manifest.Cache) error {
	m, err := parsed.Read(fsys, id)
	if err == nil {
		err = manifest.CheckFolder(m, id)
	}
	if err != nil {
		return problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	c.service = &m.Service
	u, skip := compose.Candidate(compose.Root{FS: fsys, Prefix: p.dir}, p.source, id, m, compose.HostOf(c.settings))
	if skip != nil {
		return nil // what its files need shows when they can be read
	}
	files, err := u.Read(fsys)
	if err != nil {
		return err
	}
	c.facts.Required = compose.RequiredKeys(files)
	return nil
}

func (c *configuration) show() catalog.Config { return catalog.NewConfig(c.service, c.facts) }
