package compose_test

import "testing"

func TestHarden_TakesWhatNoServiceNeedsAndBoundsLogs(t *testing.T) {
	u := load(t, input("web", `
services:
  web: {image: x}
  web-all: {image: x, cap_drop: [cap_all], logging: {driver: local, options: {max-size: 1m}}}
  web-some: {image: x, cap_drop: [Net_Raw], logging: {options: {max-file: "9"}}}
`))
	u.Harden()
	wantYAML(t, `
services:
  web: {image: x, cap_drop: [NET_RAW, MKNOD], logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}}
  web-all: {image: x, cap_drop: [cap_all], logging: {driver: local, options: {max-size: 1m, max-file: "3"}}}
  web-some: {image: x, cap_drop: [Net_Raw, MKNOD], logging: {driver: json-file, options: {max-size: 10m, max-file: "9"}}}
`, u.Project)
}
