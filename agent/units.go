package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security"
)

// allEnv is what the platform's own files may read: everything in .env, and the platform's facts below it.
func allEnv(s config.Settings) map[string]string {
	env := s.PlatformEnv()
	maps.Copy(env, s.Env)
	return env
}

// declaredEnv is what an installed extension may read: the platform's facts, the defaults that its manifest
// declares, and over them the owner's values for declared keys. A platform secret is never among them.
func declaredEnv(s config.Settings, m *manifest.Manifest) map[string]string {
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

// declared reports whether the owner can give the variable a value that the extension may read: what is not so is
// noted when a fragment asks for it.
func declared(m *manifest.Manifest) func(key string) bool {
	return func(key string) bool { return m.Service.Declares(key) && !config.IsPlatformSecret(key) }
}

// scan is the judgement of a placed unit.
func (l *loading) scan(m *manifest.Manifest, place compose.Place) func(*compose.Unit) error {
	return func(u *compose.Unit) error {
		return security.Accept(security.Subject{
			Unit: u, DataDir: place.DataDir, OwnDir: place.OwnDir, InstallDir: place.InstallDir,
			Backends: m.Service.GPUBackends, CoreIDs: l.world.core, Prefix: place.Names.Prefix,
		})
	}
}

// unitCache keeps loaded, placed and accepted units by everything they were made from, so that an operation
// costs what it changes and not what is installed. Units in it are shared and never edited. The zero value is
// ready.
type unitCache struct {
	mu    sync.Mutex
	units map[string]*compose.Unit
}

const maxUnits = 512

func (c *unitCache) load(ctx context.Context, in compose.Input, place compose.Place, accept func(*compose.Unit) error) (*compose.Unit, error) {
	key := unitKey(in, place)
	c.mu.Lock()
	u, ok := c.units[key]
	c.mu.Unlock()
	if ok {
		return u, nil
	}
	u, err := compose.Load(ctx, in)
	if err != nil {
		return nil, err
	}
	u.Place(place, in.Base)
	if accept != nil {
		if err := accept(u); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.units) >= maxUnits {
		c.units = nil
	}
	if c.units == nil {
		c.units = map[string]*compose.Unit{}
	}
	c.units[key] = u
	return u, nil
}

// unitKey digests files, variables and place. env_file is read from the folder OwnDir; for installed extensions
// its name is a digest already, and built-in ones do not change while the agent runs unless they are upgraded,
// so the folder's time of change takes part.
func unitKey(in compose.Input, p compose.Place) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %t %+v\n", in.ID, in.Source, in.Base, p)
	if info, err := os.Stat(p.OwnDir); err == nil && in.Source == compose.Builtin {
		fmt.Fprintf(h, "%d\n", info.ModTime().UnixNano())
	}
	for _, f := range in.Files {
		fmt.Fprintf(h, "%q %d\n", f.Name, len(f.Content))
		h.Write(f.Content)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Env)) {
		fmt.Fprintf(h, "%q=%q\n", k, in.Env[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}
