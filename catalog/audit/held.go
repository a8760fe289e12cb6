package audit

import (
	"bytes"
	"io"
	"io/fs"
	"path"
)

// held is a file system with one of its folders in memory: what is in the folder is asked once, and its files are
// read once, for all who look. Through os.Root each question is three calls to the kernel.
type held struct {
	fs.FS
	dir     string
	entries []fs.DirEntry
	infos   map[string]fs.FileInfo
	files   map[string][]byte // those that were read, by path
}

// hold lists the folder. Where that fails, every question goes to the file system.
func hold(fsys fs.FS, dir string) *held {
	h := &held{FS: fsys, dir: dir, files: map[string][]byte{}}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return h
	}
	infos := map[string]fs.FileInfo{}
	for i, e := range entries {
		info, err := e.Info()
		if err != nil {
			return h // it is being changed
		}
		entries[i], infos[path.Join(dir, e.Name())] = fs.FileInfoToDirEntry(info), info
	}
	h.entries, h.infos = entries, infos
	return h
}

// keep reads a file for whoever opens it next; most+1 bytes of it at most.
func (h *held) keep(name string, most int) ([]byte, error) {
	data, err := readFile(h.FS, name, most)
	if err == nil && len(data) <= most {
		h.files[name] = data
	}
	return data, err
}

func (h *held) Lstat(name string) (fs.FileInfo, error) {
	if h.infos == nil || path.Dir(name) != h.dir {
		return fs.Lstat(h.FS, name)
	}
	if info, ok := h.infos[name]; ok {
		return info, nil
	}
	return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
}

func (h *held) ReadLink(name string) (string, error) { return fs.ReadLink(h.FS, name) }

func (h *held) ReadDir(name string) ([]fs.DirEntry, error) {
	if h.infos == nil || name != h.dir {
		return fs.ReadDir(h.FS, name)
	}
	return h.entries, nil
}

func (h *held) Open(name string) (fs.File, error) {
	if data, ok := h.files[name]; ok && h.infos[name] != nil {
		return &heldFile{bytes.NewReader(data), h.infos[name]}, nil
	}
	return h.FS.Open(name)
}

type heldFile struct {
	io.Reader
	info fs.FileInfo
}

func (f *heldFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *heldFile) Close() error               { return nil }
