package compose_test

import (
	"strings"
	"testing"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestLoad_Refuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{
			"include", "services: {web: {image: x}}\ninclude: [other.yaml]\n",
			"compose.yaml:2: include is not followed: one file must be judged whole; copy the services into this file",
		},
		{
			"include that is merged in", "x-a: &a\n  include: [other.yaml]\n<<: *a\nservices: {web: {image: x}}\n",
			"compose.yaml:2: include is not followed: one file must be judged whole; copy the services into this file",
		},
		{
			"extends", "services:\n  web:\n    image: x\n    extends: {file: /etc/other.yaml, service: web}\n",
			"compose.yaml:4: extends is not followed: one file must be judged whole; copy the keys into this service",
		},
		{
			"extends that is merged in", "x-a: &a\n  extends: web-db\nservices:\n  web: {<<: [*a], image: x}\n",
			"compose.yaml:2: extends is not followed: one file must be judged whole; copy the keys into this service",
		},
		{
			"extends behind an alias", "x-a: &a {extends: web-db}\nservices:\n  web: *a\n",
			"compose.yaml:1: extends is not followed: one file must be judged whole; copy the keys into this service",
		},
		{"name", "name: other\nservices: {web: {image: x}}\n", "compose.yaml:1: name would rename the whole project; remove the line: the platform names the project"},
		{
			"services as a list", "services:\n  - web\n",
			"compose.yaml:2: services must be a mapping of names to services, not a list; write `services:` and below it `<name>:`",
		},
		{
			"services without anything", "services:\n",
			"compose.yaml:1: services must be a mapping of names to services, not empty; write `services:` and below it `<name>:`",
		},
		{
			"services as an alias of a list", "x-a: &a [web]\nservices: *a\n",
			"compose.yaml:2: services must be a mapping of names to services, not a list; write `services:` and below it `<name>:`",
		},
		{"empty file", "", "compose.yaml: the file is empty; mend the file"},
		{"comments only", "# nothing\n", "compose.yaml: the file is empty; mend the file"},
		{"empty mapping", "{}\n", "compose.yaml: empty compose file; mend the file"},
		{"list", "- a\n", "compose.yaml:1: the file must be a mapping (key: value), not a list; mend the file"},
		{"syntax", "services:\n  web: [\n", "compose.yaml:3: is not valid YAML: did not find expected node content; mend the file"},
		{"two documents", "services: {}\n---\nservices: {}\n", "compose.yaml:2: a second YAML document starts here: keep one and remove the `---` lines; mend the file"},
		{"key twice", "services:\n  web: {image: x}\n  web: {image: y}\n", `compose.yaml:3: key "web" is given twice (first in line 2); mend the file`},
		{"unknown key", "services:\n  web:\n    image: x\n    comand: y\n", `compose.yaml:4: unknown key "comand"; mend the file`},
		{"unknown key at the root", "services: {web: {image: x}}\nvolume: {}\n", `compose.yaml:2: unknown key "volume"; mend the file`},
		{"service without anything", "services:\n  web:\n", "compose.yaml:2: services.web must be a mapping; mend the file"},
		{"null list", "services:\n  web:\n    image: x\n    ports:\n", "compose.yaml:4: services.web.ports must be a array; mend the file"},
		{"null item", "services:\n  web:\n    image: x\n    volumes:\n      - a:/a\n      -\n", "compose.yaml:6: services.web.volumes.1 must be a string; mend the file"},
		{"wrong type", "services:\n  web:\n    image: [x]\n", "compose.yaml:3: services.web.image must be a string; mend the file"},
		{
			"not a boolean", "services:\n  web:\n    image: x\n    privileged: ${P:-maybe}\n",
			"compose.yaml:4: services.web.privileged: what the variables give is not of the type that this key takes; mend the file",
		},
		{
			"bad reference", "services:\n  web:\n    image: '${A'\n",
			"compose.yaml:3: services.web.image. You may need to escape any $ with another $. ${A; mend the file",
		},
		{"number as a service", "services:\n  1: {image: x}\n", "compose.yaml: non-string key in services: 1; mend the file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compose.Load(t.Context(), input("web", tt.in))
			wantRefusal(t, err, problem.InvalidExtension, `extension "web": `+tt.want)
		})
	}
}

func TestLoad_NamesTheFileOfAnOverlay(t *testing.T) {
	_, err := compose.Load(t.Context(), input("web", "services: {web: {image: x}}\n", "services:\n  web:\n    foo: 1\n"))
	wantRefusal(t, err, problem.InvalidExtension, `extension "web": compose.1.yaml:3: unknown key "foo"; mend the file`,
		`compose.1.yaml:3: services.web.foo: unknown key "foo"`)
}

func TestLoad_NamesEveryBadReference(t *testing.T) {
	_, err := compose.Load(t.Context(), input("web", "services:\n  web:\n    image: '${A'\n    user: '${B'\n"))
	wantRefusal(t, err, problem.InvalidExtension,
		`extension "web": compose.yaml:3: services.web.image. You may need to escape any $ with another $. ${A; mend the file`,
		"compose.yaml:3: services.web.image: services.web.image. You may need to escape any $ with another $. ${A",
		"compose.yaml:4: services.web.user: services.web.user. You may need to escape any $ with another $. ${B")
}

// Ten lines of aliases that stand for a billion values.
func TestLoad_RefusesAnAliasBombBeforeAnythingExpandsIt(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		b.WriteString("x-" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.TrimSuffix(strings.Repeat("*a"+string(rune('0'+i))+", ", 10), ", ") + "]\n")
	}
	b.WriteString("services: {web: {image: x, command: *a9}}\n")
	_, err := compose.Load(t.Context(), input("web", b.String()))
	wantRefusal(t, err, problem.InvalidExtension, `extension "web": compose.yaml:1: more than 12000 values once aliases are expanded; mend the file`)
}

func TestLoad_TheBaseMayNameTheProject(t *testing.T) {
	in := input("base", "name: ${P:-dream-server}\nservices: {web: {image: x}}\n")
	in.Base = true
	wantYAML(t, "services: {web: {image: x}}", load(t, in).Project)
}
