package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
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
// else.
func (t *throttle) take(client string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, ownWait := spend(t.clients[client], now, clientBurst, clientEvery)
	all, allWait := spend(t.all, now, allBurst, allEvery)
	if wait = max(ownWait, allWait); wait > 0 {
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

// clientOf tells clients apart, for the throttle alone: our own web server says whose request it forwards. Who
// reaches the API itself can say what they like; the bound on all attempts is for them. An IPv6 client has a whole
// network of addresses and counts as one.
func clientOf(r *http.Request) string {
	host := peer(r)
	if via := r.Header.Get("X-Forwarded-For"); via != "" {
		host = strings.TrimSpace(via[strings.LastIndexByte(via, ',')+1:])
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}

// whence is where a request comes from: who connects, and for whom, as they say. A session is bound to it, because
// cookies are not bound to a port: an extension's server, on another port, is sent the cookie of the browser that
// looks at it. Its container cannot connect from our web server's address, and through that server it is itself.
func whence(r *http.Request) string { return peer(r) + " for " + r.Header.Get("X-Forwarded-For") }

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
