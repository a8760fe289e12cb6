package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// openDir opens a folder as a root. [os.OpenRoot] waits where the name is that of a FIFO; one that ends with a slash is
// that of a folder, or none.
func openDir(dir string) (*os.Root, error) { return os.OpenRoot(dir + "/") }

// readRegular reads a file up to its limit, and one byte more when there is more.
func readRegular(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	}
	return io.ReadAll(io.LimitReader(f, most+1))
}

// cause is what is wrong, without the file's name.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
