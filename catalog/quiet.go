package catalog

import (
	"context"
	"time"
)

// How long changes of files are collected before they are read.
const (
	settle     = 20 * time.Millisecond  // for more of them
	settleMost = 100 * time.Millisecond // while they go on
)

// whenQuiet calls read after changes, once they have settled, so that one change is one generation. While they go on for
// long, it leaves as much time between two calls as one took: however much is changed, half of the time is left for readers.
func whenQuiet(ctx context.Context, changed <-chan struct{}, read func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		awaitQuiet(ctx, changed)
		began := time.Now()
		read()
		if len(changed) > 0 {
			pause(ctx, time.Since(began))
		}
	}
}

// awaitQuiet waits until nothing more is changed, and not for too long.
func awaitQuiet(ctx context.Context, changed <-chan struct{}) {
	most := time.NewTimer(settleMost)
	defer most.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-changed:
			quiet.Reset(settle)
		case <-quiet.C:
			return
		case <-most.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
