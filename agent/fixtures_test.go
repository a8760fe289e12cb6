package agent_test

import (
	"fmt"
	"strings"
)

// The files of an installation.
const base = `
-- docker-compose.base.yml --
services:
  dashboard:
    image: example/dashboard:1
    container_name: dream-dashboard
    ports: ["127.0.0.1:3001:3001"]
    environment:
      ADMIN: ${DASHBOARD_API_KEY:-none}
networks:
  default:
    name: ${DREAM_NETWORK:-dream-network}
-- extensions/services/dashboard/manifest.yaml --
schema_version: dream.services.v1
service: {id: dashboard, name: Dashboard, port: 3001, health: /, category: core, gpu_backends: [all]}
`

func manifestOf(id string, lines ...string) string {
	service := append([]string{"id: " + id, "name: The " + id, "port: 8080", "health: /", "gpu_backends: [all]"}, lines...)
	return "schema_version: dream.services.v1\nservice:\n  " + strings.Join(service, "\n  ") + "\n"
}

// extension is an installed and enabled one. compose is its compose file; empty means one plain service.
func extension(id, compose string, lines ...string) string {
	return inFolder("data/user-extensions", id, compose, lines...)
}

func inFolder(folder, id, compose string, lines ...string) string {
	if compose == "" {
		compose = "services:\n  " + id + ":\n    image: example/" + id + ":1\n"
	}
	return fmt.Sprintf("-- %s/%s/manifest.yaml --\n%s-- %[1]s/%[2]s/compose.yaml --\n%[4]s", folder, id, manifestOf(id, lines...), compose)
}
