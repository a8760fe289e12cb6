package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamserver/config"
)

// origin is where a request comes from.
type origin struct {
	// client tells clients apart, for the throttle: an address, or the network of an IPv6 one, which has many.
	client string
	// from is what a session is bound to, because cookies are not bound to a port: an extension's server, on another
	// port, is sent the cookie of the browser that looks at it. Its container connects from another address, and
	// through our web server it is itself.
	from string
}

// originOf believes our own web server alone when it says for whom it asks. Everybody else is who connects.
func (s *server) originOf(r *http.Request) origin {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return origin{"unknown", r.RemoteAddr}
	}
	addr := plainAddr(peer.Addr())
	via := r.Header.Values("X-Forwarded-For")
	if len(via) == 0 || !s.frontend.is(r.Context(), addr) {
		return origin{clientOf(addr), addr.String()}
	}
	last := via[len(via)-1] // nearest to us
	last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
	forwarded, err := netip.ParseAddr(last)
	if err != nil {
		return origin{"unknown", "the dashboard for " + last}
	}
	forwarded = plainAddr(forwarded)
	return origin{clientOf(forwarded), "the dashboard for " + forwarded.String()}
}

func clientOf(addr netip.Addr) string {
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}

func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

const (
	frontendFor   = 5 * time.Second        // so long an address of the dashboard is believed without asking again
	frontendRetry = 500 * time.Millisecond // another address may be that of a dashboard that just started
	frontendStale = time.Minute            // so long the last answer counts while the resolver does not answer
	lookupTimeout = time.Second
)

// frontend knows our own web server, the dashboard, by its address. Any container on the network of the extensions
// can connect to the API and send any header; none can connect from the dashboard's address.
type frontend struct {
	// local: the API listens on loopback, so that only programs of this machine reach it, the dashboard among them.
	// In a container nothing forwards to us from loopback.
	local bool
	// name is the dashboard's container: there is one of this name on an engine, while the service's name is that of
	// every dashboard on the network. The gate lets no extension take either.
	name   string
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	now    func() time.Time

	mu       sync.Mutex
	addrs    []netip.Addr
	asked    time.Time
	answered time.Time
}

func newFrontend(s config.Settings, lookup func(context.Context, string) ([]netip.Addr, error), now func() time.Time) *frontend {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	ip, err := netip.ParseAddr(s.APIHost)
	return &frontend{
		local: s.APIHost == "localhost" || err == nil && plainAddr(ip).IsLoopback(),
		name:  s.Names.Prefix + "dashboard", lookup: lookup, now: now,
	}
}

// is reports whether the dashboard connects from the address.
func (f *frontend) is(ctx context.Context, addr netip.Addr) bool {
	if f.local {
		return addr.IsLoopback()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	known, age := slices.Contains(f.addrs, addr), f.now().Sub(f.asked)
	if known && age < frontendFor || age < frontendRetry {
		return known
	}
	f.ask(ctx)
	return slices.Contains(f.addrs, addr)
}

// ask looks the dashboard up. The caller holds the lock: whoever else wants to know waits for the same answer.
func (f *frontend) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout) // the answer is for others, too
	defer cancel()
	addrs, err := f.lookup(ctx, f.name)
	f.asked = f.now()
	if gone, ok := errors.AsType[*net.DNSError](err); err == nil || ok && gone.IsNotFound {
		f.addrs, f.answered = f.addrs[:0:0], f.asked
		for _, a := range addrs {
			f.addrs = append(f.addrs, plainAddr(a))
		}
	} else if f.asked.Sub(f.answered) > frontendStale {
		f.addrs = nil
	}
}
