package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
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

// countStorage counts what files take up on disk, not what they claim to hold: there are holes in some. A file with
// several names counts once. Links are not followed.
func countStorage(ctx context.Context, dir string) catalog.Storage {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return catalog.Storage{Problem: fmt.Sprintf("the data directory cannot be read: %v", err)}
	}
	defer root.Close()
	w := walk{ctx: ctx, root: root, several: map[inode]bool{}}
	switch err := w.folder(".", 0); {
	case errors.Is(err, errEnough):
		w.found.Problem = fmt.Sprintf("there are more than %d files and folders: the rest is not counted", maxCounted)
	case err != nil:
		w.found.Problem = fmt.Sprintf("the count took more than %s: the rest is not counted", countLimit)
	case w.closed > 0:
		w.found.Problem = fmt.Sprintf("%d folders may not be read by the host agent, and are not counted", w.closed)
	case w.deep > 0:
		w.found.Problem = fmt.Sprintf("%d folders lie more than %d deep, and are not counted", w.deep, maxDepth)
	case len(w.several) >= maxSeveral:
		w.found.Problem = fmt.Sprintf("more than %d files have several names: some of them are counted for each", maxSeveral)
	}
	return w.found
}
