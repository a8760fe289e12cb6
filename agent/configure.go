package agent

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// maxConfigKeys is how many variables one change may name.
const maxConfigKeys = 200

// configuration is an extension's part of .env, and what decides which of it may be read and written.
type configuration struct {
	settings config.Settings
	env      map[string]string // .env as the file has it
	service  *manifest.Service
	facts    catalog.ConfigFacts
	readers  map[string][]string // variable → enabled extensions that declare it, sorted
}

// ReadConfig is how an extension is configured, as its owner sees it: built in, installed or in the library.
func ReadConfig(settings config.Settings, id string) (catalog.Config, error) {
	c, err := openConfiguration(settings, id, owner, &manifest.Cache{})
	if err != nil {
		return catalog.Config{}, err
	}
	return c.show(), nil
}

// ChangeConfig changes how an extension is configured, for its owner. It writes .env itself: it is for the program of
// the owner while the agent is away, and may run beside other writers.
func ChangeConfig(settings config.Settings, id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
	c, err := openConfiguration(settings, id, owner, &manifest.Cache{})
	if err != nil {
		return catalog.ConfigResult{}, err
	}
	return c.change(change)
}

// openConfiguration reads the manifest of the extension and whose the variables of the others are. Who is not the owner
// sees what the manifest of the platform or of the library declares, and nothing else of .env: the API's container can
// write the manifests of installed extensions.
func openConfiguration(settings config.Settings, id string, who caller, parsed *manifest.Cache) (*configuration, error) {
	if !manifest.ValidID(id) {
		return nil, problem.Newf(problem.NotFound, "%.80q is no extension id", id)
	}
	env, err := config.ReadEnv(settings.EnvFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, problem.Newf(problem.Unavailable, "the configuration cannot be read: %w", err)
	}
	c := &configuration{settings: settings, env: env, readers: map[string][]string{}}
	places := []place{{settings.ServicesDir, compose.Builtin}, {settings.UserExtensionsDir, compose.User}, {settings.LibraryDir, compose.User}}
	core, secrets, installed := map[string]bool{}, security.Secrets{}, false
	for i, p := range places {
		root, err := os.OpenRoot(p.dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, problem.Newf(problem.Unavailable, "the configuration cannot be read: %w", err)
		}
		defer root.Close()
		fsys := catalog.FS(root)
		if i < 2 {
			c.survey(fsys, parsed, core, secrets)
		}
		mine := i != 1 || who == owner
		if c.service != nil || !has(root, id) {
			continue
		}
		if installed = i == 1; !mine {
			continue
		}
		if err := c.open(fsys, p, id, parsed); err != nil {
			return nil, err
		}
	}
	switch {
	case c.service == nil && installed:
		return nil, problem.Newf(problem.Forbidden, "extension %q is not in the library: its configuration is for the owner of the machine, with `dream config %s`", id, id)
	case c.service == nil:
		return nil, problem.Newf(problem.NotFound, "extension %q is not installed and not in the library: `dream list` shows all", id)
	case c.service.Category == manifest.Core:
		return nil, problem.Newf(problem.CoreService, "%q is a core service: its settings are in %s, see docs/configuration.md", id, settings.EnvFile)
	}
	c.facts.Env = env
	c.facts.Reserved = func(key string) bool { return core[key] || config.ReservedEnv(key) }
	c.facts.Owner = func(key string) string {
		if secrets[key] == id {
			return ""
		}
		return secrets[key]
	}
	return c, nil
}

// place is a folder of extensions.
type place struct {
	dir    string
	source compose.Source
}

func has(root *os.Root, id string) bool {
	info, err := root.Lstat(id)
	return err == nil && info.IsDir()
}

// survey notes what the extensions of a folder declare. One that cannot be read declares nothing.
func (c *configuration) survey(fsys fs.FS, parsed *manifest.Cache, core map[string]bool, secrets security.Secrets) {
	folders, _ := fs.ReadDir(fsys, ".")
	for _, d := range folders {
		if !d.IsDir() || !manifest.ValidID(d.Name()) {
			continue
		}
		m, err := parsed.Read(fsys, d.Name())
		if err != nil {
			continue
		}
		secrets.Declare(d.Name(), m.Service.EnvVars)
		file := compose.FragmentName(m)
		_, err = fs.Stat(fsys, path.Join(d.Name(), file))
		for _, v := range m.Service.Variables() {
			switch {
			case m.Service.Category == manifest.Core:
				core[v.Key] = true
			case file != "" && err == nil && !slices.Contains(c.readers[v.Key], d.Name()):
				c.readers[v.Key] = append(c.readers[v.Key], d.Name())
				slices.Sort(c.readers[v.Key])
			}
		}
	}
}

// open reads the extension itself.
func (c *configuration) open(fsys fs.FS, p place, id string, parsed *manifest.Cache) error {
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

// change writes the change to .env.
func (c *configuration) change(change catalog.ConfigChange) (catalog.ConfigResult, error) {
	keys := change.Keys()
	if len(keys) > maxConfigKeys {
		return catalog.ConfigResult{}, problem.Newf(problem.InvalidConfig, "extension %q: %d variables at once: at most %d", c.service.ID, len(keys), maxConfigKeys)
	}
	if err := catalog.CheckChange(c.service, change, c.facts); err != nil {
		return catalog.ConfigResult{}, err
	}
	var edits []config.EnvEdit
	var made []config.Pair
	for _, key := range keys {
		e := config.EnvEdit{Key: key, Value: change.Values[key], Unset: slices.Contains(change.Unset, key)}
		if slices.Contains(change.Generate, key) {
			v, _ := c.service.Find(key)
			e.Value = c.service.Generator(v).Value()
			made = append(made, config.Pair{Key: key, Value: e.Value})
		}
		edits = append(edits, e)
	}
	if err := checkKeys(c.settings, c.service, made); err != nil {
		return catalog.ConfigResult{}, err
	}
	if err := registerKeys(c.settings, c.service, made); err != nil {
		return catalog.ConfigResult{}, err
	}
	if err := config.UpdateEnv(c.settings.EnvFile, edits...); err != nil {
		return catalog.ConfigResult{}, problem.Newf(problem.Unavailable, "the configuration cannot be kept: %w", err)
	}
	if err := withdrawKey(c.settings, c.service, change.Unset); err != nil {
		return catalog.ConfigResult{}, err
	}
	r := catalog.ConfigResult{Changed: []string{}, Restart: []string{}, Restarted: []string{}}
	if c.facts.Env = maps.Clone(c.facts.Env); c.facts.Env == nil {
		c.facts.Env = map[string]string{}
	}
	for _, e := range edits {
		before, had := c.env[e.Key]
		if had && !e.Unset && before == e.Value || !had && e.Unset {
			continue
		}
		r.Changed = append(r.Changed, e.Key)
		if c.facts.Env[e.Key] = e.Value; e.Unset {
			delete(c.facts.Env, e.Key)
		}
		for _, id := range c.readers[e.Key] {
			if !slices.Contains(r.Restart, id) {
				r.Restart = append(r.Restart, id)
			}
		}
	}
	slices.Sort(r.Restart)
	r.Config = c.show()
	return r, nil
}
