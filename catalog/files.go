package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"dreamserver/config"
	"dreamserver/internal/folder"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const (
	// MaxExtensionBytes bounds an extension's folder (the seed's limit).
	MaxExtensionBytes = 50 << 20
	maxExtensionFiles = 10_000

	lockFile    = ".lock"
	stagePrefix = ".staging-"
	trashPrefix = ".trash-"

	lockWait = 30 * time.Second
	lockPoll = 20 * time.Millisecond
)

// owner is who files are given to when this process is root; -1 means to nobody.
type owner struct{ uid, gid int }

// makeDir makes a folder that others may already have made.
func (o owner) makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := folder.Open(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return o.give(d)
}

func (o owner) give(f *os.File) error {
	if os.Geteuid() != 0 || o.uid < 0 || o.gid < 0 {
		return nil
	}
	return f.Chown(o.uid, o.gid)
}

// locked runs change with the lock on the user-extensions folder, which the API and the command line share. A
// new flock each time: one shared instance does not exclude goroutines. The folder is swept first: while we hold
// the lock, whatever is staged or in the trash belongs to a process that was killed.
func (m *Manager) locked(ctx context.Context, change func(root *os.Root) error) error {
	dir := m.settings.UserExtensionsDir
	if err := (owner{m.settings.UID, m.settings.GID}).makeDir(dir); err != nil {
		return storageError(err)
	}
	root, err := folder.Open(dir)
	if err != nil {
		return storageError(err)
	}
	defer root.Close()
	l := flock.New(filepath.Join(dir, lockFile), // without O_NONBLOCK a FIFO of that name would hang us
		flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK), flock.SetPermissions(0o644))
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	ok, err := l.TryLockContext(ctx, lockPoll)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || err == nil && !ok:
		return problem.Newf(problem.Busy, "another change holds %s for more than %s: try again", filepath.Join(dir, lockFile), lockWait)
	case err != nil:
		return storageError(fmt.Errorf("lock: %w", err))
	}
	defer l.Unlock()
	m.sweep(root)
	return change(root)
}

// sweep does what it can: a leftover that cannot be removed must not keep others from being changed.
func (m *Manager) sweep(root *os.Root) {
	entries, err := fs.ReadDir(FS(root), ".")
	if err != nil {
		m.log.Warn().Err(err).Msg("leftovers cannot be listed")
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), stagePrefix) || strings.HasPrefix(e.Name(), trashPrefix) {
			if err := root.RemoveAll(e.Name()); err != nil {
				m.log.Warn().Err(err).Str("folder", e.Name()).Msg("a leftover cannot be removed")
			}
		}
	}
}

// Leftovers names what killed changes left in the folder of installed extensions. While a change holds its lock there
// is nothing to name: what is staged belongs to it.
func Leftovers(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), stagePrefix) || strings.HasPrefix(e.Name(), trashPrefix) {
			found = append(found, e.Name())
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	l := flock.New(filepath.Join(dir, lockFile), flock.SetFlag(os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK))
	switch ok, err := l.TryRLock(); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, storageError(fmt.Errorf("lock: %w", err))
	case !ok:
		return nil, nil
	default:
		l.Unlock()
	}
	return found, nil
}

func tooLarge() error {
	return problem.Newf(problem.ExtensionTooLarge, "larger than %d MB: ship what is big in the image", MaxExtensionBytes>>20)
}

// syncDir makes renames in the folder last.
func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// storageError gives a disk's error its code and its remedy. Other errors and nil pass through.
func storageError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return problem.Newf(problem.DiskFull, "the disk is full: free some space and try again (%w)", err)
	case errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission):
		return problem.Newf(problem.DataReadOnly, "the data directory cannot be used: check its mount, its owner and its permissions (%w)", err)
	}
	return err
}

func invalidID(id string) error {
	if len(id) > 80 {
		id = id[:80] + "…"
	}
	return problem.Newf(problem.NotFound,
		"%q is no extension id: an id has lower-case letters, digits, - and _, begins with a letter or digit, and has at most 63 characters", id)
}

func reservedError(id string) error {
	return problem.Newf(problem.ReservedID, "the id %q is reserved for the platform%s: give the extension another one", id, because(config.ReservedReason(id)))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

func checkID(id string) error {
	if !manifest.ValidID(id) {
		return invalidID(id)
	}
	return nil
}
