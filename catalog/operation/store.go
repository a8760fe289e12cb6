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
	"time"

	"dreamserver/internal/problem"
)

// Kept is how many records stay on disk; the oldest go.
const Kept = 1000

const (
	suffix      = ".json"
	marker      = ".cancel" // <id>.cancel asks the program that makes the change to cancel it
	tempPrefix  = ".operation-"
	maxRecord   = 256 << 10 // bytes; what is larger is no record of ours
	maxListed   = 4 * Kept  // of a folder that others can fill
	sweepTempAt = time.Hour // age at which a half-written record is nobody's
)

// Store is the records on disk: one file for each change. Whoever makes the change holds its file's lock, and the kernel
// lets go of it when that program dies: a record that says running and that nobody holds is interrupted. The API's
// container can write the folder, so what is read there is looked at and decides nothing. A Store is safe for
// concurrent use, by several processes too.
type Store struct {
	dir  string
	give func(*os.File) error
}

// NewStore keeps records in dir. give hands a new file to the installation's owner.
func NewStore(dir string, give func(*os.File) error) *Store { return &Store{dir: dir, give: give} }

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
	root, err := os.OpenRoot(f.store.dir)
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

// Get is one record.
func (s *Store) Get(id string) (Operation, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Operation{}, err
	}
	if err != nil || !ValidID(id) {
		return Operation{}, Unknown(id)
	}
	defer root.Close()
	r, err := read(root, id)
	if errors.Is(err, fs.ErrNotExist) {
		return Operation{}, Unknown(id)
	}
	return r.Operation, err
}

// Unknown is the refusal of an id that names no operation.
func Unknown(id string) error {
	return problem.Newf(problem.NotFound, "no operation %.80q is known: the last %d are kept, and `dream operations` lists them", id, Kept)
}

// Finish ends an operation that its program did not, when it is still unfinished.
func (s *Store) Finish(id string, state State, r *Result, err error) error {
	root, openErr := os.OpenRoot(s.dir)
	if openErr != nil {
		return openErr
	}
	defer root.Close()
	if !ValidID(id) {
		return Unknown(id)
	}
	rec, readErr := read(root, id)
	if readErr != nil {
		return readErr
	}
	if rec.State.Ended() || rec.State == Running { // somebody is at it
		return nil
	}
	t := Tracker{Operation: rec.Operation}
	if r == nil {
		r = rec.Result
	}
	t.Finish(state, r, err, present())
	rec.Operation = t.Operation
	f := file{store: s}
	defer f.close()
	return f.write(rec, true)
}

// AskCancel leaves word for the program that makes the change.
func (s *Store) AskCancel(id string) error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(id+marker, os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.give(f)
}

// CancelAsked reports whether somebody has left word.
func (s *Store) CancelAsked(id string) bool {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return false
	}
	defer root.Close()
	_, err = root.Lstat(id + marker)
	return err == nil
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
	f, err := root.OpenFile(id+suffix, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return r, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxRecord {
		return r, fmt.Errorf("operation %s: not a record", id)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return r, err
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&r); err != nil || r.ID != id {
		return record{}, fmt.Errorf("operation %s: not a record", id)
	}
	if r.State == Running && syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		r.State = Interrupted
	}
	return r, nil
}

// prune removes the oldest records, and what a killed program left half written.
func (s *Store) prune() error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	ids, temps, err := names(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids[min(len(ids), Kept):] {
		errs = append(errs, gone(root.Remove(id+suffix)), gone(root.Remove(id+marker)))
	}
	for _, name := range temps {
		if info, err := root.Lstat(name); err == nil && time.Since(info.ModTime()) > sweepTempAt {
			errs = append(errs, gone(root.Remove(name)))
		}
	}
	return errors.Join(errs...)
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// forgetCancel removes the word that somebody has left.
func (s *Store) forgetCancel(id string) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return
	}
	defer root.Close()
	_ = root.Remove(id + marker) // mostly there is none
}
