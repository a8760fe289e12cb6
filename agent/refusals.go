package agent

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// refusals keeps somebody who is turned away again and again from filling the logs: after a handful, one in a
// minute is told, with the number of those before it that were not. The zero value is ready.
type refusals struct {
	mu     sync.Mutex
	told   *rate.Limiter
	untold int
}

const (
	refusalBurst = 5
	refusalEvery = time.Minute
)

// tell reports whether this refusal is to be told, and how many were not since the last one.
func (r *refusals) tell(now time.Time) (untold int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = rate.NewLimiter(rate.Every(refusalEvery), refusalBurst)
	}
	if !r.told.AllowN(now, 1) {
		r.untold++
		return 0, false
	}
	untold, r.untold = r.untold, 0
	return untold, true
}
