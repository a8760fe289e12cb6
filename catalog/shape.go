package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
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
	files, err := shapeFiles(FS(root), id, man, m.settings.GPUBackend)
	if err != nil {
		return wrapID(id, err)
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
	findings, err := security.Scan(security.Subject{
		Unit: unit, DataDir: place.DataDir, OwnDir: place.OwnDir, InstallDir: place.InstallDir,
		Backends: man.Service.GPUBackends, CoreIDs: m.Snapshot().core, Prefix: m.settings.Names.Prefix,
	})
	if err != nil {
		return err
	}
	return security.Refusal(id, findings)
}

// shapeFiles reads the fragment, enabled or not, and the overlay of the backend.
func shapeFiles(fsys fs.FS, id string, man *manifest.Manifest, backend string) ([]compose.File, error) {
	name := compose.FragmentName(man)
	data, err := fs.ReadFile(fsys, path.Join(id, name))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = fs.ReadFile(fsys, path.Join(id, name+compose.DisabledSuffix))
	}
	if err != nil {
		return nil, storageError(err)
	}
	files := []compose.File{{Name: path.Join(id, name), Content: data}}
	overlay := fmt.Sprintf("compose.%s.yaml", backend)
	if data, err := fs.ReadFile(fsys, path.Join(id, overlay)); err == nil {
		files = append(files, compose.File{Name: path.Join(id, overlay), Content: data})
	}
	return files, nil
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
