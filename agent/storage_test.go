package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
)

// holding makes files of some size below a folder.
func holding(t *testing.T, files map[string]int) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCountStorage_CountsWhatFilesTakeUp(t *testing.T) {
	dir := holding(t, map[string]int{
		"models/a.gguf": 1 << 20, "models/sub/b.gguf": 1 << 20, "qdrant/segment": 1 << 20, "weaviate/x": 1 << 20, "n8n/db": 1 << 20, "models.txt": 1,
	})
	outside := holding(t, map[string]int{"secret": 8 << 20})
	hole := filepath.Join(dir, "models/hole")
	for _, err := range []error{
		os.Link(filepath.Join(dir, "models/a.gguf"), filepath.Join(dir, "models/again.gguf")),
		os.Symlink(outside, filepath.Join(dir, "models/elsewhere")),
		os.WriteFile(hole, nil, 0o600), os.Truncate(hole, 1<<30),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := agent.CountStorage(t.Context(), dir)
	within := func(name string, got catalog.FolderSize, files, mebibytes uint64) {
		t.Helper()
		if got.Files != files || got.Bytes>>20 != mebibytes {
			t.Errorf("%s: %+v, want %d files and %d MiB", name, got, files, mebibytes)
		}
	}
	within("models", got.Models, 4, 2) // with the hole and the link itself
	within("vector_db", got.VectorDB, 2, 2)
	within("total", got.Total, 8, 5)
	if got.Problem != "" {
		t.Errorf("problem %q", got.Problem)
	}
}

// A container decides how many files there are, and their names must not all be in the agent's memory.
func TestCountStorage_HasNoWholeFolderInMemory(t *testing.T) {
	dir := t.TempDir()
	const files = 20_000
	for i := range files {
		if err := os.Symlink("x", filepath.Join(dir, strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := agent.CountStorage(t.Context(), dir)
	runtime.ReadMemStats(&after)
	if got.Total.Files != files || got.Problem != "" {
		t.Errorf("got %+v", got)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / files; each > 250 {
		t.Errorf("%d bytes for each file", each)
	}
}

func TestCountStorage_GoesNoDeeperThanItMay(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", 120)), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := agent.CountStorage(t.Context(), dir); got.Problem != "1 folders lie more than 100 deep, and are not counted" {
		t.Errorf("problem %q", got.Problem)
	}
}

func TestCountStorage_SaysWhatIsMissing(t *testing.T) {
	if got := agent.CountStorage(t.Context(), "/nowhere"); !strings.Contains(got.Problem, "the data directory cannot be read: ") {
		t.Errorf("problem %q", got.Problem)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := agent.CountStorage(ended, t.TempDir()); !strings.Contains(got.Problem, "the rest is not counted") {
		t.Errorf("problem %q", got.Problem)
	}
}

func TestStorage_IsCountedInTheBackground(t *testing.T) {
	in := newInstallation(t, "-- data/models/a.gguf --\na model\n")
	first, err := in.client.Storage(t.Context())
	in.must(err)
	if !first.Counting && first.At.IsZero() {
		t.Errorf("nobody counts: %+v", first)
	}
	got := first
	for got.At.IsZero() && t.Context().Err() == nil {
		got, err = in.client.Storage(t.Context())
		in.must(err)
	}
	if got.Models.Files != 1 || got.Total.Files < 1 || got.Counting {
		t.Errorf("got %+v", got)
	}
	again, err := in.client.Storage(t.Context())
	in.must(err)
	wantEqual(t, "at once afterwards", got, again)
}
