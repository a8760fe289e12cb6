package agent

import (
	"errors"
	"maps"
	"slices"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// fillIn gives values to the secrets that the owner has not set: those that the manifest says how to make and, of those
// that can be made, what the manifest or the fragment (required) cannot do without. For a start they are written to
// .env, where they stay; for a judgement they are made up and forgotten. What only the owner can know is refused with
// [problem.MissingConfig], every key named.
func (l *loading) fillIn(s *manifest.Service, required []string) error {
	w := l.world
	var made []config.Pair
	for _, v := range s.EnvVars {
		g := s.Generator(v)
		wanted := v.Generate != nil || v.Required || slices.Contains(required, v.Key)
		if g != nil && wanted && w.settings.Env[v.Key] == "" && !w.isReserved(v.Key) {
			made = append(made, config.Pair{Key: v.Key, Value: g.Value()})
		}
	}
	if len(made) > 0 {
		err := checkKeys(w.settings, s, made)
		if err == nil {
			err = l.remember(s, made)
		}
		if err != nil {
			return err
		}
	}
	return w.missing(s, nil)
}

// missing is the refusal of an extension that lacks values which only its owner can give: those that the manifest
// requires, and these keys.
func (w *world) missing(s *manifest.Service, keys []string) error {
	return catalog.MissingConfig(catalog.NewConfig(s, catalog.ConfigFacts{
		Env: compose.OwnerEnv(w.settings), Required: keys, Reserved: w.isReserved, Owner: func(string) string { return "" }, Hidden: func(string) bool { return false },
	}))
}

// isReserved reports whether a variable is the platform's own.
func (w *world) isReserved(key string) bool { return w.coreVars[key] || config.ReservedEnv(key) }

func (l *loading) remember(s *manifest.Service, made []config.Pair) error {
	if l.want.run {
		kept, err := keep(l.world, made)
		if err == nil {
			err = registerKeys(l.world.settings, s, kept)
		}
		if err != nil {
			return err
		}
	}
	env := maps.Clone(l.world.settings.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, p := range made {
		if env[p.Key] == "" {
			env[p.Key] = p.Value
		}
	}
	l.world.settings.Env = env
	return nil
}

// keep writes the pairs to .env, and returns what is there now: what another start has written since stays.
func keep(w *world, pairs []config.Pair) ([]config.Pair, error) {
	if err := config.SetEnv(w.settings.EnvFile, pairs...); err != nil {
		return nil, problem.Newf(problem.Unavailable, "secrets cannot be kept: %w", err)
	}
	now, err := config.ReadEnv(w.settings.EnvFile)
	if err != nil {
		return nil, problem.Newf(problem.Unavailable, "secrets cannot be read back: %w", errors.Unwrap(err))
	}
	env := maps.Clone(w.settings.Env)
	if env == nil {
		env = map[string]string{}
	}
	kept := make([]config.Pair, len(pairs))
	for i, p := range pairs {
		env[p.Key] = now[p.Key]
		kept[i] = config.Pair{Key: p.Key, Value: now[p.Key]}
	}
	w.settings.Env = env
	return kept, nil
}
