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

// Begin records that the extension is being changed. While another process changes it, the error is
// [problem.Busy] and names what it does.
func (j *Journal) Begin(id, kind, actor string, grants ...manifest.Grant) (*Change, error) {
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
	record, err := json.Marshal(changeRecord{Kind: kind, Actor: actor, Started: time.Now().UTC(), Grants: grants})
	if err == nil {
		err = errors.Join(overwrite(c.file, record), j.owner.give(c.file), c.file.Sync())
	}
	if err != nil {
		c.Cancel()
		return nil, storageError(fmt.Errorf("record the change of %q: %w", id, err))
	}
	c.Kind, c.Grants = kind, grants
	return c, nil
}

// Claim takes over an unfinished change. It returns nil when there is none, or somebody works on it.
func (j *Journal) Claim(id string) (*Change, error) {
	root, err := os.OpenRoot(j.dir)
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
	c.Kind, c.Grants = r.Kind, r.Grants
	return c, nil
}

// Unfinished lists the changes that nobody works on: id → kind. It writes nothing.
func (j *Journal) Unfinished() (map[string]string, error) {
	out := map[string]string{}
	root, err := os.OpenRoot(j.dir)
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
	return parseRecord(data).Kind, len(data) > 0
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
	root, err := os.OpenRoot(j.dir)
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
