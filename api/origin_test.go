package api_test

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The API in its container, and the dashboard in the one beside it.
const (
	inContainer  = "DASHBOARD_API_BIND=0.0.0.0"
	viaDashboard = "RemoteAddr: 172.18.0.5:40000"
)

func TestOrigin_IsWhoConnectsUnlessTheDashboardForwards(t *testing.T) {
	for _, tc := range []struct {
		name, bind, peer, forwarded, want string // want is the client that the log names
	}{
		{"the dashboard", "0.0.0.0", "172.18.0.5:4000", "192.0.2.7", "192.0.2.7"},
		{"the dashboard, over an IPv6 socket", "::", "[::ffff:172.18.0.5]:4000", "192.0.2.7", "192.0.2.7"},
		{"the dashboard, for an IPv6 client", "0.0.0.0", "172.18.0.5:4000", "2001:db8::1", "2001:db8::/64"},
		{"the dashboard, itself", "0.0.0.0", "172.18.0.5:4000", "", "172.18.0.5"},
		{"the dashboard, for a list", "0.0.0.0", "172.18.0.5:4000", "10.0.0.1, 192.0.2.7", "192.0.2.7"},
		{"the dashboard, for no address", "0.0.0.0", "172.18.0.5:4000", "nobody", "unknown"},
		{"an extension", "0.0.0.0", "172.18.0.9:4000", "", "172.18.0.9"},
		{"an extension that lies", "0.0.0.0", "172.18.0.9:4000", "192.0.2.7", "172.18.0.9"},
		{"loopback in the container", "0.0.0.0", "127.0.0.1:4000", "192.0.2.7", "127.0.0.1"},
		{"the dashboard on this machine", "127.0.0.1", "127.0.0.1:4000", "192.0.2.7", "192.0.2.7"},
		{"the dashboard on this machine, IPv6", "::1", "[::1]:4000", "192.0.2.7", "192.0.2.7"},
		{"curl on this machine", "127.0.0.1", "127.0.0.1:4000", "", "127.0.0.1"},
		{"a peer of old", "0.0.0.0", "@", "192.0.2.7", "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := newInstallation(t, "DASHBOARD_API_BIND="+tc.bind)
			in.browser().do("POST", "/api/session", `{"key": "wrong"}`, "RemoteAddr: "+tc.peer, "X-Forwarded-For: "+tc.forwarded)
			if want := `"client":"` + tc.want + `","message":"sign-in refused"`; !strings.Contains(in.log.String(), want) {
				t.Errorf("the log does not have %s:\n%s", want, in.log)
			}
		})
	}
}

func TestOrigin_FollowsTheDashboardsAddress(t *testing.T) {
	in := newInstallation(t, inContainer)
	at := func(addr string) func(string) ([]netip.Addr, error) {
		return func(string) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(addr)}, nil }
	}
	gone := func(string) ([]netip.Addr, error) { return nil, &net.DNSError{Err: "no such host", IsNotFound: true} }
	silent := func(string) ([]netip.Addr, error) { return nil, errors.New("i/o timeout") }
	in.dashboard = at("172.18.0.5")
	b := in.browser()
	b.do("POST", "/api/session", `{"key": "`+key+`"}`, viaDashboard, "X-Forwarded-For: 192.0.2.7")
	for _, step := range []struct {
		name     string
		after    time.Duration
		resolver func(string) ([]netip.Addr, error)
		peer     string
		isIn     bool
		lookups  int64 // so many until now
	}{
		{"the same", 4 * time.Second, at("172.18.0.6"), "172.18.0.5", true, 1},
		{"another container at once", 0, at("172.18.0.6"), "172.18.0.6", true, 2},
		{"one that lies", 0, at("172.18.0.6"), "172.18.0.9", false, 2},
		{"one that lies, later", 600 * time.Millisecond, at("172.18.0.6"), "172.18.0.9", false, 3},
		{"the address of before", 0, at("172.18.0.6"), "172.18.0.5", false, 3},
		{"the resolver is silent", 6 * time.Second, silent, "172.18.0.6", true, 4},
		{"and silent", 30 * time.Second, silent, "172.18.0.6", true, 5},
		{"and silent for long", 30 * time.Second, silent, "172.18.0.6", false, 6},
		{"it answers again", time.Second, at("172.18.0.6"), "172.18.0.6", true, 7},
		{"the dashboard is gone", 6 * time.Second, gone, "172.18.0.6", false, 8},
	} {
		in.pass(step.after)
		in.dashboard = step.resolver
		rec := b.do("GET", "/api/session", "", "RemoteAddr: "+step.peer+":4000", "X-Forwarded-For: 192.0.2.7")
		if got := rec.Code == http.StatusOK; got != step.isIn || in.lookups.Load() != step.lookups {
			t.Errorf("%s: signed in %v after %d lookups, want %v after %d", step.name, got, in.lookups.Load(), step.isIn, step.lookups)
		}
	}
}
