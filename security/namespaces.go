package security

import (
	"fmt"
	"strings"
)

// namespace refuses to share a namespace with the host or with another container.
func namespace(phrase, key string) func(*scan, path, any) {
	return func(c *scan, at path, v any) {
		switch mode := str(v); mode {
		case "", "private", "none", "shareable":
		case "host":
			c.find("namespace", at, phrase+" is shared: the container sees the whole machine", "remove "+key)
		default:
			c.find("namespace", at, fmt.Sprintf("%s %q shares a namespace with another container", key, mode), "remove "+key)
		}
	}
}

func networkMode(c *scan, at path, v any) {
	mode := str(v)
	name, isService := strings.CutPrefix(mode, "service:")
	switch {
	case mode == "" || mode == "none":
	case isService && (name == c.Unit.ID || strings.HasPrefix(name, c.Unit.ID+"-")):
	case mode == "host":
		c.find("network-mode", at, "host network: the service reaches everything that listens on this machine",
			"remove network_mode and publish a port on 127.0.0.1")
	default:
		c.find("network-mode", at, fmt.Sprintf("network_mode %q joins a network of others", mode),
			"remove network_mode; services join dream-network by themselves")
	}
}
