package security

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/manifest"
)

var networks = []row{
	on("services.*.networks.*", joined),
	on("services.*.networks.*.aliases.*", alias),
	allow("services.*.networks.*.priority"),
	allow("services.*.networks.*.gw_priority"),
	refuse("services.*.networks.*.ipv4_address", "network-address", "a fixed address may be another container's"),
	refuse("services.*.networks.*.ipv6_address", "network-address", "a fixed address may be another container's"),
	refuse("services.*.networks.*.link_local_ips", "network-address", "a fixed address may be another container's"),
	refuse("services.*.networks.*.mac_address", "network-address", "a fixed MAC address may be another container's"),
	refuse("services.*.mac_address", "network-address", "a fixed MAC address may be another container's"),
	refuse("services.*.networks.*.driver_opts", "network", "driver_opts change the network interface"),
	on("services.*.links.*", link),
	refuse("services.*.external_links", "external-links", "external_links reach containers of others"),
	on("services.*.extra_hosts.*", extraHost),
	on("services.*.dns.*", nameserver),
	allow("services.*.dns_search.*"),
	allow("services.*.dns_opt.*"),

	on("networks", fewNetworks),
	on("networks.*", network),
	allow("networks.*.name"),
	allow("networks.*.external"),
	allow("networks.*.driver"),
	allow("networks.*.internal"),
	allow("networks.*.enable_ipv4"),
	allow("networks.*.enable_ipv6"),
	on("networks.*.labels.*", label),
	refuse("networks.*.ipam", "network", "ipam takes addresses that others, or this machine's own network, may use"),
	refuse("networks.*.driver_opts", "network", "driver_opts change the host's network"),
}

// joined refuses a network that nobody defines, before docker compose does.
func joined(c *scan, at path, _ any) {
	defined, _ := c.model["networks"].(map[string]any)
	if _, ok := defined[at.last()]; !ok && at.last() != compose.DefaultNetwork {
		c.find("network", at, fmt.Sprintf("network %q is not defined", strings.TrimPrefix(at.last(), c.Unit.ID+".")), "define it under networks, or join dream-network")
	}
}

// maxNetworks bounds the networks of one extension: each takes a range of addresses, and Docker has a few dozen.
const maxNetworks = 4

func fewNetworks(c *scan, at path, v any) {
	if m, _ := v.(map[string]any); len(m) > maxNetworks {
		c.find("network", at, fmt.Sprintf("%d networks: Docker has address ranges for a few dozen in all", len(m)), fmt.Sprintf("define at most %d", maxNetworks))
	}
}

// network allows plain networks of the extension's own. The platform's network is joined, never redefined.
func network(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if at.last() == compose.DefaultNetwork {
		for _, key := range sortedKeys(m) {
			if !empty(m[key]) {
				c.find("network", append(slices.Clip(at), key), "the platform's network is joined as it is, never redefined",
					"remove it, or define a network of another name")
				return
			}
		}
	}
	if m["external"] == true || str(m["name"]) != "" {
		c.find("network", at, "a named or external network may belong to others", "remove external and name, or join dream-network")
	}
	if d := str(m["driver"]); d != "" && d != "bridge" {
		c.find("network", at, fmt.Sprintf("network driver %q reaches the host's network", d), "remove driver")
	}
}

// alias is a name that other containers of the network resolve. On the network that all share, it is the
// extension's own; on one of its own, anything but a name that is meant for others.
func alias(c *scan, at path, v any) {
	name := str(v)
	if c.takesName(at, name) {
		return
	}
	if shared := at[3] == compose.DefaultNetwork; shared && !c.ownName(name) {
		c.find("alias", at, fmt.Sprintf("alias %q on the network that all extensions share does not name this one", name),
			fmt.Sprintf("call it %s or %s-…, or put it on a network of your own", c.Unit.ID, c.Unit.ID))
	}
}

// link gives a service of the extension another name, for one container.
func link(c *scan, at path, v any) {
	service, as, _ := strings.Cut(str(v), ":")
	if !c.own(service) {
		c.find("links", at, fmt.Sprintf("link to %q renames a service of others", service), "remove it: its own name works on the network")
		return
	}
	if as != "" {
		c.takesName(at, as)
	}
}

// dockerBridge is the host on Docker's default bridge: host-gateway by number.
var dockerBridge = netip.MustParseAddr("172.17.0.1")

// extraHost refuses names that lead to the host, and names of others. The model has name=address.
func extraHost(c *scan, at path, v any) {
	name, value, _ := strings.Cut(str(v), "=")
	if c.takesName(at, name) {
		return
	}
	addr, err := netip.ParseAddr(strings.Trim(value, "[]"))
	switch {
	case strings.EqualFold(value, "host-gateway"):
		c.gateway(at, "host-gateway")
	case err != nil:
		c.find("extra-hosts", at, fmt.Sprintf("%q is not an address", value), "write name:address, with an IP address")
	case addr.Unmap() == dockerBridge:
		c.gateway(at, value)
	case addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified():
		c.find("extra-hosts", at, fmt.Sprintf("%s is an address of the host's own network", value), "remove the entry")
	}
}

func (c *scan) gateway(at path, value string) {
	if c.builtin() || c.Service.Granted(manifest.HostGateway) {
		c.grant(manifest.HostGateway, at, "reaches this machine as "+value)
		return
	}
	c.find("host-gateway", at, value+" reaches services of the host itself", "remove the entry, or ask for the grant host-gateway in the manifest")
}

// nameserver refuses resolvers that only the host reaches: Docker would ask them from the host's network.
func nameserver(c *scan, at path, v any) {
	addr, err := netip.ParseAddr(str(v))
	if err != nil || addr.Unmap().IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() {
		c.find("dns", at, fmt.Sprintf("name server %q is not an address outside this machine", str(v)), "write a public address, or remove dns")
	}
}
