package operation

import (
	"os"
	"time"
)

// Die lets go of the record as the kernel does when a program is killed.
func (a *Active) Die() { a.file.close() }

// Stopwatch is when a new one was begun, as a record keeps it and as it measures.
func Stopwatch() (started, began time.Time) {
	w := newStopwatch()
	return w.started, w.began
}

// ReadFrom reads the operation that f is, and whether another version has taken its place.
func ReadFrom(root *os.Root, f *os.File, id string) (Operation, bool, error) {
	r, replaced, err := readFrom(root, f, id)
	return r.Operation, replaced, err
}
