package policy

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Sources are where plugins come from.
type Sources struct {
	// Dir is where a plugin that is listed by its name alone is looked for, as <name> or <name>/run.
	Dir string
	// Getenv reads the settings; rest_plugin's address is in one.
	Getenv func(key string) string
	// Loaded is told of each plugin that is loaded, in order; nil for nobody.
	Loaded func(Info, Mode)
	// Owner is the user whose installation it is, besides root and who runs this program; -1 for nobody.
	Owner int
	// Cache has answers that engines share; nil makes one for this engine.
	Cache *Cache
	// Env is what a program has in its environment beside PATH and LANG, such as KEY=value.
	Env []string
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Load makes an engine of a config. One that cannot be loaded whole is locked, and says why: a policy that is missing must
// not look like one that allows everything.
func Load(c Config, from Sources) *Engine {
	e := &Engine{exceptions: c.Exceptions, now: from.Now, cache: cmp.Or(from.Cache, &Cache{})}
	if e.now == nil {
		e.now = time.Now
	}
	e.loadedAt = e.now()
	var errs []error
	add := func(p Plugin, l loaded) {
		l.Plugin, l.info = p, p.Info()
		e.plugins = append(e.plugins, l)
		if from.Loaded != nil {
			from.Loaded(l.info, l.mode)
		}
	}
	for _, pc := range c.Plugins {
		p, err := from.plugin(pc)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: plugin %s cannot be loaded: %w", ConfigFile, pc.Line, pc.Name, err))
			continue
		}
		l := loaded{mode: pc.Mode, allow: pc.Allow, secrets: pc.Secrets, timeout: pc.Timeout, config: pc.Config}
		if l.timeout == 0 {
			l.timeout = callTime
			if p.Info().Transport == "http" {
				l.timeout = restTime
			}
		}
		if t := p.Info().Transport; t == "go" {
			l.secrets = true // it is part of this program
		}
		l.cache, l.address = p.Info().Cache, pc.URL
		if pc.Cache != nil {
			l.cache = *pc.Cache
		}
		if run, ok := p.(*program); ok {
			l.argv = run.argv
		}
		add(p, l)
	}
	if len(c.Rules) > 0 {
		made, err := makeRules(c.Rules)
		if err != nil {
			errs = append(errs, errors.New(ConfigFile+":"+strings.ReplaceAll(err.Error(), "\n", "\n"+ConfigFile+":")))
		} else {
			for i, r := range made {
				add(r, loaded{mode: c.Rules[i].Mode, secrets: true, timeout: callTime})
			}
		}
	}
	e.locked = errLocked(errs)
	return e
}

// Broken is an engine that is locked, because its config cannot be read.
func Broken(reason error) *Engine {
	return &Engine{locked: reason, now: time.Now, loadedAt: time.Now()}
}

// plugin finds what an entry names: a program or server that it gives, a compiled-in plugin, dstack's rest_plugin, or a
// program in the folder of plugins.
func (from Sources) plugin(c PluginConfig) (Plugin, error) {
	switch factory, compiled := registered(c.Name); {
	case len(c.Exec) > 0:
		return newProgram(c, from)
	case c.URL != "":
		return from.server(c, c.URL)
	case c.Name == RESTPlugin:
		address := strings.TrimSpace(from.Getenv(URIVariable))
		if address == "" {
			return nil, fmt.Errorf("it has no url, and %s is not set", URIVariable)
		}
		return from.server(c, address)
	case compiled:
		return factory(c.Config)
	}
	for _, name := range []string{filepath.Join(from.Dir, c.Name), filepath.Join(from.Dir, c.Name, "run")} {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			c.Exec = []string{name}
			return newProgram(c, from)
		}
	}
	return nil, fmt.Errorf("there is no plugin of that name: not compiled in (%s), and not in %s; or give it exec or url", strings.Join(Registered(), ", "), from.Dir)
}

// server is the plugin behind an address, with the key for it.
func (from Sources) server(c PluginConfig, address string) (Plugin, error) {
	credentials, err := from.credentials(c.Auth)
	if err != nil {
		return nil, err
	}
	return newServer(c, address, credentials)
}

// Open makes one plugin of a config ready to be asked, by whoever tests it: it is asked in no engine.
func Open(c PluginConfig, from Sources) (Plugin, error) { return from.plugin(c) }

// OpenRules makes rules ready to be asked, in their order.
func OpenRules(c []RuleConfig) ([]Plugin, error) {
	if len(c) == 0 {
		return nil, nil
	}
	return makeRules(c)
}
