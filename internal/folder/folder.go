// Package folder opens folders that others own the surroundings of.
package folder

import (
	"os"
	"path/filepath"
)

// Open is os.OpenRoot of a folder that is itself no link to somewhere else: whoever owns its parent could put one there, and
// have root, who follows it, write in a folder that is not theirs.
func Open(dir string) (*os.Root, error) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	return parent.OpenRoot(filepath.Base(dir))
}
