package health

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// Address is where a service is probed, by its manifest and .env: by its name on the installation's network and the
// port in its container (inside), or at 127.0.0.1 and the port that it publishes. An error says in words why it is
// probed nowhere; it never shows a value of .env.
func Address(s manifest.Service, env map[string]string, inside bool) (string, error) {
	port := probePort(s)
	switch {
	case s.Health == "":
		return "", errors.New("its manifest names no health path")
	case port == 0:
		return "", errors.New("it listens on no port")
	case !inside && port != s.Port:
		return "", fmt.Errorf("only Docker knows whether its health port %d is published on this machine", port)
	case !inside:
		port, err := PublishedPort(s, env)
		if err != nil {
			return "", err
		}
		return join("127.0.0.1", port, s.Health)
	}
	host, err := hostName(s, env)
	if err != nil {
		return "", err
	}
	return join(host, port, s.Health)
}

func probePort(s manifest.Service) int {
	if s.HealthPort != 0 {
		return s.HealthPort
	}
	return s.Port
}

// PublishedPort is where a service is published on this machine, by its manifest and .env. The error is for a value of
// .env that is no port; it does not show it.
func PublishedPort(s manifest.Service, env map[string]string) (int, error) {
	value := env[s.ExternalPortEnv]
	if s.ExternalPortEnv == "" || value == "" {
		return s.PublishedPort(), nil
	}
	port, err := strconv.Atoi(value)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("%s in .env is no port: write a number from 1 to 65535", s.ExternalPortEnv)
	}
	return port, nil
}

// hostName is the service's name on the network. What .env says is the owner's word, and may be any host. What the
// manifest says is a stranger's: it may only name a service that the extension itself may define, so that no manifest
// makes us ask the router or a cloud's metadata service. For the same reason only a variable that is called a host is
// read: a secret that were looked up as a name would have left the machine.
func hostName(s manifest.Service, env map[string]string) (string, error) {
	if value := env[s.HostEnv]; s.HostEnv != "" && value != "" {
		if !strings.HasSuffix(s.HostEnv, "_HOST") || config.IsPlatformSecret(s.HostEnv) {
			return "", fmt.Errorf("its manifest reads the host from %s: only a variable whose name ends in _HOST can be one", s.HostEnv)
		}
		if !isHost(value) {
			return "", fmt.Errorf("%s in .env is no host: write a name or an address, without http:// and port", s.HostEnv)
		}
		return strings.Trim(value, "[]"), nil
	}
	if s.DefaultHost == "" {
		return s.ID, nil
	}
	if !compose.OwnsService(s.ID, s.DefaultHost, nil) {
		return "", fmt.Errorf("its manifest names the host %s, which is none of its own services: write default_host: %s", s.DefaultHost, s.ID)
	}
	return s.DefaultHost, nil
}

func isHost(s string) bool {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return true
	}
	return len(s) <= 253 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// published is where the port of a running container is published on this machine. Loopback comes before other
// addresses, and IPv4 before IPv6.
func published(c compose.Container, port int, path string) (string, error) {
	var found []netip.AddrPort
	for _, p := range c.Ports {
		addr, err := netip.ParseAddr(p.IP)
		if p.Container != port || p.Protocol == "udp" || err != nil {
			continue
		}
		switch addr {
		case netip.IPv4Unspecified():
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case netip.IPv6Unspecified():
			addr = netip.IPv6Loopback()
		}
		found = append(found, netip.AddrPortFrom(addr, uint16(p.Host))) //nolint:gosec // Docker's ports are ports
	}
	if len(found) == 0 {
		return "", fmt.Errorf("its port %d is not published on this machine", port)
	}
	at := slices.MinFunc(found, func(a, b netip.AddrPort) int {
		if a.Addr().IsLoopback() != b.Addr().IsLoopback() {
			if a.Addr().IsLoopback() {
				return -1
			}
			return 1
		}
		return a.Compare(b)
	})
	return join(at.Addr().String(), int(at.Port()), path)
}

// join makes the URL. A path may carry a query.
func join(host string, port int, path string) (string, error) {
	u, err := url.Parse("http://" + net.JoinHostPort(host, strconv.Itoa(port)) + path)
	if err != nil {
		return "", errors.New("its manifest's health path cannot be part of a URL")
	}
	u.Fragment = ""
	return u.String(), nil
}
