package security

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"dreamserver/manifest"
)

var ports = []row{
	on("services.*.ports.*", port),
	allow("services.*.ports.*.name"),
	allow("services.*.ports.*.target"),
	allow("services.*.ports.*.published"),
	allow("services.*.ports.*.host_ip"),
	allow("services.*.ports.*.protocol"),
	allow("services.*.ports.*.app_protocol"),
	on("services.*.ports.*.mode", portMode),
}

// firstPort is the first port that an ordinary program may listen on. Those below belong to the machine.
const firstPort = 1024

// port requires a loopback host address: nothing is served to the network by accident. With the grant lan-bind, or
// on the address that the owner has chosen, it may be another.
func port(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	target, published := fmt.Sprint(m["target"]), str(m["published"])
	if low, _, ok := portRange(published); ok && low > 0 && low < firstPort {
		free := low + 10_000
		c.find("port-privileged", at, fmt.Sprintf("port %d belongs to the machine's own services", low), fmt.Sprintf(`publish another port, such as "127.0.0.1:%d:%s"`, free, target))
	}
	free := orTarget(published, target)
	if low, _, ok := portRange(free); ok && low < firstPort {
		free = strconv.Itoa(low + 10_000)
	}
	want := fmt.Sprintf(`write "127.0.0.1:%s:%s"`, free, target)
	const orGrant = "; to serve the network, name lan-bind in service.grants and write the address"
	ip := str(m["host_ip"])
	if ip == "" {
		c.find("port-address", at, fmt.Sprintf("bare port %s is open to the whole network, not only 127.0.0.1", orTarget(published, target)), want+orGrant)
		return
	}
	addr, err := netip.ParseAddr(ip)
	switch {
	case err == nil && addr.Unmap().IsLoopback():
	case err == nil && c.BindAddress == ip:
		c.note("bind-address", at, "publishes port "+orTarget(published, target)+" on "+ip+", the owner's BIND_ADDRESS", "nothing: the owner has chosen the address")
	case err == nil && c.Service.Granted(manifest.LANBind):
		c.grant(manifest.LANBind, at, "publishes port "+orTarget(published, target)+" on "+ip)
	default:
		c.find("port-address", at, fmt.Sprintf("address %s is not 127.0.0.1: the port is open to the network", ip), want+orGrant)
	}
}

func portMode(c *scan, at path, v any) {
	if mode := str(v); mode != "" && mode != "ingress" && mode != "host" {
		c.find("port-address", at, fmt.Sprintf("port mode %q is unknown", mode), "remove mode")
	}
}

// portRange reads a published port: one number, or two with a dash in between.
func portRange(published string) (low, high int, ok bool) {
	first, last, ranged := strings.Cut(published, "-")
	if !ranged {
		last = first
	}
	low, err1 := strconv.Atoi(first)
	high, err2 := strconv.Atoi(last)
	return low, high, err1 == nil && err2 == nil
}

func orTarget(published, target string) string {
	if published == "" {
		return target
	}
	return published
}
