package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestBenchPages measures the catalogue of 500 extensions in a real browser: how long the slowest answer to a key or a click
// takes, and how far anything jumps while it loads.
func TestBenchPages(t *testing.T) {
	if os.Getenv("DREAM_BENCH") == "" {
		t.Skip("measures: run `make bench`")
	}
	needsEngine(t)
	b := newBench(t)
	for i := range 450 { // the library that ships has the rest
		b.extension(filepath.Join(b.stack.dir, "data", "extensions-library"), fmt.Sprintf("many-%03d", i))
	}
	b.check(b.stack.serveDashboard())
	out, err := b.stack.play("bench.test.ts")
	fmt.Printf("\n%s", out)
	b.check(err)
}
