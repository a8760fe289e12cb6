package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// apiKeyName is what the key of an extension goes by, in `dream key list` too.
func apiKeyName(id string) string { return "extension-" + id }

// checkKeys refuses to make keys of the API for an extension whose manifest is neither the platform's nor the library's:
// the API's container can write those of installed extensions, and must not be able to make keys.
func checkKeys(settings config.Settings, s *manifest.Service, made []config.Pair) error {
	for _, p := range made {
		v, _ := s.Find(p.Key)
		if !v.Generate.IsAPIKey() {
			continue
		}
		if err := config.CheckAPIKeyName(apiKeyName(s.ID)); err != nil {
			return problem.Newf(problem.InvalidExtension, "extension %q: its key of the API: %w", s.ID, err)
		}
		if had, err := config.ReadAPIKey(settings.APIKeysDir(), config.APIKeyFile(apiKeyName(s.ID))); !errors.Is(err, fs.ErrNotExist) && had.Extension != s.ID {
			return problem.Newf(problem.Conflict, "extension %q: its key of the API would replace the key %s, which somebody else made: `dream key remove %[2]s`", s.ID, apiKeyName(s.ID))
		}
		if !isShipped(settings, s.ID, p.Key) {
			return problem.Newf(problem.Forbidden, "extension %q: %s is to be a key of the API, which an extension of the library alone can ask for: "+
				"make one with `dream key add %s --scope metrics`, and give it with `dream config %s set %s`", s.ID, p.Key, s.ID, s.ID, p.Key)
		}
	}
	return nil
}

// registerKeys makes keys of the API, with the scope metrics, of the values that are meant to be one.
func registerKeys(settings config.Settings, s *manifest.Service, made []config.Pair) error {
	for _, p := range made {
		if v, _ := s.Find(p.Key); v.Generate.IsAPIKey() {
			if err := writeKey(settings, s.ID, p.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// isShipped reports whether the platform's or the library's manifest of this id asks for the key.
func isShipped(settings config.Settings, id, key string) bool {
	return slices.ContainsFunc([]string{settings.ServicesDir, settings.LibraryDir}, func(dir string) bool {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return false
		}
		defer root.Close()
		m, err := manifest.Read(catalog.FS(root), id)
		if err != nil || m.Service.ID != id {
			return false
		}
		v, _ := m.Service.Find(key)
		return v.Generate.IsAPIKey()
	})
}

func writeKey(settings config.Settings, id, value string) error {
	name := apiKeyName(id)
	data, err := json.Marshal(config.APIKey{
		Scope: config.ScopeMetrics, SHA256: config.DigestOf(value), Created: time.Now().UTC().Truncate(time.Second), Extension: id,
	})
	if err != nil {
		return err
	}
	dir := settings.APIKeysDir()
	file := filepath.Join(dir, config.APIKeyFile(name))
	err = os.MkdirAll(dir, 0o755)
	if err == nil {
		err = renameio.WriteFile(file, append(data, '\n'), 0o644, renameio.WithTempDir(dir))
	}
	for _, made := range []string{dir, file} {
		if err == nil && os.Geteuid() == 0 && settings.UID >= 0 {
			err = os.Lchown(made, settings.UID, settings.GID)
		}
	}
	if err != nil {
		return fmt.Errorf("key of the API %s: %w", name, err)
	}
	return nil
}

// withdrawKey takes the extension's key of the API back when its variable is forgotten or gets a value of the owner's.
func withdrawKey(settings config.Settings, s *manifest.Service, gone []string) error {
	for _, key := range gone {
		if v, _ := s.Find(key); !v.Generate.IsAPIKey() {
			continue
		}
		if had, err := config.ReadAPIKey(settings.APIKeysDir(), config.APIKeyFile(apiKeyName(s.ID))); err != nil || had.Extension != s.ID {
			continue // there is none, or it is somebody else's
		}
		err := os.Remove(filepath.Join(settings.APIKeysDir(), config.APIKeyFile(apiKeyName(s.ID))))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("key of the API %s: %w", apiKeyName(s.ID), err)
		}
	}
	return nil
}
