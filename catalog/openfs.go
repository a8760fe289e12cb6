package catalog

import (
	"io/fs"
	"os"
	"syscall"
)

// FS is the file system below root. Unlike that of [os.Root.FS], opening a file never waits: the API's container
// can put a FIFO where a file or a folder was, and whoever opens it would hang.
func FS(root *os.Root) fs.FS { return openFS{root} }

type openFS struct{ root *os.Root }

func (f openFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // a nil *os.File in the interface would not be nil
	}
	return file, nil
}

func (f openFS) Lstat(name string) (fs.FileInfo, error) { return f.root.Lstat(name) }
func (f openFS) ReadLink(name string) (string, error)   { return f.root.Readlink(name) }
