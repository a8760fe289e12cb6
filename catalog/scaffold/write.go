package scaffold

import (
	"cmp"
	"io/fs"
	"regexp"
	"slices"
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
	compose, err := c.compose()
	if err != nil {
		return err
	}
	c.forgetUnused(string(compose))
	m := t.manifest(backends, changes...)
	m.Content = c.declare(m.Content)
	c.result.Files = append([]File{m, {Name: "compose.yaml", Content: compose, What: "what runs"}}, c.ships...)
	return t.err
}

// inner is a reference in the default of another.
var inner = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)`)

// forgetUnused takes back the variables that only what was left out referred to.
func (c *converter) forgetUnused(compose string) {
	v := c.variables
	used := map[string]bool{}
	rewrite(compose, func(r use) string {
		used[r.name] = true
		for _, m := range inner.FindAllStringSubmatch(r.operand, -1) {
			used[m[1]] = true
		}
		return ""
	})
	unused := func(d manifest.EnvVar) bool { return !used[d.Key] }
	for old, i := range v.byName {
		if unused(v.declared[i]) {
			c.result.Notes = slices.DeleteFunc(c.result.Notes, func(n Note) bool { return n.Path == "${"+old+"}" })
		}
	}
	v.declared = slices.DeleteFunc(v.declared, unused)
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
var topOfService = regexp.MustCompile(`(?m)^(  "?[a-z0-9_-]+"?:|networks:)$`)

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
