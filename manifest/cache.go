package manifest

import (
	"crypto/sha256"
	"io/fs"
	"sync"
)

// maxCached is how many manifests a Cache keeps. An installation has about a hundred; beyond this something
// rewrites manifests, and starting anew is cheaper than keeping count of who is old.
const maxCached = 4096

// Cache reads manifests and parses each content once. The file itself is read every time, so an answer is
// never old. The zero Cache is ready. It is safe for concurrent use; do not copy it after first use.
type Cache struct {
	mu      sync.Mutex
	results map[cacheKey]result
}

// cacheKey has the file name because messages have it.
type cacheKey struct {
	file   string
	digest [sha256.Size]byte
}

type result struct {
	manifest *Manifest
	err      error
}

// Read is [Read] with a memory. The manifest is shared: do not change it.
func (c *Cache) Read(fsys fs.FS, dir string) (*Manifest, error) {
	file, data, err := readFile(fsys, dir)
	if err != nil {
		return nil, err
	}
	key := cacheKey{file: file, digest: sha256.Sum256(data)}
	if r, ok := c.get(key); ok {
		return r.manifest, r.err
	}
	var r result
	r.manifest, r.err = Parse(file, data)
	c.put(key, r)
	return r.manifest, r.err
}

func (c *Cache) get(key cacheKey) (result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.results[key]
	return r, ok
}

func (c *Cache) put(key cacheKey, r result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil || len(c.results) >= maxCached {
		c.results = map[cacheKey]result{}
	}
	c.results[key] = r
}
