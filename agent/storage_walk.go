package agent

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"dreamserver/catalog"
)

// Bounds of what a count has in memory, for whoever writes files decides how many there are.
const (
	readAtOnce = 1024    // names of a folder
	maxDepth   = 100     // folders below each other, each of which is open while what is in it is counted
	maxSeveral = 200_000 // files with several names that are remembered
)

var errEnough = errors.New("enough")

type inode struct{ device, number uint64 }

// walk is one count.
type walk struct {
	ctx     context.Context
	root    *os.Root
	found   catalog.Storage
	seen    int // files and folders
	several map[inode]bool
	closed  int // folders that may not be read
	deep    int // folders that are too deep
}

// folder counts the folder and what is in it. The error ends the count.
func (w *walk) folder(path string, depth int) error {
	if depth > maxDepth {
		w.deep++
		return nil
	}
	// What was a folder a moment ago may be a pipe, and opening it would wait.
	f, err := w.root.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		w.cannotRead(err)
		return nil
	}
	defer f.Close()
	if path == "." {
		if _, err := w.count(f, ".", path); err != nil {
			return err
		}
	}
	for {
		// Only names are asked for: there is room for as many, whatever the folder holds.
		names, err := f.Readdirnames(readAtOnce)
		for _, name := range names {
			below := filepath.Join(path, name)
			isDir, err := w.count(f, name, below)
			if err == nil && isDir {
				err = w.folder(below, depth+1)
			}
			if err != nil {
				return err
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.cannotRead(err)
			}
			return nil
		}
	}
}

func (w *walk) cannotRead(err error) {
	if !errors.Is(err, fs.ErrNotExist) { // it has just gone
		w.closed++
	}
}

// count counts what has the name in the folder, and reports whether it is a folder itself.
func (w *walk) count(in *os.File, name, path string) (isDir bool, _ error) {
	if err := w.ctx.Err(); err != nil {
		return false, err
	}
	if w.seen >= maxCounted {
		return false, errEnough
	}
	w.seen++
	var st unix.Stat_t
	if err := unix.Fstatat(int(in.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, nil //nolint:nilerr // it has just gone
	}
	isDir = st.Mode&unix.S_IFMT == unix.S_IFDIR
	if st.Nlink > 1 && !isDir {
		of := inode{uint64(st.Dev), st.Ino} //nolint:unconvert // a device has another type on other systems
		if w.several[of] {
			return false, nil
		}
		if len(w.several) < maxSeveral {
			w.several[of] = true
		}
	}
	add(&w.found, path, uint64(max(0, st.Blocks))*512, isDir)
	return isDir, nil
}

// add counts what is at path for the folders that it is in.
func add(to *catalog.Storage, path string, bytes uint64, folder bool) {
	top, _, _ := strings.Cut(path, "/")
	sums := []*catalog.FolderSize{&to.Total}
	switch {
	case top == modelsDir:
		sums = append(sums, &to.Models)
	case slices.Contains(vectorDirs, top):
		sums = append(sums, &to.VectorDB)
	}
	for _, sum := range sums {
		sum.Bytes += bytes
		if !folder {
			sum.Files++
		}
	}
}
