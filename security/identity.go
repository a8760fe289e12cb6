package security

import (
	"fmt"
	"slices"
	"strings"

	"dreamserver/compose"
)

var identity = []row{
	on("services.*", serviceName),
	on("services.*.container_name", containerName),
	on("services.*.hostname", hostname),
	on("services.*.domainname", hostname),
	on("services.*.labels.*", label),
	on("services.*.deploy.labels.*", label),
}

// serviceName refuses the names of others: what has the name gets what is meant for them.
func serviceName(c *scan, at path, _ any) {
	name := at.last()
	if c.takesName(at, name) || c.own(name) {
		return
	}
	c.find("service-name", at, fmt.Sprintf("service %q is not named like its extension", name),
		fmt.Sprintf("call it %s or %s-…", c.Unit.ID, c.Unit.ID))
}

// containerName keeps container names recognisable: <prefix><id>, <id>, or one of them with more after a dash. It
// is a name on the network, too.
func containerName(c *scan, at path, v any) {
	name := str(v)
	if project := c.Project + "-"; c.Project != "" && strings.HasPrefix(name, project) && !strings.HasPrefix(c.Prefix, project) {
		c.find("container-name", at, fmt.Sprintf("container_name %q is one that docker compose gives", name), fmt.Sprintf("call it dream-%s", c.Unit.ID))
		return
	}
	if name == "" || c.takesName(at, name) || c.ownName(name) || c.builtin() {
		return
	}
	c.find("container-name", at, fmt.Sprintf("container_name %q does not name its extension", name),
		fmt.Sprintf("call it dream-%s", c.Unit.ID))
}

func hostname(c *scan, at path, v any) { c.takesName(at, str(v)) }

// ownName reports whether a name on the network is the unit's: a service's, with the prefix of containers or without.
func (c *scan) ownName(name string) bool {
	return c.own(strings.TrimPrefix(name, c.Prefix)) || c.own(name)
}

// takesName refuses a name on the network that belongs to the platform or to another extension. Names have no case
// in DNS.
func (c *scan) takesName(at path, name string) bool {
	plain, _, _ := strings.Cut(strings.ToLower(name), ".") // llama-server.dream-network is llama-server
	plain = strings.TrimPrefix(plain, c.Prefix)
	for _, id := range c.CoreIDs {
		if id != c.Unit.ID && plain == id {
			c.find("core-name", at, fmt.Sprintf("name %q conflicts with core service %q", name, id), "choose a name that begins with "+c.Unit.ID)
			return true
		}
	}
	i := slices.IndexFunc(c.OtherIDs, func(id string) bool {
		return id != c.Unit.ID && compose.OwnsService(id, plain, c.OtherIDs) && !c.own(plain)
	})
	if i < 0 {
		return false
	}
	c.find("foreign-name", at, fmt.Sprintf("name %q belongs to extension %q", name, c.OtherIDs[i]), "choose a name that begins with "+c.Unit.ID)
	return true
}

// label refuses labels that decide which containers are whose.
func label(c *scan, at path, _ any) {
	if strings.HasPrefix(strings.ToLower(at.last()), "com.docker.") {
		c.find("label", at, fmt.Sprintf("label %s belongs to Docker Compose", at.last()), "remove the label")
	}
}
