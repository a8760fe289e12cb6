package chainlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
)

const block = 64 << 10

// Newest yields the records of the log in the folder, the newest first; one is good until the next. What is no line, and
// lines of the log's own, are passed over; whether they are whole is for [Verify]. It holds one block of a file in memory.
func Newest(dir string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		_, files, _, err := openAll(dir)
		defer func() { closeAll(files) }()
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				yield(nil, fmt.Errorf("%s: %w", dir, err))
			}
			return
		}
		for _, f := range slices.Backward(files) {
			info, err := f.Stat()
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", dir, err))
				return
			}
			for text, err := range Backward(f, info.Size()) {
				if err != nil {
					yield(nil, fmt.Errorf("%s: %w", dir, err))
					return
				}
				if l, err := parse(text); err == nil && l.Kind == holds && !yield(l.Record, nil) {
					return
				}
			}
		}
	}
}

// Backward yields the lines of a file from its end, without their ends. A line is good until the next one. Of a line that
// is longer than a block of 64 KiB only pieces come.
func Backward(r io.ReaderAt, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var rest []byte // the end of a line whose beginning is not read yet
		for pos := size; pos > 0; {
			n := min(pos, block)
			pos -= n
			b := make([]byte, n, n+int64(len(rest)))
			if _, err := r.ReadAt(b, pos); err != nil {
				yield(nil, err)
				return
			}
			b = append(b, rest...)
			for {
				i := bytes.LastIndexByte(b, '\n')
				if i < 0 {
					break
				}
				if text := b[i+1:]; len(text) > 0 && !yield(text, nil) {
					return
				}
				b = b[:i]
			}
			if rest = b; len(rest) > block {
				rest = nil
			}
		}
		if len(rest) > 0 {
			yield(rest, nil)
		}
	}
}
