package catalog

import (
	"context"
	"maps"
	"os"
	"path/filepath"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// checkShape judges an extension without the agent: its files with the defaults that its manifest declares, for
// this machine's backend. It is early feedback only; the agent judges what really runs.
func (m *Manager) checkShape(ctx context.Context, id string, library bool) error {
	dir := m.settings.UserExtensionsDir
	if library {
		dir = m.settings.LibraryDir
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return storageError(err)
	}
	defer root.Close()
	man, err := m.parsed.Read(FS(root), id)
	if err != nil {
		return problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	u, skip := compose.Candidate(compose.Root{FS: FS(root)}, compose.User, id, man, compose.HostOf(m.settings))
	if skip != nil {
		return problem.Newf(problem.InvalidExtension, "extension %q: %s", id, skip.Reason)
	}
	files, err := u.Read(FS(root))
	if err != nil {
		return err
	}
	own, err := root.OpenRoot(id)
	if err != nil {
		return storageError(err)
	}
	defer own.Close()
	unit, err := compose.Load(ctx, compose.Input{
		ID: id, Source: compose.User, Files: files, Folder: FS(own),
		Env: placeholders(man, m.settings.PlatformEnv()), Declared: man.Service.Declares,
	})
	if err != nil {
		return err
	}
	place := compose.Place{Names: m.settings.Names, InstallDir: m.settings.InstallDir, DataDir: m.settings.DataDir, OwnDir: filepath.Join(dir, id)}
	unit.Place(place, false)
	return security.Accept(security.Subject{
		Unit: unit, DataDir: place.DataDir, OwnDir: place.OwnDir, InstallDir: place.InstallDir,
		Backends: man.Service.GPUBackends, CoreIDs: m.Snapshot().core, Prefix: m.settings.Names.Prefix,
	})
}

// placeholders gives every declared variable a value: its default, else a word, so that only what nobody
// declared can be missing.
func placeholders(man *manifest.Manifest, platform map[string]string) map[string]string {
	env := maps.Clone(platform)
	for _, v := range man.Service.EnvVars {
		switch {
		case config.IsPlatformSecret(v.Key):
		case v.Default != nil:
			env[v.Key] = *v.Default
		case v.Required:
			env[v.Key] = "1" // passes for a text, a number, a port and a size
		}
	}
	return env
}
