package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"dreamserver/catalog"
	"dreamserver/compose"
)

// Folders of the state directory.
const (
	approvedDir = "approved"
	grantsDir   = "grants"
	treesDir    = "trees"
	emptyDir    = "empty" // where docker compose runs, so that it finds nothing by chance
)

// copyPrefix begins the name of a copy that is being made.
const copyPrefix = ".copy-"

// copyTree keeps a link-free copy of an extension's folder below state/trees, named by its content, and returns
// the copy. What is judged, mounted and built from is the copy: the original can be changed by the API's
// container at any moment. A copy that is there already is checked against its name and used again. It stays until
// the caller says that it is done with it; after that, if something was approved that mentions it.
func (s *Server) copyTree(user *os.Root, dir string) (path string, done func(), err error) {
	defer s.copies.acquire([]string{dir}, nil)() // the extension itself and one that needs it may start at once
	src, err := fs.Sub(catalog.FS(user), dir)
	if err != nil {
		return "", nil, fmt.Errorf("copy %q: %w", dir, err)
	}
	digest, err := catalog.TreeDigest(src)
	if err != nil {
		return "", nil, err
	}
	done = s.useTree(digest) // before anybody looks whether it is there
	if treeIs(s.treePath(digest), digest) {
		return s.treePath(digest), done, nil
	}
	done()
	trees, err := os.OpenRoot(filepath.Join(s.opts.Settings.StateDir, treesDir))
	if err != nil {
		return "", nil, fmt.Errorf("copy %q: %w", dir, err)
	}
	defer trees.Close()
	tmp := copyPrefix + dir
	if err := trees.RemoveAll(tmp); err != nil {
		return "", nil, fmt.Errorf("copy %q: %w", dir, err)
	}
	if err := catalog.CopyTree(src, trees, tmp, -1, -1); err != nil {
		return "", nil, errors.Join(err, trees.RemoveAll(tmp))
	}
	copied, err := trees.OpenRoot(tmp)
	if err != nil {
		return "", nil, fmt.Errorf("copy %q: %w", dir, err)
	}
	digest, err = catalog.TreeDigest(copied.FS()) // of what was copied: the original may have changed in between
	copied.Close()
	if err != nil {
		return "", nil, errors.Join(err, trees.RemoveAll(tmp))
	}
	done = s.useTree(digest)
	if treeIs(s.treePath(digest), digest) { // it was changed to what is there: a container may have that mounted
		return s.treePath(digest), done, trees.RemoveAll(tmp)
	}
	if err := errors.Join(trees.RemoveAll(digest), trees.Rename(tmp, digest)); err != nil {
		done()
		return "", nil, fmt.Errorf("copy %q: %w", dir, err)
	}
	s.trees.made(digest)
	return s.treePath(digest), done, nil
}

// treeUses counts the operations that work with a copy, by digest. The zero value is ready.
type treeUses struct {
	mu sync.Mutex
	of map[string]*treeUse
}

type treeUse struct {
	operations int
	made       bool // by one of them: no container has it yet
}

func (u *treeUses) made(digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of[digest].made = true
}

// useTree keeps a copy from being removed until done is called. The last operation to be done with a copy that was
// made for it removes that again, unless an approved file mentions it: somebody could fill the disk with what is
// refused. A copy that was there before them may be mounted by a container, whatever is approved now.
func (s *Server) useTree(digest string) (done func()) {
	u := &s.trees
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[string]*treeUse{}
	}
	use, ok := u.of[digest]
	if !ok {
		use = &treeUse{}
		u.of[digest] = use
	}
	use.operations++
	return sync.OnceFunc(func() {
		u.mu.Lock() // until it is gone: who wants to use it meanwhile finds nothing, and copies
		defer u.mu.Unlock()
		if use.operations--; use.operations > 0 {
			return
		}
		delete(u.of, digest)
		if !use.made {
			return
		}
		if err := s.removeUnapproved(digest); err != nil {
			s.log.Warn().Err(err).Str("digest", digest).Msg("a copy that nobody uses stays until the agent starts again")
		}
	})
}

// sweepReplaced removes the copies that only an earlier version of an approved file mentioned. One that a container has
// mounted stays: a start that was approved and then failed need not have ended the containers before it.
func (s *Server) sweepReplaced(ctx context.Context) {
	idle, err := s.idleTrees()
	if err == nil && len(idle) > 0 {
		var containers []compose.Container
		if containers, err = s.opts.Engine.Containers(ctx); err == nil {
			err = s.removeIdle(slices.DeleteFunc(idle, func(digest string) bool {
				return slices.ContainsFunc(containers, func(c compose.Container) bool {
					return slices.ContainsFunc(c.Mounts, func(source string) bool { return strings.Contains(source, digest) })
				})
			}))
		}
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("copies that nobody uses stay until the next start")
	}
}

// idleTrees are the copies that no operation works with and no approved file mentions.
func (s *Server) idleTrees() ([]string, error) {
	s.trees.mu.Lock()
	defer s.trees.mu.Unlock()
	state, err := os.OpenRoot(s.opts.Settings.StateDir)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	approved, err := approvedText(state)
	if err != nil {
		return nil, err
	}
	trees, err := fs.ReadDir(state.FS(), treesDir)
	if err != nil {
		return nil, err
	}
	var idle []string
	for _, e := range trees {
		if s.trees.of[e.Name()] == nil && !strings.HasPrefix(e.Name(), copyPrefix) && !strings.Contains(approved, e.Name()) {
			idle = append(idle, e.Name())
		}
	}
	return idle, nil
}

// removeIdle removes those of the copies that nobody has begun to work with.
func (s *Server) removeIdle(digests []string) error {
	s.trees.mu.Lock()
	defer s.trees.mu.Unlock()
	var errs []error
	for _, digest := range digests {
		if s.trees.of[digest] == nil {
			errs = append(errs, s.removeUnapproved(digest))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) removeUnapproved(digest string) error {
	state, err := os.OpenRoot(s.opts.Settings.StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	approved, err := approvedText(state)
	if err != nil || strings.Contains(approved, digest) {
		return err
	}
	return state.RemoveAll(treesDir + "/" + digest)
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
	approved, err := approvedText(state)
	if err != nil {
		return err
	}
	trees, err := fs.ReadDir(state.FS(), treesDir)
	if err != nil {
		return err
	}
	for _, e := range trees {
		if !strings.Contains(approved, e.Name()) {
			if err := state.RemoveAll(treesDir + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// approvedText is all approved files, one after the other: which copies are mentioned in it.
func approvedText(state *os.Root) (string, error) {
	approved, err := fs.ReadDir(state.FS(), approvedDir)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, e := range approved {
		data, err := state.ReadFile(approvedDir + "/" + e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // forgotten in between
		}
		if err != nil {
			return "", err
		}
		text.Write(data)
	}
	return text.String(), nil
}
