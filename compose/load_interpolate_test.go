package compose_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestLoad_Interpolates(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"set", `"${SET}"`, "value"},
		{"without braces", "$SET", "value"},
		{"set and empty", `"${EMPTY-other}${EMPTY:-default}"`, "default"},
		{"unset", `"x${UNSET}"`, "x"},
		{"default", `"${UNSET:-a b}"`, "a b"},
		{"default of another", `"${UNSET:-${SET}}"`, "value"},
		{"when set", `"${SET:+yes}${UNSET:+no}"`, "yes"},
		{"required and set", `"${SET:?must be set}"`, "value"},
		{"escaped", `"$${SET} $$"`, "${SET} $"},
		{"the value is not read again", `"${NESTED}"`, "${SET}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input("web", "services: {web: {image: x, environment: {V: "+tt.in+"}}}")
			in.Env = map[string]string{"SET": "value", "EMPTY": "", "NESTED": "${SET}"}
			u := load(t, in)
			if got := *u.Project.Services["web"].Environment["V"]; got != tt.want {
				t.Errorf("%s became %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestLoad_InterpolatesIntoTypes(t *testing.T) {
	in := input("web", `
services:
  web:
    image: x
    privileged: ${YES:-true}
    read_only: "yes"
    cpus: ${CPUS:-0.5}
    ports: ["127.0.0.1:${PORT:-80}:80"]
    deploy: {replicas: "${N:-2}"}
`)
	wantYAML(t, `
services:
  web:
    image: x
    privileged: true
    read_only: true
    cpus: 0.5
    ports: [{mode: ingress, host_ip: 127.0.0.1, target: 80, published: "80", protocol: tcp}]
    deploy: {replicas: 2}
`, load(t, in).Project)
}

func TestLoad_ReadsNothingOfTheProcessEnvironment(t *testing.T) {
	t.Setenv("DREAM_AGENT_KEY", "secret")
	in := input("web", `services: {web: {image: "x${DREAM_AGENT_KEY}", environment: [DREAM_AGENT_KEY, "B=${DREAM_AGENT_KEY-}"]}}`)
	wantYAML(t, `services: {web: {image: x, environment: {B: ""}}}`, load(t, in).Project)
	if os.Getenv("DREAM_AGENT_KEY") != "secret" {
		t.Error("Load changed the environment")
	}
}

func TestLoad_NotesWhatCountsAsUnset(t *testing.T) {
	in := input("web", `
services:
  web:
    image: x
    environment: [EMPTY, "A=${OPEN:-1}", "B=${DECLARED:-2}", "C=${GIVEN}", "D=$OTHER"]
  db: {image: x, profiles: [debug]}
`)
	in.Env = map[string]string{"GIVEN": "3"}
	in.Declared = func(key string) bool { return key == "DECLARED" || key == "GIVEN" }
	u := load(t, in)
	wantYAML(t, `services: {web: {image: x, environment: {A: "1", B: "2", C: "3", D: ""}}}`, u.Project)
	want := []string{
		"services.web.environment: EMPTY has no value: it is left out",
		"${OPEN} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
		"${OTHER} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
		"services.db has profiles: it is left out",
	}
	if diff := cmp.Diff(want, u.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestLoad_AValueWithoutAKeyComesFromTheDeclaredOnes(t *testing.T) {
	in := input("web", `services: {web: {image: x, environment: [KEY, OTHER]}}`)
	in.Env = map[string]string{"KEY": "a$b"}
	wantYAML(t, `services: {web: {image: x, environment: {KEY: "a$$b"}}}`, load(t, in).Project)
}

func TestLoad_ShowsNoValueOfAVariable(t *testing.T) {
	for _, text := range []string{
		`services: {web: {image: x, privileged: "${SECRET}"}}`,
		`services: {web: {image: x, deploy: {replicas: "${SECRET}"}}}`,
	} {
		in := input("web", text)
		in.Env = map[string]string{"SECRET": "hunter2"}
		_, err := compose.Load(t.Context(), in)
		e := problem.As(err)
		for _, shown := range []string{e.Detail, e.Items[0].Message} {
			if e.Code != problem.InvalidExtension || shown == "" || strings.Contains(shown, "hunter2") {
				t.Errorf("Load(%s): %v, want an error without the value", text, err)
			}
		}
	}
}

// Texts become numbers and booleans wherever Compose wants them, through anchors and merges, too.
func TestLoad_ConvertsWhatAnAnchorBrings(t *testing.T) {
	u := load(t, input("web", `
x-deploy: &deploy
  replicas: ${N:-2}
x-more: &more
  init: ${ON:-true}
services:
  web:
    <<: *more
    image: x
    deploy: *deploy
    healthcheck: {test: [CMD, a], retries: "${N:-3}"}
`, `services: {web: {read_only: "${ON:-true}", ports: [{target: "${P:-80}", published: "${P:-81}"}]}}`))
	s := u.Project.Services["web"]
	if *s.Deploy.Replicas != 2 || !*s.Init || *s.HealthCheck.Retries != 3 || !s.ReadOnly || s.Ports[0].Target != 80 {
		t.Errorf("%+v", s)
	}
}

// What was parsed before is used for the same bytes alone.
func TestLoad_ParsesAFileThatChanged(t *testing.T) {
	in := input("web", "services: {web: {image: one}}")
	in.Documents = compose.Documents{}
	load(t, in)
	in.Files[0].Content = []byte("services: {web: {image: two, extends: other}}")
	if _, err := compose.Load(t.Context(), in); !problem.HasCode(err, problem.InvalidExtension) {
		t.Errorf("%v: the check has seen another file than Compose", err)
	}
}
