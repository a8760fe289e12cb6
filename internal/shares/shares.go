// Package shares counts what everybody holds of something that there is not much of, so that nobody holds all of it.
package shares

import "sync"

// Shares are what is held now, and by whom. The zero value is ready. It is safe for concurrent use.
type Shares struct {
	mu  sync.Mutex
	of  map[string]int
	all int
}

// Take gives who one more, unless they have as many as one may, or there are no more. What is taken is given back once.
func (s *Shares) Take(who string, one, all int) (giveBack func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[who] >= one || s.all >= all {
		return nil, false
	}
	if s.of == nil {
		s.of = map[string]int{}
	}
	s.of[who]++
	s.all++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[who]--; s.of[who] == 0 {
			delete(s.of, who)
		}
	}), true
}
