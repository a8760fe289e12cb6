package security

import (
	"fmt"
	"slices"
	"strings"
)

// serviceName refuses the names of core services: what has the name gets what is meant for them. Which other
// names an extension may use is for compose.Join to say, which knows all extensions.
func serviceName(c *scan, at path, _ any) { c.coreName(at, at[len(at)-1]) }

// coreName refuses a name on the network that belongs to the platform. Names have no case in DNS.
func (c *scan) coreName(at path, name string) {
	if name != c.Unit.ID && slices.ContainsFunc(c.CoreIDs, func(id string) bool { return strings.EqualFold(id, name) }) {
		c.find("core-name", at, fmt.Sprintf("name %q conflicts with core service %q", name, strings.ToLower(name)),
			"choose a name that begins with "+c.Unit.ID)
	}
}

// containerName keeps container names recognisable: <prefix><id>, <id>, or one of them with more after a dash. It
// is a name on the network, too.
func containerName(c *scan, at path, v any) {
	name := str(v)
	c.coreName(at, name)
	own := func(base string) bool { return name == base || strings.HasPrefix(name, base+"-") }
	if name == "" || own(c.Prefix+c.Unit.ID) || own(c.Unit.ID) || c.builtin() {
		return
	}
	c.find("container-name", at, fmt.Sprintf("container_name %q does not name its extension", name),
		fmt.Sprintf("call it dream-%s", c.Unit.ID))
}

func alias(c *scan, at path, v any) { c.coreName(at, str(v)) }

// labels refuses labels that decide which containers are whose.
func labels(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	for _, key := range sortedKeys(m) {
		if strings.HasPrefix(key, "com.docker.compose.") {
			c.find("label", append(slices.Clone(at), key), fmt.Sprintf("label %s belongs to Docker Compose", key), "remove the label")
		}
	}
}

// extraHost refuses names that lead to the host. The model has name=address.
func extraHost(c *scan, at path, v any) {
	if _, addr, _ := strings.Cut(str(v), "="); addr == "host-gateway" && !c.builtin() {
		c.find("host-gateway", at, "host-gateway reaches services of the host itself", "remove the entry")
	}
}

// network allows plain networks of the extension's own. The platform's network is joined, never redefined.
func network(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if m["external"] == true || str(m["name"]) != "" {
		c.find("network", at, "a named or external network may belong to others", "remove external and name, or join dream-network")
	}
	if d := str(m["driver"]); d != "" && d != "bridge" {
		c.find("network", at, fmt.Sprintf("network driver %q reaches the host's network", d), "remove driver")
	}
	if m["driver_opts"] != nil {
		c.find("network", at, "driver_opts change the host's network", "remove driver_opts")
	}
}
