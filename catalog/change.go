package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Change is one change in progress. Exactly one of Done, Cancel and Leave ends it.
type Change struct {
	ID        string
	Kind      operation.Kind
	Operation string           // its record for people; empty without one
	Grants    []manifest.Grant // that the owner gives with it
	Plan      string           // the hash of the plan that it carries out; empty without one

	file   *os.File
	root   *os.Root
	before []byte // the record of an unfinished change that this one took the place of
}

type changeRecord struct {
	Kind      operation.Kind `json:"kind"`
	Actor     string         `json:"actor"`
	Operation string         `json:"operation,omitempty"`
	Started   time.Time      `json:"started"`

	Grants []manifest.Grant `json:"grants,omitempty"`
	Plan   string           `json:"plan,omitempty"`
}

// claim opens and locks the record. The holder removes the file before it unlocks it, so a lock on a file that
// is no longer there is tried again.
func claim(root *os.Root, id string, flag int) (*Change, error) {
	if !manifest.ValidID(id) {
		return nil, invalidID(id)
	}
	name := path.Join(pendingDir, id)
	for range 100 {
		if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
			return nil, problem.Newf(problem.Conflict, "extension %q: %s is no record of a change but a folder, a link or a special file (%s): remove it",
				id, filepath.Join(root.Name(), name), info.Mode().Type())
		}
		f, err := root.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK|flag, 0o644)
		if err != nil {
			return nil, storageError(err)
		}
		if err := lock(f); err != nil {
			defer f.Close()
			return nil, busy(id, parseRecord(readAll(f)))
		}
		if mine, err := f.Stat(); err == nil && mine.Mode().IsRegular() {
			if now, err := root.Lstat(name); err == nil && os.SameFile(mine, now) {
				return &Change{ID: id, file: f, root: root}, nil
			}
		}
		_ = f.Close() // nothing was written
	}
	return nil, problem.Newf(problem.Busy, "extension %q changes too often to be changed now: try again", id)
}

func busy(id string, r changeRecord) error {
	wayOut := ""
	if r.Kind.TurnsOn() {
		wayOut = fmt.Sprintf(", or end it with `dream stop %s`", id)
	}
	which := ""
	if operation.ValidID(r.Operation) {
		which = ", operation " + r.Operation
	}
	return problem.Newf(problem.Busy, "extension %q is being %s by %s%s: wait until that is done%s",
		id, cmp.Or(r.Kind.Participle(), "changed"), cmp.Or(r.Actor, "another program"), which, wayOut)
}

// Done ends a change that is finished.
func (c *Change) Done() {
	if c.file == nil { // without a record
		return
	}
	_ = c.root.Remove(path.Join(pendingDir, c.ID)) // the agent would find nothing to do
	c.Leave()
}

// Cancel ends a change that did nothing or is undone whole. What waited for the agent before waits again.
func (c *Change) Cancel() {
	if c.file == nil {
		return
	}
	if len(c.before) == 0 || overwrite(c.file, c.before) != nil {
		c.Done()
		return
	}
	c.Leave()
}

// replaced is the unfinished change that this one took the place of, and that nobody finishes any more unless this one is
// cancelled.
func (c *Change) replaced() (changeRecord, bool) { return parseRecord(c.before), len(c.before) > 0 }

// Leave ends this process's part of a change; the record stays, and the agent finishes it.
func (c *Change) Leave() {
	if c.file == nil {
		return
	}
	_ = c.file.Close() // Begin has synced what it wrote
	c.root.Close()
}

// lock takes the file for this process. Readers share the lock for a moment to see whether it is held; they are
// waited for, whoever holds it to change something is not.
func lock(f *os.File) error {
	fd := int(f.Fd())
	for range 1000 {
		err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if err := syscall.Flock(fd, syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
			return err
		}
		if err := syscall.Flock(fd, syscall.LOCK_UN); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return syscall.EWOULDBLOCK
}

const maxRecord = 4096 // bytes

func readAll(f *os.File) []byte {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxRecord))
	if err != nil {
		return nil
	}
	return data
}

// parseRecord reads the first JSON value: behind it may be the rest of a longer record. What is
// torn, or no kind of ours, is some change.
func parseRecord(data []byte) changeRecord {
	var r changeRecord
	_ = json.NewDecoder(bytes.NewReader(data)).Decode(&r)
	if r.Kind.Participle() == "" {
		r.Kind = "change"
	}
	r.Actor = strings.ToValidUTF8(r.Actor, "")
	return r
}

// overwrite leaves no moment in which the record is empty: readers take an empty one for none.
func overwrite(f *os.File, record []byte) error {
	if _, err := f.WriteAt(record, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(record)))
}
