package agent_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer is a log that can be waited for.

type logBuffer struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// wait returns when the log holds the text.
func (b *logBuffer) wait(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(b.String(), text) {
		select {
		case <-b.changed:
		case <-time.After(30 * time.Second):
			t.Fatalf("the log has no %q:\n%s", text, b)
		}
	}
}
