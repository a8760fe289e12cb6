package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/config"
	"dreamserver/manifest"
)

// Leftovers lists the files of the state directory that are about extensions which are neither installed nor built in:
// what was approved and what was granted. They are relative to the state directory, which only the agent's user can
// read. Copies of trees are not among them: the agent removes those by itself, at its start and after each start of an
// extension.
func Leftovers(s config.Settings) ([]string, error) {
	ids, err := installedIDs(s)
	if err != nil {
		return nil, err
	}
	state, err := os.OpenRoot(s.StateDir)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	found := []string{}
	for _, dir := range []string{approvedDir, grantsDir} {
		entries, err := fs.ReadDir(state.FS(), dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			id := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".json"), ".yaml")
			if manifest.ValidID(id) && !slices.Contains(ids, id) {
				found = append(found, path.Join(dir, e.Name()))
			}
		}
	}
	return found, nil
}

// installedIDs are the names of all extensions' folders, and of those that a change which is not finished is about.
func installedIDs(s config.Settings) ([]string, error) {
	var ids []string
	for _, dir := range []string{s.ServicesDir, s.UserExtensionsDir, filepath.Join(s.OperationsDir, "pending")} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("leftovers: %w", err)
		}
		for _, e := range entries {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}
