package agent

import (
	"maps"
	"slices"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// maxConfigKeys is how many variables one change may name.
const maxConfigKeys = 200

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

// change writes the change to .env.
func (c *configuration) change(change catalog.ConfigChange) (catalog.ConfigResult, error) {
	if c.env == nil {
		return catalog.ConfigResult{}, problem.Newf(problem.Unavailable, "there is no %s: `dream init` makes it, with the keys that the platform needs", c.settings.EnvFile)
	}
	if n := len(change.Keys()); n > maxConfigKeys {
		return catalog.ConfigResult{}, problem.Newf(problem.InvalidConfig, "extension %q: %d variables at once: at most %d", c.service.ID, n, maxConfigKeys)
	}
	if err := catalog.CheckChange(c.service, change, c.facts); err != nil {
		return catalog.ConfigResult{}, err
	}
	c.keys.Lock()
	defer c.keys.Unlock()
	edits, made := c.edits(change)
	err := checkKeys(c.settings, c.service, made)
	if err == nil {
		err = c.checkSize(change)
	}
	if err != nil {
		return catalog.ConfigResult{}, err
	}
	if err := config.UpdateEnv(c.settings.EnvFile, edits...); err != nil {
		return catalog.ConfigResult{}, problem.Newf(problem.Unavailable, "the configuration cannot be kept: %w", err)
	}
	// The key that the API knows is the one that .env has now.
	if err := registerKeys(c.settings, c.service, made); err != nil {
		return catalog.ConfigResult{}, err
	}
	if err := withdrawKey(c.settings, c.service, slices.Concat(change.Unset, slices.Collect(maps.Keys(change.Values)))); err != nil {
		return catalog.ConfigResult{}, err
	}
	return c.result(edits), nil
}

// Bounds of what one extension has in .env, and of what others than the owner may fill it to. Every program reads it.
const (
	maxConfigBytes = 64 << 10
	maxSharedEnv   = 256 << 10
)

// checkSize refuses values that would crowd out others.
func (c *configuration) checkSize(change catalog.ConfigChange) error {
	own, all := 0, 0
	for key, value := range c.env {
		all += len(key) + len(value) + 4
	}
	for _, v := range c.service.Variables() {
		value, given := change.Values[v.Key]
		if !given && !slices.Contains(change.Unset, v.Key) {
			value = c.env[v.Key]
		}
		own += len(value)
		all += len(value) - len(c.env[v.Key])
	}
	switch {
	case own > maxConfigBytes:
		return problem.Newf(problem.InvalidConfig, "extension %q: its values are larger than %d KiB together: give shorter ones", c.service.ID, maxConfigBytes>>10)
	case !c.mine && all > maxSharedEnv && len(change.Values)+len(change.Generate) > 0:
		return problem.Newf(problem.InvalidConfig, "%s is fuller than the %d KiB that are open to others than its owner: `dream config %s` can still set values",
			c.settings.EnvFile, maxSharedEnv>>10, c.service.ID)
	}
	return nil
}

// edits is the change as edits of .env, and what of it was made up.
func (c *configuration) edits(change catalog.ConfigChange) (edits []config.EnvEdit, made []config.Pair) {
	for _, key := range change.Keys() {
		e := config.EnvEdit{Key: key, Value: change.Values[key], Unset: slices.Contains(change.Unset, key)}
		if slices.Contains(change.Generate, key) {
			v, _ := c.service.Find(key)
			e.Value = c.service.Generator(v).Value()
			made = append(made, config.Pair{Key: key, Value: e.Value})
		}
		edits = append(edits, e)
	}
	return edits, made
}

// result tells what the edits did, beside what was there before.
func (c *configuration) result(edits []config.EnvEdit) catalog.ConfigResult {
	r := catalog.ConfigResult{Changed: []string{}, Restart: []string{}, Restarted: []string{}}
	now := maps.Clone(c.env)
	if now == nil {
		now = map[string]string{}
	}
	for _, e := range edits {
		before, had := c.env[e.Key]
		if had && !e.Unset && before == e.Value || !had && e.Unset {
			continue
		}
		r.Changed = append(r.Changed, e.Key)
		if now[e.Key] = e.Value; e.Unset {
			delete(now, e.Key)
		}
		for _, id := range c.readers[e.Key] {
			if !slices.Contains(r.Restart, id) {
				r.Restart = append(r.Restart, id)
			}
		}
	}
	slices.Sort(r.Restart)
	c.facts.Env = now
	r.Config = c.show()
	return r
}
