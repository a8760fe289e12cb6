package compose

import (
	"maps"
	"slices"

	"dreamserver/config"
	"dreamserver/manifest"
)

// OwnerEnv is what the platform's own files may read: everything in .env, and the platform's facts below it.
func OwnerEnv(s config.Settings) map[string]string {
	env := s.PlatformEnv()
	maps.Copy(env, s.Env)
	return env
}

// DeclaredEnv is what an installed extension may read: the platform's facts, the defaults that its manifest
// declares, and over them the owner's values for declared keys. A platform secret is never among them.
func DeclaredEnv(s config.Settings, m *manifest.Manifest) map[string]string {
	env := s.PlatformEnv()
	for _, v := range m.Service.EnvVars {
		if v.Default != nil && !config.IsPlatformSecret(v.Key) {
			env[v.Key] = *v.Default
		}
	}
	for key, value := range s.Env {
		if m.Service.Declares(key) && !config.IsPlatformSecret(key) {
			env[key] = value
		}
	}
	return env
}

// Declared reports for [Input] whether the owner can give a variable a value that the extension may read: what is
// not so is noted when a fragment asks for it, and refused when a fragment cannot do without.
func Declared(m *manifest.Manifest) func(key string) bool {
	return func(key string) bool {
		platform := slices.ContainsFunc(config.PlatformKeys, func(k config.PlatformKey) bool { return k.Key == key })
		return (platform || m.Service.Declares(key)) && !config.IsPlatformSecret(key)
	}
}
