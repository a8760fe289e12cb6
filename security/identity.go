package security

import (
	"fmt"
	"slices"
	"strings"
)

// containerName keeps container names recognisable: <prefix><id>… or <id>….
func containerName(c *scan, at path, v any) {
	name := str(v)
	if name == "" || strings.HasPrefix(name, c.Prefix+c.Unit.ID) || strings.HasPrefix(name, c.Unit.ID) || c.builtin() {
		return
	}
	c.find("container-name", at, fmt.Sprintf("container_name %q does not name its extension", name),
		fmt.Sprintf("call it dream-%s", c.Unit.ID))
}

// alias refuses a name on the network that belongs to the platform.
func alias(c *scan, at path, v any) {
	name := str(v)
	if name != c.Unit.ID && slices.Contains(c.CoreIDs, name) {
		c.find("alias", at, fmt.Sprintf("name %q conflicts with core service %q", name, name), "choose a name that begins with "+c.Unit.ID)
	}
}

// labels refuses labels that decide which containers are whose.
func labels(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	for _, key := range sortedKeys(m) {
		if strings.HasPrefix(key, "com.docker.compose.") {
			c.find("label", append(slices.Clone(at), key), fmt.Sprintf("label %s belongs to Docker Compose", key), "remove the label")
		}
	}
}

// extraHost refuses names that lead to the host.
func extraHost(c *scan, at path, v any) {
	list, _ := v.([]any)
	if s := str(v); s != "" {
		list = []any{s}
	}
	for _, addr := range list {
		if str(addr) == "host-gateway" && !c.builtin() {
			c.find("host-gateway", at, "host-gateway reaches services of the host itself", "remove the entry")
		}
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
