package catalog

import (
	"maps"
	"slices"
	"sync"
)

// touched are the names of what a look has to be at. The zero value is nothing. It is safe for concurrent use, also while
// a look goes on.
type touched struct {
	mu    sync.Mutex
	names map[string]bool
	all   bool
}

// maxTouched is how many names are remembered: a look at so many takes as long as one at everything.
const maxTouched = 1000

func (t *touched) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.all:
	case len(t.names) == maxTouched && !t.names[name]:
		t.names, t.all = nil, true
	case t.names == nil:
		t.names = map[string]bool{name: true}
	default:
		t.names[name] = true
	}
}

func (t *touched) addAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names, t.all = nil, true
}

// take is what there is, which is nothing from then on. With everything there are no names.
func (t *touched) take() (names []string, everything bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names, everything = slices.Sorted(maps.Keys(t.names)), t.all
	t.names, t.all = nil, false
	return names, everything
}
