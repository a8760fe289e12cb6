package chainlog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Log appends records. Nothing is opened before the first. It is safe for concurrent use; one process at a time may write.
type Log struct {
	dir      string
	fileSize int64
	files    int

	mu     sync.Mutex
	out    *os.File // nil before the first record, and after an error: the end is looked at anew
	number int      // of that file
	size   int64
	head   Head
	sealed int // lines that were found torn
}

// New is the log in the folder dir, which is made with the first record. A file that has reached fileSize bytes is
// followed by another, and files of them are kept.
func New(dir string, fileSize int64, files int) *Log {
	return &Log{dir: dir, fileSize: fileSize, files: max(files, 2)}
}

// Append writes a record, and returns when it is on disk. What was written of one that fails is sealed by the next.
func (l *Log) Append(record any) (Head, error) {
	data, err := plain(record)
	if err != nil {
		return Head{}, fmt.Errorf("%s: %w", l.dir, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.append(data); err != nil {
		l.close()
		return Head{}, fmt.Errorf("%s: %w", l.dir, err)
	}
	return l.head, nil
}

// Head is the end of the chain, and how many lines were found torn since the log was opened. Of a log that nobody has
// written to it is zero, and nothing is made.
func (l *Log) Head() (head Head, sealed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		if numbers, err := numbered(l.dir); len(numbers) == 0 && (err == nil || isGone(err)) {
			return Head{}, 0, nil
		}
		if err := l.open(); err != nil {
			l.close()
			return Head{}, 0, fmt.Errorf("%s: %w", l.dir, err)
		}
	}
	return l.head, l.sealed, nil
}

// Close lets go of the file.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
}

func (l *Log) close() {
	if l.out != nil {
		_ = l.out.Close() // every line was synced
		l.out = nil
	}
}

func (l *Log) append(record []byte) error {
	if l.out == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if l.size >= l.fileSize {
		if err := l.next(mark{}); err != nil {
			return err
		}
	}
	return l.write(holds, record)
}

// write puts a line behind the last, and on disk.
func (l *Log) write(kind string, record []byte) error {
	data, hash, err := line{Seq: l.head.Seq + 1, Prev: l.head.Hash, Kind: kind, Record: record}.encode()
	if err != nil {
		return err
	}
	n, err := l.out.Write(append(data, '\n'))
	l.size += int64(n)
	if err == nil {
		err = l.out.Sync()
	}
	if err != nil {
		return err
	}
	l.head = Head{Seq: l.head.Seq + 1, Hash: hash}
	return nil
}

// open finds the end of the chain, and seals what was not written whole.
func (l *Log) open() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	numbers, err := numbered(l.dir)
	if err != nil {
		return err
	}
	l.head, l.number = Head{Hash: none}, 0
	if len(numbers) == 0 {
		return l.next(mark{})
	}
	l.number = numbers[len(numbers)-1]
	last, torn, err := l.end(numbers)
	if err != nil {
		return err
	}
	l.head = last
	f, err := os.OpenFile(filepath.Join(l.dir, fileName(l.number)), os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	l.out = f
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l.size = info.Size()
	if whole, err := parse(torn); err == nil { // all of it but the line's end
		l.head = Head{Seq: whole.Seq, Hash: whole.Hash}
		n, err := f.Write([]byte{'\n'})
		l.size += int64(n)
		return err
	}
	m := mark{File: l.number}
	kind := seals
	switch {
	case int64(len(torn)) == l.size: // it was killed before the file had a line, or in the middle of it
		kind = begins
	case len(torn) == 0:
		return nil
	}
	if len(torn) > 0 {
		l.sealed++
		m.Torn, m.SHA256 = len(torn), digest(torn)
		if _, err := f.Write([]byte{'\n'}); err != nil {
			return err
		}
		l.size++
	}
	return l.own(kind, m)
}

// end is the last line that there is, and what stands behind the last whole line of the newest file.
func (l *Log) end(numbers []int) (last Head, torn []byte, err error) {
	last = Head{Hash: none}
	for i, n := range slices.Backward(numbers) {
		f, err := openFile(filepath.Join(l.dir, fileName(n)))
		if err != nil {
			return last, nil, err
		}
		found, rest, err := endOf(f)
		_ = f.Close() // it was only read
		if err != nil {
			return last, nil, err
		}
		if i == len(numbers)-1 {
			torn = rest
		}
		if found.Seq > 0 {
			return found, torn, nil
		}
	}
	return last, torn, nil
}

// endOf is the last line of a file that can be read, and the bytes behind its last line end.
func endOf(f *os.File) (last Head, rest []byte, err error) {
	info, err := f.Stat()
	if err != nil {
		return last, nil, err
	}
	whole := false
	if info.Size() > 0 {
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, info.Size()-1); err != nil {
			return last, nil, err
		}
		whole = b[0] == '\n'
	}
	for text, err := range Backward(f, info.Size()) {
		if err != nil {
			return last, nil, err
		}
		if !whole {
			whole, rest = true, append([]byte{}, text...)
			if len(rest) > maxLine { // no line of ours: only its end was read
				return last, nil, fmt.Errorf("%s ends with more than %d bytes without a line end", f.Name(), maxLine)
			}
			continue
		}
		if l, err := parse(text); err == nil {
			return Head{Seq: l.Seq, Hash: l.Hash}, rest, nil
		}
	}
	return last, rest, nil
}

// own writes a line of the log's own.
func (l *Log) own(kind string, m mark) error {
	data, err := plain(m)
	if err != nil {
		return err
	}
	return l.write(kind, data)
}

// next begins a file, and removes the oldest when there are too many.
func (l *Log) next(m mark) error {
	f, err := os.OpenFile(filepath.Join(l.dir, fileName(l.number+1)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.close()
	l.out, l.size = f, 0
	l.number++
	m.File = l.number
	if err := l.own(begins, m); err != nil {
		return err
	}
	if err := syncDir(l.dir); err != nil {
		return err
	}
	numbers, err := numbered(l.dir)
	if err != nil {
		return err
	}
	for _, n := range numbers[:max(0, len(numbers)-l.files)] {
		if err := os.Remove(filepath.Join(l.dir, fileName(n))); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
