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

// openAll opens the files that there are now, the oldest first. An open file stays readable whatever becomes of its name;
// one that was removed meanwhile is left out.
func openAll(dir string) (numbers []int, files []*os.File, err error) {
	all, err := numbered(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range all {
		f, err := os.Open(filepath.Join(dir, fileName(n)))
		if err != nil {
			if isGone(err) {
				continue
			}
			closeAll(files)
			return nil, nil, err
		}
		numbers, files = append(numbers, n), append(files, f)
	}
	return numbers, files, nil
}

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // it was only read
	}
}
