package config

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// Pair is one line of a .env file.
type Pair struct{ Key, Value string }

// String is the line as it is written, so that Compose's parser reads the value's bytes back.
func (p Pair) String() string { return p.Key + "=" + quoteEnv(p.Value) }

// EnvEdit is what becomes of one key of a .env file.
type EnvEdit struct {
	Key   string
	Value string
	Unset bool // take the key out, whatever the file says of it
}

// SetEnv gives values to the keys that the .env file lacks, or has empty. What has a value keeps it; comments
// and order stay. The file is replaced in one step, readable by its owner alone, and created if need be; root
// leaves it with the owner that it had, or that its folder has. When nothing is missing nothing is written.
//
// The new content is read back before it takes effect: every other key has the value that it had. One writer at a
// time changes the file; others wait up to [EnvWait].
func SetEnv(file string, pairs ...Pair) error {
	return rewriteEnv(file, func(data []byte) ([]byte, error) { return extend(file, data, pairs) })
}

// UpdateEnv sets and takes out keys of the .env file, whatever they had, with the same care as [SetEnv]. An edit that
// cannot be made without changing another key's value is refused, and nothing is written.
func UpdateEnv(file string, edits ...EnvEdit) error {
	return rewriteEnv(file, func(data []byte) ([]byte, error) { return edit(file, data, edits) })
}

// EnvWait is how long a writer of a .env file waits for another one.
const EnvWait = 5 * time.Second

// rewriteEnv replaces the file by what next makes of its content; nil leaves it.
func rewriteEnv(file string, next func(data []byte) ([]byte, error)) error {
	if st, err := os.Lstat(file); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s: is a symbolic link, which writing would replace: name the file itself", file)
	}
	return whileLocked(file, func() error {
		data, err := readEnvFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		changed, err := next(data)
		if err != nil || changed == nil {
			return err
		}
		return writeEnv(file, changed)
	})
}

// whileLocked keeps other writers out. The lock is on the file itself, which nobody but its owner can open; the next
// writer finds that the file was replaced and locks the new one.
func whileLocked(file string, do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), EnvWait)
	defer cancel()
	for {
		if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
			return do() // nothing to lock: it is made now, or refused
		}
		lock := flock.New(file, flock.SetFlag(os.O_RDONLY))
		if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
			if ctx.Err() != nil {
				err = errors.New("another program has been writing it for too long: try again")
			}
			return fmt.Errorf("%s: cannot be locked: %w", file, err)
		}
		mine, err := lock.Stat()
		now, err2 := os.Stat(file)
		if err == nil && err2 == nil && os.SameFile(mine, now) {
			defer lock.Unlock()
			return do()
		}
		if err := lock.Unlock(); err != nil {
			return fmt.Errorf("%s: cannot be unlocked: %w", file, err)
		}
	}
}

func writeEnv(file string, data []byte) error {
	dir := filepath.Dir(file)
	t, err := renameio.NewPendingFile(file, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = t.Cleanup() }() // nothing is left of it once it has replaced the file
	if err := keepOwner(t.File, file); err != nil {
		return err
	}
	if _, err := t.Write(data); err != nil {
		return err
	}
	if err := t.CloseAtomicallyReplace(); err != nil { // it syncs the content, not the name
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// keepOwner gives the new file to who owns the old one, or else the folder. Only root can, and needs to.
func keepOwner(f *os.File, file string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	st, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		st, err = os.Stat(filepath.Dir(file))
	}
	if err != nil {
		return err
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// NewKey is a fresh random key of 256 bits, as 64 hexadecimal digits.
func NewKey() Secret {
	key := make([]byte, 32)
	rand.Read(key) // never fails: it ends the program instead
	return Secret(hex.EncodeToString(key))
}
