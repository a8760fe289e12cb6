package scaffold

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// harden gives the service what every extension's has: a name, restarts, no more rights than it needs, and bounds.
func (s *service) harden() {
	s.out["container_name"] = words("dream-" + s.name)
	if s.out["restart"] == nil {
		s.out["restart"] = words("unless-stopped")
	}
	s.out["cap_drop"] = list("ALL")
	s.out["security_opt"] = list("no-new-privileges:true")
	if s.out["user"] == nil && s.out["cap_add"] == nil {
		caps := list("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
		caps.LineComment = "for an image that starts as root; take out what it does without"
		s.out["cap_add"] = caps
	}
	s.out["logging"] = mapping("driver", words("json-file"), "options", mapping("max-size", words("10m"), "max-file", quoted("3")))
	s.bound()
}

// bound gives the service a limit of memory and CPU where it has none.
func (s *service) bound() {
	deploy := s.out["deploy"]
	limits := get(get(deploy, "resources"), "limits")
	if limits == nil {
		limits = mapping()
	}
	if get(limits, "cpus") == nil && s.out["cpus"] == nil && s.out["cpu_quota"] == nil {
		set(limits, nil, "cpus", quoted("1"))
	}
	if get(limits, "memory") == nil && s.out["mem_limit"] == nil {
		memory := words("1G")
		memory.LineComment = "a guess"
		set(limits, nil, "memory", memory)
	}
	resources := mapping()
	if len(limits.Content) > 0 {
		set(resources, nil, "limits", limits)
	}
	if r := get(get(deploy, "resources"), "reservations"); r != nil {
		set(resources, nil, "reservations", r)
	}
	if len(resources.Content) > 0 {
		s.out["deploy"] = mapping("resources", resources)
	}
}

// deploy keeps limits and reservations: what else is there is for clusters.
func (s *service) deploy(_ string, n *yaml.Node) {
	for key := range pairs(n) {
		if key.Value != "resources" {
			s.c.note(LeftOut, key, s.path("deploy", key.Value), "is for clusters", "")
		}
	}
	from, resources := get(n, "resources"), mapping()
	if limits := get(from, "limits"); limits != nil {
		set(resources, nil, "limits", only(limits, "cpus", "memory", "pids"))
	}
	if reservations := get(from, "reservations"); reservations != nil {
		kept := only(reservations, "cpus", "memory")
		if devices := get(reservations, "devices"); devices != nil && s.reserves(devices) {
			set(kept, nil, "devices", devices)
		}
		if len(kept.Content) > 0 {
			set(resources, nil, "reservations", kept)
		}
	}
	s.out["deploy"] = mapping("resources", resources)
}

func only(n *yaml.Node, keys ...string) *yaml.Node {
	kept := mapping()
	for k, v := range pairs(n) {
		if slices.Contains(keys, k.Value) {
			kept.Content = append(kept.Content, k, v)
		}
	}
	return kept
}
