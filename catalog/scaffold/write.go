package scaffold

import (
	"cmp"
	"io/fs"
	"regexp"
	"strings"

	"dreamserver/manifest"
)

// files are the manifest, the compose file and what is mounted from beside it.
func (c *converter) files(templates fs.FS) error {
	o := c.options
	o.Image, o.Port, o.HostPort, o.Health = text(c.main.out["image"]), c.result.Port, cmp.Or(c.result.HostPort, firstFreePort), c.result.Health
	t := loader{fsys: templates, options: o}
	backends := "[all]"
	if len(c.backends) > 0 {
		backends = "[" + strings.Join(c.backends, ", ") + "]"
	}
	changes := []string{}
	if c.result.Port == 0 {
		changes = []string{"  port: 0 # it listens on none", "  external_port_env: \"\"", "  external_port_default: 0", "  health: \"\"", "  ui_path: \"\""}
	}
	m := t.manifest(backends, changes...)
	m.Content = c.declare(m.Content)
	compose, err := c.compose()
	if err != nil {
		return err
	}
	c.result.Files = append([]File{m, {Name: "compose.yaml", Content: compose, What: "what runs"}}, c.ships...)
	return t.err
}

// declare writes the variables and the grants into the manifest.
func (c *converter) declare(text []byte) []byte {
	var out []string
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "  depends_on:") && len(c.grants) > 0:
			out = append(out, line, "  grants: ["+manifest.JoinGrants(c.grants)+"]\n")
		case strings.HasPrefix(line, "    - {key: "):
			if c.result.Port != 0 {
				out = append(out, line)
			}
			out = append(out, c.variables.declarations())
		case strings.HasPrefix(line, "  env_vars:") && c.result.Port == 0 && len(c.variables.declared) == 0:
			out = append(out, "  env_vars: []\n")
		default:
			out = append(out, line)
		}
	}
	return []byte(strings.Join(out, ""))
}

// topOfService is the line with which a service begins in the encoded file.
var topOfService = regexp.MustCompile(`(?m)^(  [a-z0-9_-]+:|networks:)$`)

// compose is the compose file as text.
func (c *converter) compose() ([]byte, error) {
	services := mapping()
	for _, s := range c.services {
		set(services, s.key, s.name, s.ordered())
	}
	networks := mapping("dream-network", mapping("external", scalar("true")))
	if c.internal() {
		set(networks, nil, c.internalNetwork(), mapping("internal", scalar("true")))
	}
	data, err := encode(mapping("services", services, "networks", networks))
	if err != nil {
		return nil, err
	}
	head, rest, _ := strings.Cut(string(data), "\nnetworks:\n")
	first := true
	head = topOfService.ReplaceAllStringFunc(head, func(line string) string {
		if first {
			first = false
			return line
		}
		return "\n" + line
	})
	return []byte(head + "\n\nnetworks:\n" + rest), nil
}
