package agent

import (
	"errors"
	"maps"

	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// fillIn gives values to the secrets that the manifest says how to make and the owner has not set. For a start they
// are written to .env, where they stay; for a judgement they are made up and forgotten.
func (l *loading) fillIn(m *manifest.Manifest) error {
	var made []config.Pair
	for _, v := range m.Service.EnvVars {
		if v.Generate != nil && l.world.settings.Env[v.Key] == "" && !config.IsPlatformSecret(v.Key) {
			made = append(made, config.Pair{Key: v.Key, Value: v.Generate.Value()})
		}
	}
	if len(made) == 0 {
		return nil
	}
	if l.want.run {
		if err := l.server.keep(l.world, made); err != nil {
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

// keep writes the pairs to .env, one writer at a time. What another start has written since stays.
func (s *Server) keep(w *world, pairs []config.Pair) error {
	s.env.Lock()
	defer s.env.Unlock()
	if err := config.SetEnv(w.settings.EnvFile, pairs...); err != nil {
		return problem.Newf(problem.Unavailable, "secrets cannot be kept: %w", err)
	}
	now, err := config.ReadEnv(w.settings.EnvFile)
	if err != nil {
		return problem.Newf(problem.Unavailable, "secrets cannot be read back: %w", errors.Unwrap(err))
	}
	env := maps.Clone(w.settings.Env)
	if env == nil {
		env = map[string]string{}
	}
	for _, p := range pairs {
		env[p.Key] = now[p.Key]
	}
	w.settings.Env = env
	return nil
}
