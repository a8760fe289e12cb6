package compose_test

import (
	"strings"
	"testing"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestLoad_NamesEveryRequiredVariable(t *testing.T) {
	in := input("shop", `
services:
  shop:
    image: x
    environment:
      - URL=postgres://${DB_USER:?who}:${DB_PASSWORD:?set a password}@shop-db
      - PRIVATE=${PRIVATE?}
  shop-db:
    image: x
    environment: {PASSWORD: "${DB_PASSWORD:?set a password}", EMPTY: "${EMPTY:?not empty}"}
`, `
services:
  shop: {ports: ["127.0.0.1:${PORT:?}:80"]}
`)
	in.Env = map[string]string{"EMPTY": ""}
	_, err := compose.Load(t.Context(), in)
	wantRefusal(t, err, problem.MissingConfig,
		`extension "shop" needs a value for DB_PASSWORD, DB_USER, EMPTY, PRIVATE: add it to .env and try again`,
		"compose.yaml:6: DB_PASSWORD: required variable DB_PASSWORD is not set: set a password",
		"compose.yaml:6: DB_USER: required variable DB_USER is not set: who",
		"compose.yaml:10: EMPTY: required variable EMPTY is not set: not empty",
		"compose.yaml:7: PRIVATE: required variable PRIVATE is not set",
	)
	var fixes []string
	for _, i := range problem.As(err).Items {
		fixes = append(fixes, i.Fix)
	}
	want := "add DB_PASSWORD=… to .env\nadd DB_USER=… to .env\nadd EMPTY=… to .env\nadd PRIVATE=… to .env"
	if got := strings.Join(fixes, "\n"); got != want {
		t.Errorf("fixes:\n%s\nwant:\n%s", got, want)
	}
}

func TestLoad_AskesForWhatADefaultRequires(t *testing.T) {
	_, err := compose.Load(t.Context(), input("web", `services: {web: {image: "${IMAGE:-${REPO:?which}/web}"}}`))
	wantRefusal(t, err, problem.MissingConfig, `extension "web" needs a value for REPO: add it to .env and try again`)
}

// Nobody can give such a variable a value: asking the owner for one would not help.
func TestLoad_RefusesToRequireWhatTheManifestDoesNotDeclare(t *testing.T) {
	in := input("web", `
services:
  web:
    image: x
    environment:
      A: ${DECLARED:?}
      B: ${OTHER:?why}
      C: ${DREAM_AGENT_KEY?}
`)
	in.Declared = func(key string) bool { return key == "DECLARED" }
	_, err := compose.Load(t.Context(), in)
	wantRefusal(t, err, problem.InvalidExtension,
		`extension "web": compose.yaml:8: ${DREAM_AGENT_KEY} is required, and the manifest does not declare it: it counts as unset; remove it: no extension gets a key of the platform`,
		"compose.yaml:8: DREAM_AGENT_KEY: ${DREAM_AGENT_KEY} is required, and the manifest does not declare it: it counts as unset",
		"compose.yaml:7: OTHER: ${OTHER} is required, and the manifest does not declare it: it counts as unset",
	)
}
