package kit

import (
	"fmt"
	"strings"

	"dreamserver/security/policy"
)

// placeholderKeys are the secrets that stand in a sample.
var placeholderKeys = []string{"NOTES_PASSWORD", "NOTES_TOKEN"}

// foreign is a key that no plugin knows, where the specs may have such keys: what is not understood has to be left alone.
const foreign = "x-dream-conformance"

// harmless is an extension that keeps to what is common sense: digests, limits, loopback, no privileges. Most plugins accept it,
// with changes or without.
func harmless() policy.Subject {
	service := func(name, image string, port int) map[string]any {
		return map[string]any{
			"image":       image + "@sha256:" + strings.Repeat("0123456789abcdef", 4),
			"environment": map[string]any{"DATABASE": "notes:0000-secret-0000@notes-db/notes", "TOKEN": "1111-secret-1111", "LEVEL": "info"},
			"mem_limit":   "536870912", "cpus": 1,
			"labels":   map[string]any{"org.example.title": name},
			"ports":    []any{map[string]any{"mode": "ingress", "host_ip": "127.0.0.1", "target": port, "published": fmt.Sprint(port), "protocol": "tcp"}},
			"volumes":  []any{map[string]any{"type": "volume", "source": "data", "target": "/data", "volume": map[string]any{}}},
			"networks": map[string]any{"dream-network": nil},
			foreign:    map[string]any{"kept": []any{1, "two", nil, true, 1.5, map[string]any{"é": "«»"}}},
		}
	}
	return policy.Subject{
		ID: "notes",
		Model: policy.Model{
			"services": map[string]any{"notes": service("notes", "ghcr.io/example/notes:1", 8080), "notes-db": service("notes-db", "ghcr.io/example/db:16", 5432)},
			"volumes":  map[string]any{"data": map[string]any{"name": "dream-server_notes-data", foreign: map[string]any{"kept": 1}}},
			"networks": map[string]any{"dream-network": map[string]any{"name": "dream-network", "external": true}},
		},
		Manifest: map[string]any{"schema_version": "dream.services.v1", "service": map[string]any{"id": "notes", "name": "Notes", "port": 8080, "category": "optional"}},
		Facts: policy.Facts{
			Extension: policy.ExtensionFacts{ID: "notes", Source: "user", Digest: strings.Repeat("0", 64), Category: "optional", Grants: []string{}},
			Host:      policy.HostFacts{GPUBackend: "nvidia", Arch: "amd64"},
		},
		Secrets: map[string]string{placeholderKeys[0]: "0000-secret-0000", placeholderKeys[1]: "1111-secret-1111"},
		User:    "cli:author", Project: "main", Phase: "plan", Operation: "start",
	}
}

// hostile is one that nearly every rule forbids something of.
func hostile() policy.Subject {
	s := harmless()
	services, _ := s.Model["services"].(map[string]any)
	for _, v := range services {
		if service, ok := v.(map[string]any); ok {
			service["image"] = "evil/miner:latest"
			service["privileged"] = true
			service["network_mode"] = "host"
			service["user"] = "0:0"
			service["cap_add"] = []any{"SYS_ADMIN"}
			service["mem_limit"] = "1099511627776"
			service["cpus"] = 512
			service["ports"] = []any{map[string]any{"mode": "ingress", "host_ip": "0.0.0.0", "target": 22, "published": "22", "protocol": "tcp"}}
			service["volumes"] = []any{map[string]any{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}}
			service["deploy"] = map[string]any{"resources": map[string]any{"reservations": map[string]any{"devices": []any{map[string]any{"driver": "nvidia", "count": 64, "capabilities": []any{"gpu"}}}}}}
			delete(service, "labels")
			delete(service, "networks")
		}
	}
	return s
}

// large is the harmless one with so much text that its question has nearly the 4 MiB that an answer may have: what is missing
// is for spaces and escapes.
func large() policy.Subject {
	const services, each = 200, 17 << 10
	s := harmless()
	all, _ := s.Model["services"].(map[string]any)
	for i := range services {
		labels := map[string]any{}
		for n := range 16 {
			labels[fmt.Sprintf("org.example.text-%d", n)] = strings.Repeat("0123456789abcdef", each/16/16)
		}
		all[fmt.Sprintf("notes-%03d", i)] = map[string]any{
			"image": "ghcr.io/example/part:1@sha256:" + strings.Repeat("0123456789abcdef", 4), "mem_limit": "536870912", "cpus": 1, "labels": labels,
		}
	}
	return s
}
