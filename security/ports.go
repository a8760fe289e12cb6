package security

import (
	"fmt"
	"net/netip"
)

// port requires a loopback host address: nothing is served to the network by accident.
func port(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	target := fmt.Sprint(m["target"])
	published := str(m["published"])
	want := fmt.Sprintf(`write "127.0.0.1:%s:%s"`, orTarget(published, target), target)
	ip := str(m["host_ip"])
	if ip == "" {
		c.find("port-address", at, fmt.Sprintf("bare port %s is open to the whole network, not only 127.0.0.1", orTarget(published, target)), want)
		return
	}
	if addr, err := netip.ParseAddr(ip); err != nil || !addr.Unmap().IsLoopback() {
		c.find("port-address", at, fmt.Sprintf("address %s is not 127.0.0.1: the port is open to the network", ip), want)
	}
}

func orTarget(published, target string) string {
	if published == "" {
		return target
	}
	return published
}
