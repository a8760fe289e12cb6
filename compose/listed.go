package compose

import (
	"io/fs"
	"path"
)

// listed is a file system that knows which names one of its folders has, and asks about no others: the variants of an
// extension have some hundred names, of which a folder has two or three.
type listed struct {
	fs.FS
	dir   string
	names map[string]bool
}

// list is fsys with dir listed. Where it cannot be listed, fsys is as good.
func list(fsys fs.FS, dir string) fs.FS {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return fsys
	}
	l := listed{fsys, path.Clean(dir), make(map[string]bool, len(entries))}
	for _, e := range entries {
		l.names[e.Name()] = true
	}
	return l
}

func (l listed) Lstat(name string) (fs.FileInfo, error) {
	if path.Dir(name) == l.dir && !l.names[path.Base(name)] {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return fs.Lstat(l.FS, name)
}

func (l listed) ReadLink(name string) (string, error) { return fs.ReadLink(l.FS, name) }
