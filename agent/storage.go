package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"dreamserver/catalog"
)

const (
	// countLimit and maxCounted bound one count of files.
	countLimit = 2 * time.Minute
	maxCounted = 5_000_000
	// recountAfter is the least time between two counts, and recountTimes how many times as long as a count took: a disk that
	// is slow to count is counted seldom.
	recountAfter = 2 * time.Minute
	recountTimes = 20
)

// modelsDir and vectorDirs are folders of the data directory.
const modelsDir = "models"

var vectorDirs = []string{"chromadb", "milvus", "pgvector", "qdrant", "weaviate"}

// storage tells how much the data directory holds. Who asks does not wait: it is counted in the background, once at a
// time, and not while nobody asks.
func (s *Server) storage(w http.ResponseWriter, _ *http.Request) { send(w, s.counter.look(s.stop)) }

// counter counts the files of a folder now and then.
type counter struct {
	dir  string
	mu   sync.Mutex
	last catalog.Storage
	next time.Time // when a count may begin
}

// look is what was counted last. It begins a count when that is old.
func (c *counter) look(stop context.Context) catalog.Storage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.Counting && time.Now().After(c.next) && stop.Err() == nil {
		c.last.Counting = true
		go c.count(stop)
	}
	return c.last
}

func (c *counter) count(stop context.Context) {
	ctx, cancel := context.WithTimeout(stop, countLimit)
	defer cancel()
	began := time.Now()
	found := countStorage(ctx, c.dir)
	found.Took = time.Since(began)
	found.At = time.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.next = found, time.Now().Add(max(recountAfter, recountTimes*found.Took))
}

var errEnough = errors.New("enough")

// countStorage counts what files take up on disk, not what they claim to hold: there are holes in some. A file with
// several names counts once. Links are not followed.
func countStorage(ctx context.Context, dir string) catalog.Storage {
	var found catalog.Storage
	root, err := os.OpenRoot(dir)
	if err != nil {
		found.Problem = fmt.Sprintf("the data directory cannot be read: %v", err)
		return found
	}
	defer root.Close()
	type file struct{ device, inode uint64 }
	several := map[file]bool{}
	closed := 0
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case found.Total.Files >= maxCounted:
			return errEnough
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) { // it has just gone
				closed++
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it has just gone
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if st.Nlink > 1 && !d.IsDir() {
			f := file{uint64(st.Dev), st.Ino} //nolint:unconvert // a device has another type on other systems
			if several[f] {
				return nil
			}
			several[f] = true
		}
		add(&found, path, uint64(max(0, st.Blocks))*512, d.IsDir())
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		found.Problem = fmt.Sprintf("there are more than %d files: the rest is not counted", maxCounted)
	case err != nil:
		found.Problem = fmt.Sprintf("the count took more than %s: the rest is not counted", countLimit)
	case closed > 0:
		found.Problem = fmt.Sprintf("%d folders may not be read by the host agent, and are not counted", closed)
	}
	return found
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
