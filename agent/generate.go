package agent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// maxMade is how many secrets are made for one extension.
const maxMade = 64

// madeSecrets are values that were made for an extension and are not kept yet.
type madeSecrets struct {
	service *manifest.Service
	pairs   []config.Pair
}

// fillIn gives values to the secrets that the owner has not set: those that the manifest says how to make and, of those
// that can be made, what the manifest or the fragment (files) cannot do without. They are in memory alone until the
// extension is accepted: a start keeps them then, a judgement forgets them. What only the owner can know is refused with
// [problem.MissingConfig], every key named.
func (l *loading) fillIn(s *manifest.Service, files []compose.File) error {
	w := l.world
	required := sync.OnceValue(func() []string { return compose.RequiredKeys(files) }) // which few have to know
	var made []config.Pair
	for _, v := range s.EnvVars {
		g := s.Generator(v)
		if g == nil || w.settings.Env[v.Key] != "" || w.isReserved(v.Key) {
			continue
		}
		if v.Generate != nil || v.Required || slices.Contains(required(), v.Key) {
			made = append(made, config.Pair{Key: v.Key, Value: g.Value()})
		}
	}
	if len(made) > maxMade {
		return problem.Newf(problem.InvalidExtension, "extension %q: %d secrets are to be made: at most %d are", s.ID, len(made), maxMade)
	}
	if len(made) > 0 {
		if err := checkKeys(w.settings, s, made); err != nil {
			return err
		}
		l.made = append(l.made, madeSecrets{s, made})
		w.give(made)
	}
	return w.missing(s, nil)
}

// give makes values part of the settings of this operation.
func (w *world) give(pairs []config.Pair) {
	env := maps.Clone(w.settings.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, p := range pairs {
		env[p.Key] = p.Value
	}
	w.settings.Env = env
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

// keep writes what was made for an accepted start to .env, and makes the keys of the API that are among it. What another
// start has written since stays: then others says so, and what was prepared has other values than .env.
func (s *Server) keep(settings config.Settings, made []madeSecrets) (others bool, err error) {
	s.keys.Lock()
	defer s.keys.Unlock()
	for _, m := range made {
		if err := config.SetEnv(settings.EnvFile, m.pairs...); err != nil {
			return false, problem.Newf(problem.Unavailable, "secrets cannot be kept: %w", err)
		}
		now, err := config.ReadEnv(settings.EnvFile)
		if err != nil {
			return false, problem.Newf(problem.Unavailable, "secrets cannot be read back: %w", errors.Unwrap(err))
		}
		var ours []config.Pair
		for _, p := range m.pairs {
			if now[p.Key] == p.Value {
				ours = append(ours, p)
			} else {
				others = true
			}
		}
		if err := registerKeys(settings, m.service, ours); err != nil {
			return false, err
		}
	}
	return others, nil
}

// prepareToRun is prepare for a start: what was given and made for it is kept, once everything is accepted and is what was
// planned.
func (s *Server) prepareToRun(ctx context.Context, id string, with catalog.Starting) (*prepared, error) {
	for {
		p, err := s.prepare(ctx, id, toRun(with.Grants))
		if err != nil {
			return p, err
		}
		others, err := s.take(ctx, p, with.Plan)
		if err == nil && !others {
			return p, nil
		}
		p.done()
		if err != nil {
			return nil, err
		}
	}
}

// take keeps what came with an accepted start, unless it is not what was planned. others is as that of keep.
func (s *Server) take(ctx context.Context, p *prepared, plan string) (others bool, err error) {
	if plan != "" {
		images, err := s.presentImages(ctx, p)
		if err != nil {
			return false, err
		}
		h, err := s.planHash(p, s.policies, images)
		if err == nil {
			err = h.Changed(p.id, plan)
		}
		if err != nil {
			return false, err
		}
	}
	if p.granted != nil {
		if err := s.keepGrants(p.id, p.granted); err != nil {
			return false, err
		}
	}
	return s.keep(p.world.settings, p.made)
}
