package manifest

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// manifest reads the root mapping. The tables below are the contract: key, place, type, checks.
func (p *parser) manifest(root *yaml.Node) *Manifest {
	m := &Manifest{}
	if p.newer(root) {
		return m // its other keys belong to a contract that this program does not know
	}
	given := p.mapping("", root, fields{
		"schema_version": p.text(&m.SchemaVersion, isSchema),
		"compatibility":  p.compatibility(&m.Compatibility),
		"service":        p.service(&m.Service),
		"features":       p.features(&m.Features),
		"tags":           p.lenient(p.list(&m.Tags)),
	})
	if !given["schema_version"] {
		p.fail(root.Line, "schema_version", "is missing: write schema_version: %s", SchemaVersion)
	}
	if !given["service"] {
		p.fail(root.Line, "service", "is missing: write service with id, name and port")
	}
	return m
}

// newer reports a manifest that was written for a later contract.
func (p *parser) newer(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if resolve(root.Content[i]).Value != "schema_version" {
			continue
		}
		value := resolve(root.Content[i+1])
		number, ok := strings.CutPrefix(value.Value, "dream.services.v")
		if n, err := strconv.Atoi(number); ok && err == nil && n > 1 {
			p.fail(value.Line, "schema_version", "%s is newer than the %s that this program reads: update Dream Server", quote(value.Value), SchemaVersion)
			return true
		}
	}
	return false
}

func (p *parser) compatibility(c *Compatibility) field {
	return func(path string, n *yaml.Node) {
		p.mapping(path, n, fields{
			"dream_min": p.versionBound(&c.DreamMin),
			"dream_max": p.versionBound(&c.DreamMax),
		})
		lowest, err1 := parseBound(c.DreamMin)
		highest, err2 := parseBound(c.DreamMax)
		if c.DreamMin != "" && c.DreamMax != "" && err1 == nil && err2 == nil && highest.below(lowest.version) {
			p.fail(n.Line, path, "dream_max %s is below dream_min %s: swap them", c.DreamMax, c.DreamMin)
		}
	}
}

// versionBound reads a version. Without quotes 2.1 is a number to YAML; its text in the file is what was meant.
func (p *parser) versionBound(dst *string) field {
	return func(path string, n *yaml.Node) {
		if _, err := parseBound(n.Value); n.Kind != yaml.ScalarNode || err != nil {
			p.fail(n.Line, path, "is %s, not a version: write one such as \"2.1.0\"", describe(n))
			return
		}
		*dst = n.Value
	}
}

func (p *parser) service(s *Service) field {
	return func(path string, n *yaml.Node) {
		s.Category, s.Type, s.GPUBackends = Optional, Docker, DefaultGPUBackends()
		given := p.mapping(path, n, fields{
			"id":             p.text(&s.ID, isID),
			"name":           p.text(&s.Name, notBlank),
			"description":    p.lenient(p.prose(&s.Description)),
			"aliases":        p.aliases(&s.Aliases),
			"category":       word(p, &s.Category, Core, Recommended, Optional),
			"type":           word(p, &s.Type, Docker, HostSystemd),
			"container_name": p.text(&s.ContainerName, isContainerName),
			"unit":           p.text(&s.Unit, isUnit),
			"compose_file":   p.text(&s.ComposeFile, isFileName),
			"depends_on":     p.list(&s.DependsOn, isID),
			"gpu_backends":   p.list(&s.GPUBackends, isBackend),
			"grants":         p.grants(&s.Grants),

			"port":                  p.port(&s.Port),
			"external_port_env":     p.text(&s.ExternalPortEnv, isEnvName),
			"external_port_default": p.port(&s.ExternalPortDefault),
			"host_env":              p.text(&s.HostEnv, isEnvName),
			"default_host":          p.text(&s.DefaultHost, isHost),

			"health":         p.text(&s.Health, isPath),
			"health_port":    p.port(&s.HealthPort),
			"health_timeout": p.lenient(p.whole(&s.HealthTimeout, 3600, "write seconds, 3600 at most")),

			"ui_path":      p.lenient(p.text(&s.UIPath, isPath)),
			"sidebar_icon": p.lenient(p.text(&s.SidebarIcon)),
			"env_vars":     p.envVars(&s.EnvVars),
			"data_dirs":    p.dataDirs(&s.DataDirs),
			"tags":         p.lenient(p.list(&s.Tags)),
			"setup_hook":   p.setupHook(&s.SetupHook),
		})
		if given == nil {
			return // not a mapping, which is reported
		}
		for _, key := range []string{"id", "name", "port"} {
			if !given[key] {
				p.fail(n.Line, join(path, key), "is missing: %s", requiredKeys[key])
			}
		}
		if s.ID != "" && slices.Contains(s.DependsOn, s.ID) {
			p.fail(n.Line, join(path, "depends_on"), "names the service itself: take %s out", quote(s.ID))
		}
		if given["gpu_backends"] && len(s.GPUBackends) == 0 {
			p.warn(n.Line, join(path, "gpu_backends"), "lists nothing, so the service runs nowhere: write [all], or leave the key out")
		}
	}
}

// requiredKeys says what to write for a key that a service cannot do without. The contract names health too,
// but a service that listens on no port has none.
var requiredKeys = map[string]string{
	"id":   "write the name of the extension's folder",
	"name": "write the name that people see",
	"port": "write the port inside the container, or 0 for none",
}

// aliases drops short names that cannot be typed, as the reference's registry does.
func (p *parser) aliases(dst *[]string) field {
	return p.lenient(func(path string, n *yaml.Node) {
		p.each(path, n, func(path string, n *yaml.Node) {
			s, ok := p.scalar(path, n)
			switch {
			case !ok || slices.Contains(*dst, s):
			case !isAlias(s):
				p.fail(n.Line, path, "%s is not 1 to 64 letters, digits, \"_\" and \"-\": rename it", quote(s))
			default:
				*dst = append(*dst, s)
			}
		})
	})
}

func (p *parser) setupHook(dst *string) field {
	return p.lenient(func(path string, n *yaml.Node) {
		p.text(dst)(path, n)
		if *dst != "" {
			p.warn(n.Line, path, "%s is not run: hooks would act as root on the host; declare env_vars instead", quote(*dst))
		}
	})
}
