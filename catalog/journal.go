package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"dreamserver/catalog/operation"
	"dreamserver/internal/folder"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Journal is the list of changes that are not finished: one file for each extension, named by its id, below
// operations/pending. Whoever makes the change holds the file's lock; the kernel lets go of it when the process
// dies. A file that nobody has locked is a change that was killed or that waits for the host agent: the agent
// finishes it. All access goes through an [os.Root], because the API's container can write the folder.
type Journal struct {
	dir   string // operations; created when missing
	owner owner
}

const pendingDir = "pending"

// NewJournal keeps its files below dir, owned by uid and gid where this process may give files away.
func NewJournal(dir string, uid, gid int) *Journal {
	return &Journal{dir: dir, owner: owner{uid, gid}}
}

// Intent is what a change is begun for.
type Intent struct {
	Kind      operation.Kind
	Actor     string           // who makes the change
	Operation string           // its record for people; empty without one
	Grants    []manifest.Grant // that the owner gives with it
	Plan      string           // the hash of the plan that it carries out; empty without one
}

// Begin records that the extension is being changed. While another process changes it, the error is
// [problem.Busy] and names what it does.
func (j *Journal) Begin(id string, what Intent) (*Change, error) {
	root, err := j.open()
	if err != nil {
		return nil, err
	}
	c, err := claim(root, id, os.O_CREATE)
	if err != nil {
		root.Close()
		return nil, err
	}
	c.before = readAll(c.file)
	record, err := json.Marshal(changeRecord{Kind: what.Kind, Actor: what.Actor, Operation: what.Operation, Started: time.Now().UTC(), Grants: what.Grants, Plan: what.Plan})
	if err == nil {
		err = errors.Join(overwrite(c.file, record), j.owner.give(c.file), c.file.Sync())
	}
	if err != nil {
		c.Cancel()
		return nil, storageError(fmt.Errorf("record the change of %q: %w", id, err))
	}
	c.Kind, c.Operation, c.Grants, c.Plan = what.Kind, what.Operation, what.Grants, what.Plan
	return c, nil
}

// Busy is the refusal of a second change while somebody makes one to the extension; nil when nobody does.
func (j *Journal) Busy(id string) error {
	if r, held := j.held(id); held {
		return busy(id, r)
	}
	return nil
}

// turnsOn reports whether the change that somebody makes is one that a stop may end.
func (j *Journal) turnsOn(id string) bool {
	r, held := j.held(id)
	return held && (r.Kind.TurnsOn() || r.Kind.Participle() == "")
}

// held is the record of the change that somebody makes to the extension.
func (j *Journal) held(id string) (r changeRecord, held bool) {
	root, err := folder.Open(j.dir)
	if err != nil || !manifest.ValidID(id) {
		return r, false // who cannot look sees nobody
	}
	defer root.Close()
	opened, err := FS(root).Open(path.Join(pendingDir, id))
	if err != nil {
		return r, false
	}
	defer opened.Close()
	f, isFile := opened.(*os.File)
	if !isFile || !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return r, false
	}
	return parseRecord(readAll(f)), true
}

// Has reports whether there is a change of the extension, in somebody's hands or not.
func (j *Journal) Has(id string) bool {
	root, err := folder.Open(j.dir)
	if err != nil || !manifest.ValidID(id) {
		return false
	}
	defer root.Close()
	_, err = root.Lstat(path.Join(pendingDir, id))
	return err == nil
}

// Claim takes over an unfinished change. It returns nil when there is none, or somebody works on it.
func (j *Journal) Claim(id string) (*Change, error) {
	root, err := folder.Open(j.dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	c, err := claim(root, id, 0)
	if err != nil {
		root.Close()
		if problem.HasCode(err, problem.Busy) {
			return nil, nil //nolint:nilnil // nothing to do is an answer
		}
		return nil, ignoreMissing(err)
	}
	if c.before = readAll(c.file); len(c.before) == 0 { // somebody begins it at this moment
		c.Leave()
		return nil, nil //nolint:nilnil // nothing to do is an answer
	}
	r := parseRecord(c.before)
	c.Kind, c.Operation, c.Grants, c.Plan = r.Kind, r.Operation, r.Grants, r.Plan
	return c, nil
}

// Unfinished lists the changes that nobody works on: id → kind. It writes nothing.
func (j *Journal) Unfinished() (map[string]string, error) {
	out := map[string]string{}
	root, err := folder.Open(j.dir)
	if err != nil {
		return out, ignoreMissing(err)
	}
	defer root.Close()
	fsys := FS(root)
	entries, err := fs.ReadDir(fsys, pendingDir)
	if err != nil {
		return out, ignoreMissing(err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !manifest.ValidID(e.Name()) {
			continue
		}
		if kind, ok := unfinished(fsys, path.Join(pendingDir, e.Name())); ok {
			out[e.Name()] = kind
		}
	}
	return out, nil
}

// unfinished reports whether the record is there and nobody holds it, and its kind. An empty one has just been
// made by somebody who has not locked it yet.
func unfinished(fsys fs.FS, name string) (kind string, ok bool) {
	opened, err := fsys.Open(name)
	if err != nil {
		return "", false // finished in between
	}
	defer opened.Close()
	f, isFile := opened.(*os.File)
	if !isFile || syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return "", false
	}
	data := readAll(f)
	return string(parseRecord(data).Kind), len(data) > 0
}

// ignoreMissing takes a folder or record that is not there for an empty one.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return storageError(err)
}

// open makes the folder when it is missing.
func (j *Journal) open() (*os.Root, error) {
	if err := j.owner.makeDir(j.dir); err != nil {
		return nil, storageError(err)
	}
	root, err := folder.Open(j.dir)
	if err != nil {
		return nil, storageError(err)
	}
	if err := root.Mkdir(pendingDir, 0o755); err == nil {
		if d, err := root.Open(pendingDir); err == nil {
			_ = j.owner.give(d) // a folder that cannot be given away shows in the first write to it
			_ = d.Close()       // only its owner was changed
		}
	} else if !errors.Is(err, fs.ErrExist) {
		root.Close()
		return nil, storageError(err)
	}
	return root, nil
}
