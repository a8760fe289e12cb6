package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/manifest"
)

// A row is what follows the minimal manifest of five lines; without a service key it replaces the key's line.
func TestParse_SaysWhatIsWrongWithAField(t *testing.T) {
	const ids = `write 1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit`
	const port = "write a port between 1 and 65535, or 0 for none"
	tests := []struct{ name, in, want string }{
		{"id: none", "id:", `m:3: service.id: is missing: write the name of the extension's folder`},
		{"id: capital", "id: Notes", `m:3: service.id: "Notes" is not a service id: ` + ids},
		{"id: way out", "id: ../x", `m:3: service.id: "../x" is not a service id: ` + ids},
		{"id: line break", `id: "notes\n"`, `m:3: service.id: "notes\n" is not a service id: ` + ids},
		{"id: number", "id: 42", `m:3: service.id: is a number (42), not text: put it in quotes`},
		{"name: blank", "name: ' '", `m:4: service.name: is blank: write a name`},
		{"name: list", "name: [a]", `m:4: service.name: is a list, not text: write text`},
		{"name: truth", "name: true", `m:4: service.name: is true or false (true), not text: put it in quotes`},
		{"name: escape codes", `name: "a\e[2J"`, `m:4: service.name: "a\x1b[2J" holds a line break or control character: write one line of plain text`},
		{"name: tag", "name: !secret x", `m:4: service.name: is a value with the tag "!secret", not text: write text`},
		{"port: text", "port: abc", `m:5: service.port: "abc" is not a number: ` + port},
		{"port: truth", "port: true", `m:5: service.port: is true or false (true), not a number: ` + port},
		{"port: large", "port: 65536", `m:5: service.port: 65536 is larger than 65535: ` + port},
		{"port: negative", "port: -1", `m:5: service.port: -1 is not a whole number from 0 to 65535: ` + port},
		{"port: fraction", "port: 80.5", `m:5: service.port: 80.5 is not a whole number from 0 to 65535: ` + port},
		{"port: sign", "port: '+80'", `m:5: service.port: +80 is not a whole number from 0 to 65535: ` + port},
		{"port: octal", "port: 0777", `m:5: service.port: 0777 starts with 0: write it without`},
		{"port: list", "port: [80]", `m:5: service.port: is a list, not a number: ` + port},
		{"port: null", "port: ~", `m:3: service.port: is missing: write the port inside the container, or 0 for none`},

		{"external port", "  external_port_default: yes", `m:6: service.external_port_default: "yes" is not a number: ` + port},
		{"port variable", "  external_port_env: A B", `m:6: service.external_port_env: "A B" is not a variable's name: write letters, digits and "_", such as MY_SERVICE_PORT`},
		{"host variable", "  host_env: 1A", `m:6: service.host_env: "1A" is not a variable's name: write letters, digits and "_", such as MY_SERVICE_PORT`},
		{"host", "  default_host: a/b", `m:6: service.default_host: "a/b" is not a host name: write the service's id, or localhost`},
		{"health", "  health: health", `m:6: service.health: "health" does not start with "/": write a path such as /health`},
		{"health: space", "  health: /a b", `m:6: service.health: "/a b" holds a space: write it as %20`},
		{"category", "  category: always", `m:6: service.category: "always" is not known: write core, recommended or optional`},
		{"type", "  type: podman", `m:6: service.type: "podman" is not known: write docker or host-systemd`},
		{"backend", "  gpu_backends: [nvidia, rocm]", `m:6: service.gpu_backends[1]: "rocm" is not known: write amd, nvidia, intel, apple, cpu, all or none`},
		{"backends: text", "  gpu_backends: nvidia", `m:6: service.gpu_backends: is text ("nvidia"), not a list: write [a, b]`},
		{"container", "  container_name: -x", `m:6: service.container_name: "-x" is not a container name: write letters, digits, "_", "." and "-", such as dream-my-service`},
		{"compose: way out", "  compose_file: ../other/compose.yaml", `m:6: service.compose_file: "../other/compose.yaml" is not a plain file name: write the name of a file in this folder, such as compose.yaml`},
		{"compose: absolute", "  compose_file: /etc/passwd", `m:6: service.compose_file: "/etc/passwd" is not a plain file name: write the name of a file in this folder, such as compose.yaml`},
		{"compose: backslash", `  compose_file: a\b`, `m:6: service.compose_file: "a\\b" is not a plain file name: write the name of a file in this folder, such as compose.yaml`},
		{"compose: disabled", "  compose_file: compose.yaml.disabled", `m:6: service.compose_file: "compose.yaml.disabled" ends in .disabled, which marks what is switched off: write the name without it`},
		{"dependency", "  depends_on: [a, null]", `m:6: service.depends_on[1]: is empty, not text: write text`},
		{"dependency: id", "  depends_on: [A]", `m:6: service.depends_on[0]: "A" is not a service id: ` + ids},
		{"dependency: itself", "  depends_on: [notes]", `m:3: service.depends_on: names the service itself: take "notes" out`},

		{"variables: no list", "  env_vars: {A: 1}", `m:6: service.env_vars: is a mapping, not a list: write [a, b]`},
		{"variable: no mapping", "  env_vars: [A]", `m:6: service.env_vars[0]: is text ("A"), not a mapping: write keys below it`},
		{"variable: no key", "  env_vars: [{required: true}]", `m:6: service.env_vars[0].key: is missing: write the variable's name`},
		{"variable: empty key", "  env_vars: [{key: ''}]", `m:6: service.env_vars[0].key: is blank: write a name`},
		{"variable: odd truth", "  env_vars: [{key: A, secret: 1}]", `m:6: service.env_vars[0].secret: is a number (1): write true or false`},
		{"variable: list as default", "  env_vars: [{key: A, default: []}]", `m:6: service.env_vars[0].default: is a list: write text or a number`},
		{"variable: twice", "  env_vars:\n  - key: A\n  - key: A", `m:8: service.env_vars[1].key: A is already declared in line 7: keep one`},

		{"feature: no id", "features: [{name: a, description: a, icon: a, category: a, priority: 1}]", `m:6: features[0].id: is missing: write a name that no other feature has`},
		{"feature: blank id", "features: [{id: ''}]", `m:6: features[0].id: is blank: write a name`},
		{"feature: twice", "features:\n- id: a\n- id: a", `m:8: features[1].id: "a" is already the id of the feature in line 7: rename one`},
		{"feature: service", "features: [{id: a, requirements: {services: [A]}}]", `m:6: features[0].requirements.services[0]: "A" is not a service id: ` + ids},
		{"feature: size", "features: [{id: a, requirements: {vram_gb: big}}]", `m:6: features[0].requirements.vram_gb: is text ("big"), not a size: write gigabytes as a number, 0 or more`},
		{"feature: endless size", "features: [{id: a, requirements: {disk_gb: .inf}}]", `m:6: features[0].requirements.disk_gb: is a number (.inf), not a size: write gigabytes as a number, 0 or more`},

		{"version", "compatibility: {dream_min: newest}", `m:6: compatibility.dream_min: is text ("newest"), not a version: write one such as "2.1.0"`},
		{"versions the wrong way round", "compatibility: {dream_min: 2.1.0, dream_max: 2.0.x}", `m:6: compatibility: dream_max 2.0.x is below dream_min 2.1.0: swap them`},

		{"key twice", "  health: /a\n  health: /b", `m:7: service.health: is already given in line 6: keep one`},
		{"unknown key twice", "x: {a: 1, a: 2}", `m:6: x.a: is already given in line 6: keep one`},
		{"list as key", "? [a]\n: b", `m:6: a list is used as a key: keys are words`},
		{"merge key", "tags: &t [a]\n<<: {a: b}", `m:7: "<<": merge keys are not read: write the keys out`},

		{"everything at once", "port: 1e9\n  health: x\n  category: y", `m:5: service.port: 1e9 is not a whole number from 0 to 65535: ` + port + `
m:6: service.health: "x" does not start with "/": write a path such as /health
m:7: service.category: "y" is not known: write core, recommended or optional`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := manifest.Parse("m", []byte(with(tt.in)))
			wantError(t, err, tt.want)
			agree(t, []byte(with(tt.in)))
		})
	}
}

