package compose_test

import "testing"

func TestHarden_TakesRawSockets(t *testing.T) {
	u := load(t, input("web", `
services:
  web: {image: x}
  web-some: {image: x, cap_drop: [CHOWN]}
  web-all: {image: x, cap_drop: [cap_all]}
  web-raw: {image: x, cap_drop: [Net_Raw]}
`))
	u.Harden()
	wantYAML(t, `
services:
  web: {image: x, cap_drop: [NET_RAW]}
  web-some: {image: x, cap_drop: [CHOWN, NET_RAW]}
  web-all: {image: x, cap_drop: [cap_all]}
  web-raw: {image: x, cap_drop: [Net_Raw]}
`, u.Project)
}
