package operation

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"dreamserver/internal/folder"
	"dreamserver/internal/problem"
)

// Kept is how many records stay on disk; the oldest go.
const Kept = 1000

const (
	suffix      = ".json"
	marker      = ".cancel" // <id>.cancel asks the program that makes the change to cancel it
	tempPrefix  = ".operation-"
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

// Get is one record.
func (s *Store) Get(id string) (Operation, error) {
	root, err := folder.Open(s.dir)
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
	root, openErr := folder.Open(s.dir)
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
	if r == nil && err == nil {
		r = rec.Result
	}
	t.Finish(state, r, err, present())
	rec.Operation = t.Operation
	f := file{store: s}
	defer f.close()
	return f.write(rec, true)
}

// AskCancel leaves word, with who wants it, for the program that makes the change.
func (s *Store) AskCancel(id, actor string) error {
	root, err := folder.Open(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(id+marker, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(actor)
	return errors.Join(err, s.give(f))
}

// maxActor bounds what is taken of who has left word, in bytes.
const maxActor = 128

// cancelledBy is who has left word; empty when nobody did.
func (s *Store) cancelledBy(id string) string {
	root, err := folder.Open(s.dir)
	if err != nil {
		return ""
	}
	defer root.Close()
	f, err := root.OpenFile(id+marker, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, maxActor)) // what cannot be read is nobody
	return strings.ToValidUTF8(string(data), "")
}

// CancelAsked reports whether somebody has left word.
func (s *Store) CancelAsked(id string) bool {
	root, err := folder.Open(s.dir)
	if err != nil {
		return false
	}
	defer root.Close()
	_, err = root.Lstat(id + marker)
	return err == nil
}

// prune removes the oldest records, and what a killed program left half written.
func (s *Store) prune() error {
	root, err := folder.Open(s.dir)
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
		if r, err := read(root, id); err == nil && r.State == Running { // by a clock that was set back
			continue
		}
		errs = append(errs, gone(root.Remove(id+suffix)), gone(root.Remove(id+marker)))
	}
	for _, name := range temps {
		if info, err := root.Lstat(name); err == nil && time.Since(info.ModTime()) > sweepTempAt {
			errs = append(errs, gone(root.Remove(name)))
		}
	}
	return errors.Join(errs...)
}

// forgetCancel removes the word that somebody has left.
func (s *Store) forgetCancel(id string) {
	root, err := folder.Open(s.dir)
	if err != nil {
		return
	}
	defer root.Close()
	_ = root.Remove(id + marker) // mostly there is none
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
