package agent_test

import (
	"net/http"
	"strings"
	"testing"

	"dreamserver/agent"
	"dreamserver/internal/problem"
)

// apisKey is the API's own key for the agent.
const apisKey = "d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4"

// withAPIKey is an installation whose API has a key of its own.
func withAPIKey(t *testing.T, files ...string) *installation {
	t.Helper()
	in := prepare(t, files...)
	in.setEnv("DREAM_AGENT_API_KEY=" + apisKey)
	in.options.Settings = in.load()
	in.serve()
	return in
}

// Every route is here, with who may ask for it: a new one is a decision.
func TestRoutes_OpenToTheKeysThatTheyAreFor(t *testing.T) {
	type access struct{ Nobody, API, Owner bool }
	both, ownersAlone := access{API: true, Owner: true}, access{Owner: true}
	want := map[string]access{
		"GET /health":                    {Nobody: true, API: true, Owner: true},
		"GET /metrics":                   both, // and to the keys of the API's metrics
		"GET /v1/containers":             both,
		"GET /v1/host":                   both,
		"GET /v1/stats":                  both,
		"POST /v1/ports":                 both,
		"GET /v1/extension/{id}/unit":    both,
		"GET /v1/storage":                both,
		"GET /v1/events":                 both,
		"GET /v1/audit":                  both,
		"POST /v1/extension/check":       both,
		"POST /v1/extension/start":       both,
		"POST /v1/extension/restart":     both,
		"POST /v1/extension/stop":        both,
		"POST /v1/extension/remove":      both,
		"POST /v1/extension/enable":      both,
		"POST /v1/extension/disable":     both,
		"POST /v1/extension/logs":        both,
		"POST /v1/extension/logs/follow": both,
		"POST /v1/extension/plan":        both,
		"GET /v1/extension/{id}/env":     both,
		"PUT /v1/extension/{id}/env":     both,
		"GET /v1/policy/status":          both,
		"GET /v1/policy/audit":           both,
		"GET /v1/policy/drift":           both,
		"POST /v1/policy/drift":          both,
		"GET /v1/stack":                  ownersAlone,
		"POST /v1/policy/eval":           ownersAlone,
		"POST /v1/stack/up":              ownersAlone,
		"POST /v1/stack/down":            ownersAlone,
		"POST /v1/stack/plan":            ownersAlone,
	}
	in := withAPIKey(t)
	opens := func(route, authorization string) bool {
		method, path, _ := strings.Cut(route, " ")
		resp := in.open(method, path, "", "Authorization: "+authorization)
		defer resp.Body.Close()
		return resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden
	}
	got := map[string]access{}
	for _, route := range agent.Routes(in.options.Settings) {
		got[route] = access{opens(route, ""), opens(route, "Bearer "+apisKey), opens(route, "Bearer "+key)}
	}
	wantEqual(t, "routes", want, got)
}

func TestAPIKey_DoesNotTakeTheStackDown(t *testing.T) {
	in := withAPIKey(t, extension("app", ""))
	in.mustStart("app")
	settings := in.options.Settings
	settings.AgentKey = apisKey // as the API's container has it
	client := agent.NewClient(settings, version)
	defer client.Close()

	const refusal = "POST /v1/stack/down is for the owner: the API's key (DREAM_AGENT_API_KEY) does not open it, DREAM_AGENT_KEY does; use `dream`"
	err := client.Down(t.Context())
	in.wantRefusal(err, problem.Forbidden, refusal)
	if problem.AgentAway(err) {
		t.Error("the agent counts as away, and is not")
	}
	wantEqual(t, "containers", map[string]string{"app": "running"}, in.docker.services())
	in.must(client.Stop(t.Context(), "app"))
	told := in.told()
	if !strings.Contains(told[len(told)-2], "|authorize||forbidden|"+refusal) {
		t.Errorf("the audit log does not say so: %q", told)
	}
	wantNoSecret(t, "the log", in.log.String())
}
