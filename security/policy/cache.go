package policy

import (
	linked "container/list"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"
)

// The bounds of a cache.
const (
	maxCached      = 4096
	maxCachedBytes = 32 << 20
)

// Cache keeps answers by content: the question as the plugin sees it, which has its config and the hook, and the plugin with
// its digest. Only what was accepted or changed is kept: who was refused, or could not be judged, is judged again. Modes,
// exceptions, and the second pass come after it. It is safe for concurrent use; the zero value is ready.
type Cache struct {
	mu    sync.Mutex
	byKey map[cacheKey]*linked.Element
	used  linked.List // of cached, the one that was used last in front
	bytes int
}

type cacheKey [sha256.Size]byte

type cached struct {
	key    cacheKey
	answer []byte // a Response as JSON; its spec is left out where nothing changes
}

// keyOf is empty where the answer must not be kept.
func (p loaded) keyOf(q Request) (key cacheKey, ok bool) {
	if !p.cache {
		return key, false
	}
	question, err := json.Marshal(q)
	if err != nil {
		return key, false
	}
	about, err := json.Marshal([]any{p.info.Name, p.info.Transport, p.info.Digest, p.address, p.argv})
	if err != nil {
		return key, false
	}
	h := sha256.New()
	h.Write(about) // a JSON list ends where it ends: no two pairs are one text
	h.Write(question)
	return cacheKey(h.Sum(nil)), true
}

// find is the answer to the question, if it is known.
func (c *Cache) find(key cacheKey) (Response, bool) {
	c.mu.Lock()
	e, ok := c.byKey[key]
	var answer []byte
	if ok {
		c.used.MoveToFront(e)
		answer = e.Value.(cached).answer
	}
	c.mu.Unlock()
	if !ok {
		return Response{}, false
	}
	r, err := Plain[Response](json.RawMessage(answer))
	return r, err == nil
}

// keep remembers an answer that was accepted. changed tells whether its spec is another than the question's.
func (c *Cache) keep(key cacheKey, r Response, changed bool) {
	if !changed {
		r.Spec = nil
	}
	r.Warnings = slices.Clone(r.Warnings)
	answer, err := json.Marshal(r)
	if err != nil || len(answer) > maxCachedBytes/4 { // one must not push out all others
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.byKey[key]; there {
		return
	}
	if c.byKey == nil {
		c.byKey = map[cacheKey]*linked.Element{}
	}
	c.byKey[key] = c.used.PushFront(cached{key, answer})
	c.bytes += len(answer)
	for c.used.Len() > maxCached || c.bytes > maxCachedBytes {
		last := c.used.Remove(c.used.Back()).(cached)
		delete(c.byKey, last.key)
		c.bytes -= len(last.answer)
	}
}
