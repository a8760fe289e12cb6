package agent

import (
	"maps"
	"slices"
	"sync"
)

// keyedLocks holds one lock for each service. Creating a service takes its lock alone; depending on one that runs
// shares it. The zero value is ready.
type keyedLocks struct {
	mu    sync.Mutex
	locks map[string]*sync.RWMutex
}

// acquire waits for all keys, in sorted order so that no two callers can wait for each other. A key that is in
// both lists is taken alone.
func (k *keyedLocks) acquire(alone, shared []string) (release func()) {
	keys := slices.Compact(slices.Sorted(slices.Values(slices.Concat(alone, shared))))
	releases := make([]func(), 0, len(keys))
	for _, key := range keys {
		l := k.lock(key)
		if slices.Contains(alone, key) {
			l.Lock()
			releases = append(releases, l.Unlock)
		} else {
			l.RLock()
			releases = append(releases, l.RUnlock)
		}
	}
	return func() {
		for _, r := range slices.Backward(releases) {
			r()
		}
	}
}

func (k *keyedLocks) lock(key string) *sync.RWMutex {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.locks == nil {
		k.locks = map[string]*sync.RWMutex{}
	}
	l, ok := k.locks[key]
	if !ok {
		l = &sync.RWMutex{}
		k.locks[key] = l
	}
	return l
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
