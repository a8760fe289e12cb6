package api

import (
	"sync"
	"time"
)

// How often somebody may try to sign in. A client that goes wrong waits soon; many at once wait for each other.
const (
	clientBurst, clientEvery = 5, 12 * time.Second
	allBurst, allEvery       = 60, time.Second

	// sweepAt is how many clients are remembered before those are forgotten that may try as often as a new one.
	// No more can be left then than the bound on all lets through while a client's own allowance comes back.
	sweepAt = 256
)

// throttle bounds attempts to sign in. For each client, and for all, it holds the moment from which on the whole
// burst is free again; the zero value is an allowance that nobody has touched.
type throttle struct {
	mu      sync.Mutex
	all     time.Time
	clients map[string]time.Time
}

// take counts an attempt, unless it must wait: then nothing is counted, so that who is impatient holds up nobody
// else. A client that has used up its own allowance takes nothing of what all have together.
func (t *throttle) take(client string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, wait := spend(t.clients[client], now, clientBurst, clientEvery)
	if wait > 0 {
		return wait
	}
	all, wait := spend(t.all, now, allBurst, allEvery)
	if wait > 0 {
		return wait
	}
	if t.clients == nil {
		t.clients = map[string]time.Time{}
	}
	t.clients[client], t.all = own, all
	if len(t.clients) > sweepAt {
		for c, free := range t.clients {
			if !free.After(now) {
				delete(t.clients, c)
			}
		}
	}
	return 0
}

// giveBack takes an attempt out of the count: it was with the right key.
func (t *throttle) giveBack(client string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = t.all.Add(-allEvery)
	if free, ok := t.clients[client]; ok {
		t.clients[client] = free.Add(-clientEvery)
	}
}

// spend is when the burst is free again after one more attempt, and how long that attempt must wait.
func spend(free, now time.Time, burst int, every time.Duration) (time.Time, time.Duration) {
	if free.Before(now) {
		free = now
	}
	free = free.Add(every)
	return free, free.Sub(now) - time.Duration(burst)*every
}
