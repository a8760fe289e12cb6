package agent

import (
	"maps"
	"slices"
	"sync"
)

// keyedLocks holds one lock for each service. Creating and starting takes all services of the closure, because
// two closures that share a service that does not run yet collide in Docker. The zero value is ready.
type keyedLocks struct {
	mu    sync.Mutex
	locks map[string]*sync.Mutex
}

// acquire waits for all keys, taken in sorted order so that no two callers can wait for each other.
func (k *keyedLocks) acquire(keys []string) (release func()) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	held := make([]*sync.Mutex, 0, len(keys))
	for _, key := range keys {
		k.mu.Lock()
		if k.locks == nil {
			k.locks = map[string]*sync.Mutex{}
		}
		l, ok := k.locks[key]
		if !ok {
			l = &sync.Mutex{}
			k.locks[key] = l
		}
		k.mu.Unlock()
		l.Lock()
		held = append(held, l)
	}
	return func() {
		for _, l := range slices.Backward(held) {
			l.Unlock()
		}
	}
}

// failures remembers the last failed start of each extension until one succeeds or it is turned off. The zero
// value is ready.
type failures struct {
	mu sync.Mutex
	of map[string]string
}

func (f *failures) set(id, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[string]string{}
	}
	f.of[id] = reason
}

func (f *failures) clear(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, id)
}

func (f *failures) all() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.of)
}
