package compose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestLoad_MergesOverlaysInOrder(t *testing.T) {
	in := input("web", `
services:
  web:
    image: web:cpu
    command: [serve]
    environment: [A=1, B=1]
    ports: ["127.0.0.1:80:80"]
    volumes: ["./data/web:/data", "cache:/cache"]
    healthcheck: {test: [CMD, "true"], retries: 3}
volumes: {cache: {}}
`, `
services:
  web:
    image: web:cuda
    environment: {B: "2"}
    ports: ["127.0.0.1:81:81"]
    volumes: ["./data/other:/data"]
`, `
services:
  web:
    image: web:${TAG:-multi}
    command: [serve, --all]
    healthcheck: {retries: 9}
    environment: !reset null
  web-2: {image: web}
`)
	wantYAML(t, `
services:
  web:
    image: web:multi
    command: [serve, --all]
    ports:
      - {mode: ingress, host_ip: 127.0.0.1, target: 80, published: "80", protocol: tcp}
      - {mode: ingress, host_ip: 127.0.0.1, target: 81, published: "81", protocol: tcp}
    volumes:
      - {type: bind, source: ./data/other, target: /data, bind: {}}
      - {type: volume, source: cache, target: /cache, volume: {}}
    healthcheck: {test: [CMD, "true"], retries: 9}
  web-2: {image: web}
volumes: {cache: {}}
`, load(t, in).Project)
}

func TestLoad_AnEmptyStubTakesItsServicesFromTheOverlay(t *testing.T) {
	const stub = "# The overlay has it all.\nservices: {}\n"
	alone := load(t, input("comfyui", stub))
	if got := alone.ServiceNames(); len(got) != 0 {
		t.Errorf("the stub alone has services %q, want none", got)
	}
	wantYAML(t, "services: {}", alone.Project)
	wantYAML(t, "services: {comfyui: {image: x}}", load(t, input("comfyui", stub, "services: {comfyui: {image: x}}")).Project)
}

func TestLoad_NeedsAFile(t *testing.T) {
	_, err := compose.Load(t.Context(), input("web"))
	wantRefusal(t, err, problem.InvalidExtension, `extension "web": no compose file specified; mend the file`)
}

func TestLines(t *testing.T) {
	u := load(t, input("web", `x-common: &common
  user: "1"
  restart: always
x-other: &other
  restart: "no"
services:
  web:
    user: "2"
    <<: [*common, *other]
    image: x
    ports:
      - 127.0.0.1:1:1
      - 127.0.0.1:2:2
    volumes: [a:/a]
volumes:
  a:
`, `services:
  web:
    image: y
    ports: ["127.0.0.1:3:3"]
`))
	tests := []struct {
		path string
		want compose.Position
	}{
		{"services.web", compose.Position{File: "compose.1.yaml", Line: 2}},
		{"services.web.image", compose.Position{File: "compose.1.yaml", Line: 3}},
		{"services.web.user", compose.Position{File: "compose.yaml", Line: 8}},
		{"services.web.restart", compose.Position{File: "compose.yaml", Line: 3}},
		{"services.web.ports.0", compose.Position{File: "compose.yaml", Line: 12}},
		{"services.web.ports.1.target", compose.Position{File: "compose.yaml", Line: 13}},
		{"services.web.ports.2", compose.Position{File: "compose.1.yaml", Line: 4}},
		{"services.web.ports.3", compose.Position{File: "compose.1.yaml", Line: 4}},
		{"services.web.volumes.0.source", compose.Position{File: "compose.yaml", Line: 14}},
		{"volumes.a.driver", compose.Position{File: "compose.yaml", Line: 16}},
		{"networks.nobody", compose.Position{File: "compose.1.yaml", Line: 1}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, u.Lines.Find(tt.path)); diff != "" {
			t.Errorf("Find(%s) (-want +got):\n%s", tt.path, diff)
		}
	}
}
