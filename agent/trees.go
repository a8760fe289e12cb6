package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dreamserver/catalog"
)

// Folders of the state directory.
const (
	approvedDir = "approved"
	grantsDir   = "grants"
	treesDir    = "trees"
	emptyDir    = "empty" // where docker compose runs, so that it finds nothing by chance
)

// copyTree keeps a link-free copy of an extension's folder below state/trees, named by its content, and returns
// the copy. What is judged, mounted and built from is the copy: the original can be changed by the API's
// container at any moment. A copy that is there already is checked against its name and used again.
func (s *Server) copyTree(user *os.Root, dir string) (path string, err error) {
	defer s.copies.acquire([]string{dir}, nil)() // the extension itself and one that needs it may start at once
	src, err := fs.Sub(catalog.FS(user), dir)
	if err != nil {
		return "", fmt.Errorf("copy %q: %w", dir, err)
	}
	digest, err := catalog.TreeDigest(src)
	if err != nil {
		return "", err
	}
	path = s.treePath(digest)
	if treeIs(path, digest) {
		return path, nil
	}
	trees, err := os.OpenRoot(filepath.Join(s.opts.Settings.StateDir, treesDir))
	if err != nil {
		return "", fmt.Errorf("copy %q: %w", dir, err)
	}
	defer trees.Close()
	tmp := ".copy-" + dir
	if err := trees.RemoveAll(tmp); err != nil {
		return "", fmt.Errorf("copy %q: %w", dir, err)
	}
	if err := catalog.CopyTree(src, trees, tmp, -1, -1); err != nil {
		return "", errors.Join(err, trees.RemoveAll(tmp))
	}
	copied, err := trees.OpenRoot(tmp)
	if err != nil {
		return "", fmt.Errorf("copy %q: %w", dir, err)
	}
	digest, err = catalog.TreeDigest(copied.FS()) // of what was copied: the original may have changed in between
	copied.Close()
	if err != nil {
		return "", err
	}
	if err := errors.Join(trees.RemoveAll(digest), trees.Rename(tmp, digest)); err != nil {
		return "", fmt.Errorf("copy %q: %w", dir, err)
	}
	return s.treePath(digest), nil
}

func (s *Server) treePath(digest string) string {
	return filepath.Join(s.opts.Settings.StateDir, treesDir, digest)
}

func treeIs(path, digest string) bool {
	root, err := os.OpenRoot(path)
	if err != nil {
		return false
	}
	defer root.Close()
	got, err := catalog.TreeDigest(root.FS())
	return err == nil && got == digest
}

// sweepTrees removes copies that no approved file mentions. It runs before any change: a copy that is not approved
// yet would go too.
func (s *Server) sweepTrees() error {
	state, err := os.OpenRoot(s.opts.Settings.StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	var used strings.Builder
	approved, err := fs.ReadDir(state.FS(), approvedDir)
	if err != nil {
		return err
	}
	for _, e := range approved {
		data, err := state.ReadFile(approvedDir + "/" + e.Name())
		if err != nil {
			return err
		}
		used.Write(data)
	}
	trees, err := fs.ReadDir(state.FS(), treesDir)
	if err != nil {
		return err
	}
	for _, e := range trees {
		if !strings.Contains(used.String(), e.Name()) {
			if err := state.RemoveAll(treesDir + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
