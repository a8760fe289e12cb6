package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
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

// Change is one change in progress. Exactly one of Done and Leave ends it.
type Change struct {
	ID   string
	Kind string

	file *os.File
	root *os.Root
}

type changeRecord struct {
	Kind    string    `json:"kind"`
	Actor   string    `json:"actor"`
	Started time.Time `json:"started"`
}

// Begin records that the extension is being changed. While another process changes it, the error is
// [problem.Busy] and names what it does.
func (j *Journal) Begin(id, kind, actor string) (*Change, error) {
	root, err := j.open()
	if err != nil {
		return nil, err
	}
	c, err := claim(root, id, os.O_CREATE)
	if err != nil {
		root.Close()
		return nil, err
	}
	record, err := json.Marshal(changeRecord{Kind: kind, Actor: actor, Started: time.Now().UTC()})
	if err == nil {
		err = errors.Join(c.file.Truncate(0), writeAt(c.file, record), j.owner.give(c.file), c.file.Sync())
	}
	if err != nil {
		c.Done()
		return nil, storageError(fmt.Errorf("record the change of %q: %w", id, err))
	}
	c.Kind = kind
	return c, nil
}

// Claim takes over an unfinished change. It returns nil when there is none, or somebody works on it.
func (j *Journal) Claim(id string) (*Change, error) {
	root, err := j.open()
	if err != nil {
		return nil, err
	}
	c, err := claim(root, id, 0)
	if err != nil {
		root.Close()
		if errors.Is(err, fs.ErrNotExist) || problem.HasCode(err, problem.Busy) {
			return nil, nil //nolint:nilnil // nothing to do is an answer
		}
		return nil, err
	}
	c.Kind = readRecord(c.file).Kind
	return c, nil
}

// Unfinished lists the changes that nobody works on: id → kind.
func (j *Journal) Unfinished() (map[string]string, error) {
	root, err := j.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), pendingDir)
	if err != nil {
		return nil, storageError(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		if !e.Type().IsRegular() || !manifest.ValidID(e.Name()) {
			continue
		}
		f, err := root.Open(path.Join(pendingDir, e.Name()))
		if err != nil {
			continue // finished in between
		}
		if lock(f) == nil {
			out[e.Name()] = readRecord(f).Kind
		}
		f.Close()
	}
	return out, nil
}

func (j *Journal) open() (*os.Root, error) {
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return nil, storageError(err)
	}
	root, err := os.OpenRoot(j.dir)
	if err != nil {
		return nil, storageError(err)
	}
	if err := root.Mkdir(pendingDir, 0o755); err == nil {
		if d, err := root.Open(pendingDir); err == nil {
			_ = j.owner.give(d) // a folder that cannot be given away shows in the first write to it
			d.Close()
		}
	} else if !errors.Is(err, fs.ErrExist) {
		root.Close()
		return nil, storageError(err)
	}
	return root, nil
}

// claim opens and locks the record. The holder removes the file before it unlocks it, so a lock on a file that
// is no longer there is tried again.
func claim(root *os.Root, id string, flag int) (*Change, error) {
	if !manifest.ValidID(id) {
		return nil, invalidID(id)
	}
	name := path.Join(pendingDir, id)
	for range 100 {
		f, err := root.OpenFile(name, os.O_RDWR|flag, 0o644)
		if err != nil {
			return nil, storageError(err)
		}
		if err := lock(f); err != nil {
			defer f.Close()
			return nil, busy(id, readRecord(f))
		}
		if mine, err := f.Stat(); err == nil && mine.Mode().IsRegular() {
			if now, err := root.Lstat(name); err == nil && os.SameFile(mine, now) {
				return &Change{ID: id, file: f, root: root}, nil
			}
		}
		f.Close()
	}
	return nil, problem.Newf(problem.Busy, "extension %q changes too often to be changed now: try again", id)
}

func busy(id string, r changeRecord) error {
	verb := map[string]string{
		"install": "installed", "enable": "enabled", "disable": "disabled", "uninstall": "uninstalled",
		"start": "started", "stop": "stopped", "restart": "restarted",
	}[r.Kind]
	if verb == "" {
		verb = "changed"
	}
	return problem.Newf(problem.Busy, "extension %q is being %s by %s: wait until that is done", id, verb, orElse(r.Actor, "another program"))
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Done ends a change that is finished or undone.
func (c *Change) Done() {
	_ = c.root.Remove(path.Join(pendingDir, c.ID)) // the agent would find nothing to do
	c.Leave()
}

// Leave ends this process's part of a change; the record stays, and the agent finishes it.
func (c *Change) Leave() {
	c.file.Close()
	c.root.Close()
}

func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

func readRecord(f *os.File) changeRecord {
	var r changeRecord
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err == nil {
		_ = json.Unmarshal(data, &r) // a torn record has no kind, which is fine
	}
	r.Actor = strings.ToValidUTF8(r.Actor, "")
	return r
}

func writeAt(f *os.File, data []byte) error {
	_, err := f.WriteAt(data, 0)
	return err
}
