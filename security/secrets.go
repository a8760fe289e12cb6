package security

import "fmt"

// secrets is configs, too: both are files that a container gets.
var secrets = []row{
	on("configs.*", hostFile),
	on("secrets.*", hostFile),
	allow("configs.*.name"),
	allow("secrets.*.name"),
	allow("configs.*.file"),
	allow("secrets.*.file"),
	allow("configs.*.content"),
	allow("secrets.*.content"),
	allow("configs.*.external"),
	allow("secrets.*.external"),
	allow("configs.*.environment"),
	allow("secrets.*.environment"),
	on("configs.*.labels.*", label),
	on("secrets.*.labels.*", label),

	allow("services.*.configs.*.source"),
	on("services.*.configs.*.target", kernelPath),
	allow("services.*.configs.*.uid"),
	allow("services.*.configs.*.gid"),
	allow("services.*.configs.*.mode"),
	allow("services.*.secrets.*.source"),
	on("services.*.secrets.*.target", kernelPath),
	allow("services.*.secrets.*.uid"),
	allow("services.*.secrets.*.gid"),
	allow("services.*.secrets.*.mode"),
}

// hostFile allows configs and secrets from files of the unit's own folder or with inline content.
func hostFile(c *scan, at path, v any) {
	m, _ := v.(map[string]any)
	if file := str(m["file"]); file != "" {
		if why := c.hostPath(file, true); why != "" {
			c.find("host-file", at, why, "ship the file in the extension's folder")
		}
	}
	if m["external"] == true || str(m["name"]) != "" {
		c.find("host-file", at, "an external config or secret may belong to others", "ship the file in the extension's folder")
	}
	if env := str(m["environment"]); env != "" {
		c.find("host-file", at, fmt.Sprintf("reads %s from the host's environment", env), "declare the variable in env_vars and pass it in environment")
	}
}