// with is the minimal manifest with one of its required keys replaced, or with lines added.
func with(lines string) string {
	for _, key := range []string{"id", "name", "port"} {
		if strings.HasPrefix(lines, key+":") {
			before, after, _ := strings.Cut(minimal, "  "+key+":")
			_, after, _ = strings.Cut(after, "\n")
			return before + "  " + lines + "\n" + after
		}
	}
	return minimal + lines + "\n"
}

func TestParse_WarnsOfWhatStopsNothing(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"unknown keys at each level", `  healthcheck: /x
  env_vars:
    - {key: A, requierd: true}
compatibility: {min: 1}
plugins: []
features:
  - id: a
    name: a
    description: a
    icon: a
    category: a
    priority: 1
    color: red
    requirements: {cpu: 4}`, []string{
			`m:6: service.healthcheck: is not a key of dream.services.v1: it is ignored`,
			`m:8: service.env_vars[0].requierd: is not a key of dream.services.v1: it is ignored`,
			`m:9: compatibility.min: is not a key of dream.services.v1: it is ignored`,
			`m:10: plugins: is not a key of dream.services.v1: it is ignored`,
			`m:18: features[0].color: is not a key of dream.services.v1: it is ignored`,
			`m:19: features[0].requirements.cpu: is not a key of dream.services.v1: it is ignored`,
		}},
		{"aliases that cannot be typed", `  aliases: [ok, "two words", ok, 7, "a;b"]`, []string{
			`m:6: service.aliases[1]: "two words" is not 1 to 64 letters, digits, "_" and "-": rename it; it is ignored`,
			`m:6: service.aliases[3]: is a number (7), not text: put it in quotes; it is ignored`,
			`m:6: service.aliases[4]: "a;b" is not 1 to 64 letters, digits, "_" and "-": rename it; it is ignored`,
		}},
		{"hook", `  setup_hook: setup.sh`, []string{
			`m:6: service.setup_hook: "setup.sh" is not run: hooks would act as root on the host; declare env_vars instead`,
		}},
		{"niceties of the wrong type", "  description: [a]\n  ui_path: ui\n  sidebar_icon: 1\n  health_timeout: long\n  tags: a", []string{
			`m:6: service.description: is a list, not text: write text; it is ignored`,
			`m:7: service.ui_path: "ui" does not start with "/": write a path such as /health; it is ignored`,
			`m:8: service.sidebar_icon: is a number (1), not text: put it in quotes; it is ignored`,
			`m:9: service.health_timeout: "long" is not a number: write seconds, 3600 at most; it is ignored`,
			`m:10: service.tags: is text ("a"), not a list: write [a, b]; it is ignored`,
		}},
		{"no machine", "  gpu_backends: []", []string{
			`m:3: service.gpu_backends: lists nothing, so the service runs nowhere: write [all], or leave the key out`,
		}},
		{"bare feature", "features: [{id: a}]", []string{
			`m:6: features[0].name: is missing: the feature shows a default`,
			`m:6: features[0].description: is missing: the feature shows a default`,
			`m:6: features[0].icon: is missing: the feature shows a default`,
			`m:6: features[0].category: is missing: the feature shows a default`,
			`m:6: features[0].priority: is missing: the feature shows a default`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := manifest.Parse("m", []byte(with(tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range m.Warnings {
				got = append(got, w.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Warnings (-want +got):\n%s", diff)
			}
			agree(t, []byte(with(tt.in)))
		})
	}
}

func TestParse_DropsAliasesThatCannotBeTyped(t *testing.T) {
	m, err := manifest.Parse("m", []byte(with(`  aliases: [ok, "two words", ok, Wiki_2]`)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ok", "Wiki_2"}, m.Service.Aliases); diff != "" {
		t.Errorf("Aliases (-want +got):\n%s", diff)
	}
}

func TestParse_CutsAListThatNobodyWouldRead(t *testing.T) {
	_, err := manifest.Parse("m", []byte(with("  depends_on: ["+strings.Repeat("A,", 1000)+"]")))
	lines := strings.Split(err.Error(), "\n")
	if got, want := lines[len(lines)-1], "m: and 950 more"; len(lines) != 51 || got != want {
		t.Errorf("%d lines, the last %q; want 51 and %q", len(lines), got, want)
	}
}

func TestValidID(t *testing.T) {
	tests := map[string]bool{
		"n8n": true, "llama-server": true, "a_b": true, "0": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "_a": false, "A": false, "a.b": false, "a/b": false, "..": false, "a b": false, "é": false,
		"a\n": false, "a\x00": false, strings.Repeat("a", 64): false,
	}
	for id, want := range tests {
		if got := manifest.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}
