package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

// fileNames are the names that a manifest may have. The first that exists is read.
var fileNames = []string{"manifest.yaml", "manifest.yml", "manifest.json"}

// FileName is the path in fsys of the manifest of the extension in dir. Anything but a regular file in its
// place, a symbolic link too, is an *[Error]: a link could point at any file that the reader may read. When
// there is no manifest the error wraps [fs.ErrNotExist].
func FileName(fsys fs.FS, dir string) (string, error) {
	for _, name := range fileNames {
		file := path.Join(dir, name)
		st, err := fs.Lstat(fsys, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", err
		case !st.Mode().IsRegular():
			return "", whole(file, "is %s: put a regular file there", kindOf(st.Mode()))
		}
		return file, nil
	}
	return "", fmt.Errorf("%s: no manifest.yaml, manifest.yml or manifest.json: %w", dir, fs.ErrNotExist)
}

// Read finds and parses the manifest of the extension in dir. It reads at most [MaxBytes].
func Read(fsys fs.FS, dir string) (*Manifest, error) {
	file, data, err := readFile(fsys, dir)
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// readFile returns one byte more than a manifest may have when there is more, so that Parse can refuse it.
func readFile(fsys fs.FS, dir string) (file string, data []byte, err error) {
	file, err = FileName(fsys, dir)
	if err != nil {
		return "", nil, err
	}
	before, err := fs.Lstat(fsys, file)
	if err != nil {
		return "", nil, err
	}
	f, err := fsys.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	after, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	if swapped(before, after) {
		return "", nil, whole(file, "was exchanged while it was read: try again")
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxBytes+1))
	return file, data, err
}

// swapped reports whether the opened file is not the one that was looked at: somebody may put a link in its
// place in between. Only files of the operating system can be told apart.
func swapped(before, after fs.FileInfo) bool {
	if !after.Mode().IsRegular() {
		return true
	}
	return os.SameFile(before, before) && !os.SameFile(before, after)
}

func whole(file, format string, args ...any) *Error {
	return &Error{File: file, Issues: []Issue{{File: file, Message: fmt.Sprintf(format, args...)}}}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	}
	return "a special file"
}

// Line is where a key such as service.env_vars.0.key stands in the manifest of the folder dir, or else the nearest key
// above it that is there; 0 when nothing can be made of the file.
func Line(fsys fs.FS, dir, key string) int {
	_, data, err := readFile(fsys, dir)
	if err != nil {
		return 0
	}
	at, err := yamldoc.Parse(data)
	if err != nil {
		return 0
	}
	line := at.Line
	for name := range strings.SplitSeq(key, ".") {
		for at.Kind == yaml.AliasNode {
			at = at.Alias
		}
		next := -1
		switch i, err := strconv.Atoi(name); {
		case at.Kind == yaml.SequenceNode && err == nil && i < len(at.Content):
			next, line = i, at.Content[i].Line
		case at.Kind == yaml.MappingNode:
			for k := 0; k+1 < len(at.Content); k += 2 {
				if at.Content[k].Value == name {
					next, line = k+1, at.Content[k].Line
				}
			}
		}
		if next < 0 {
			return line
		}
		at = at.Content[next]
	}
	return line
}
