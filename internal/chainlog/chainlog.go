// Package chainlog is an append-only log of JSON lines, each of which has the hash of the one before: what was changed,
// removed or put in between afterwards shows, to whoever reads the files and trusts nobody.
//
//	line.go    a line, its bytes and its hash      log.go    writes: appends, seals, begins new files
//	read.go    the newest records first            verify.go walks the whole chain
//
// A log is a folder of numbered files. The first line of each names its number and, as every line, the hash of the line
// before, which is the last of the file before. The end of a chain says nothing of what once came behind it: who cuts the
// last lines off leaves a whole chain. That shows against a [Head] that was noted elsewhere.
package chainlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Head is the end of a chain.
type Head struct {
	Seq  uint64 `json:"seq"`  // of the last line; 0 of an empty log
	Hash string `json:"hash"` // of the last line
}

const ext = ".jsonl"

// fileName is the name of a file of the log.
func fileName(number int) string { return fmt.Sprintf("%06d%s", number, ext) }

// numbered lists the log's files, the oldest first. What has another name is none of them.
func numbered(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		var n int
		if _, err := fmt.Sscanf(e.Name(), "%d"+ext, &n); err == nil && e.Name() == fileName(n) && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// errOdd is why something with the name of a file of the log is none: a symlink, a FIFO, a folder.
var errOdd = errors.New("it is no regular file, and none of the log's")

// openFile opens a file of the log to read. It follows no link, and waits for nobody.
func openFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) { // a link; a socket
		return nil, &fs.PathError{Op: "open", Path: name, Err: errOdd}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errOdd}
	}
	if err != nil {
		_ = f.Close() // it was only opened
		return nil, err
	}
	return f, nil
}

// openAll opens the files that there are now, the oldest first. An open file stays readable whatever becomes of its name;
// one that was removed meanwhile is left out, and so is what is no file: those are odd.
func openAll(dir string) (numbers []int, files []*os.File, odd []int, err error) {
	all, err := numbered(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range all {
		f, err := openFile(filepath.Join(dir, fileName(n)))
		switch {
		case isGone(err):
			continue
		case errors.Is(err, errOdd):
			odd = append(odd, n)
			continue
		case err != nil:
			closeAll(files)
			return nil, nil, nil, err
		}
		numbers, files = append(numbers, n), append(files, f)
	}
	return numbers, files, odd, nil
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // it was only read
	}
}
