package operation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"dreamserver/internal/folder"
)

const (
	maxRecord = 256 << 10 // bytes; what is larger is no record of ours
	maxReads  = 10        // of a record that is replaced each time
	maxListed = 4 * Kept  // of a folder that others can fill
)

// record is what the file has beyond the operation.
type record struct {
	Operation

	Key     string `json:"key,omitempty"`     // of a retry: digest of who asked and its Idempotency-Key
	Request string `json:"request,omitempty"` // digest of what was asked for
}

// file is a record that is being written.
type file struct {
	store *Store
	held  *os.File // the version that is in place; locked
}

// write puts the record in place of the one before, durably when the change could not be told without it. Our lock is
// on it before it can be seen.
func (f *file) write(r record, durable bool) error {
	root, err := folder.Open(f.store.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp := tempPrefix + r.ID
	if err := root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next, err := root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if r.State == Running {
		err = syscall.Flock(int(next.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		_, err = next.Write(append(data, '\n'))
	}
	if err == nil {
		err = f.store.give(next)
	}
	if err == nil && durable {
		err = next.Sync()
	}
	if err == nil {
		err = root.Rename(temp, r.ID+suffix)
	}
	if err != nil {
		_ = next.Close() // it is removed
		return errors.Join(err, root.Remove(temp))
	}
	f.close()
	f.held = next
	if !durable {
		return nil
	}
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// close lets go of the record.
func (f *file) close() {
	if f.held != nil {
		_ = f.held.Close() // written and synced before
		f.held = nil
	}
}

// names are the ids of the records, newest first, and the names of what is half written.
func names(root *os.Root) (ids, temps []string, err error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(maxListed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok && ValidID(id) && e.Type().IsRegular() {
			ids = append(ids, id)
		} else if strings.HasPrefix(e.Name(), tempPrefix) {
			temps = append(temps, e.Name())
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	return ids, temps, nil
}

// read reads one record. Of one that says running and that nobody holds, the state is interrupted.
func read(root *os.Root, id string) (record, error) {
	var r record
	for range maxReads {
		f, err := root.OpenFile(id+suffix, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			return record{}, err
		}
		var replaced bool
		r, replaced, err = readFrom(root, f, id)
		_ = f.Close() // it was read
		if !replaced {
			return r, err
		}
	}
	return r, nil // whoever writes it that often is at it
}

// readFrom reads the record that f is. Of a version that was replaced since it was opened nobody holds the lock, and that
// means nothing.
func readFrom(root *os.Root, f *os.File, id string) (r record, replaced bool, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxRecord {
		return r, false, fmt.Errorf("operation %s: not a record", id)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return r, false, err
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&r); err != nil || r.ID != id {
		return record{}, false, fmt.Errorf("operation %s: not a record", id)
	}
	if r.State == Running && syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		now, err := root.Lstat(id + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, now):
			return r, true, nil
		case err != nil:
			return r, false, err
		}
		r.State = Interrupted
	}
	return r, false, nil
}
