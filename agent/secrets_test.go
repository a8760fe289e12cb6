package agent_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"dreamserver/compose"
)

// What must not be seen outside of .env and the containers that it is for.
const (
	apiKey   = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
	appToken = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2"
	wrongKey = "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3"
)

// secretive is an installation with secrets in .env and in the agent's own environment, and an extension that uses
// one of them. Its log shows everything.
func secretive(t *testing.T) *installation {
	t.Helper()
	secrets := []string{"DASHBOARD_API_KEY=" + apiKey, "DREAM_AGENT_API_KEY=" + apisKey, "APP_TOKEN=" + appToken}
	for _, pair := range append(secrets, "DREAM_AGENT_KEY="+key) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	in := prepare(t, extension("app", "services:\n  app:\n    image: example/app:1\n    environment: [\"TOKEN=${APP_TOKEN}\"]\n", "env_vars: [{key: APP_TOKEN, secret: true}]"))
	in.setEnv(secrets...)
	in.settings = in.load()
	in.options.Settings = in.settings
	in.options.Env = append(compose.CleanEnv(os.Getenv, "", ""), in.docker.env()...)
	in.serve()
	return in
}

// useAll asks for everything there is, with the key and without, and returns all replies.
func (in *installation) useAll() string {
	in.t.Helper()
	const app, bad = `{"service_id": "app"}`, "Authorization: Bearer " + wrongKey
	var replies strings.Builder
	for _, call := range []string{"start", "restart", "check", "logs", "stop", "start", "remove", "enable", "disable"} {
		_, good := in.request(http.MethodPost, "/v1/extension/"+call, app)
		_, refused := in.request(http.MethodPost, "/v1/extension/"+call, app, bad)
		replies.WriteString(good + refused)
	}
	_, put := in.request(http.MethodPut, "/v1/extension/app/env", `{"values": {"APP_TOKEN": "`+appToken+`"}}`)
	_, unfit := in.request(http.MethodPut, "/v1/extension/app/env", `{"values": {"APP_TOKEN": "`+appToken+`\u0000", "OTHER": "`+appToken+`"}}`)
	replies.WriteString(put + unfit)
	for _, call := range []string{"/v1/extension/app/env", "/v1/audit", "/health", "/v1/containers", "/v1/host", "/v1/stack", "/v1/nosuch"} {
		_, good := in.request(http.MethodGet, call, "")
		_, refused := in.request(http.MethodGet, call, "", bad)
		replies.WriteString(good + refused)
	}
	_, up := in.request(http.MethodPost, "/v1/stack/up", `{"services": ["app"]}`)
	_, down := in.request(http.MethodPost, "/v1/stack/down", "{}")
	return replies.String() + up + down
}

func wantNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range map[string]string{"the agent's key": key, "the API's key": apiKey, "the API's key for the agent": apisKey, "a value of .env": appToken, "a key that was refused": wrongKey} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %s:\n%s", where, name, text)
		}
	}
}

func TestSecrets_StayWhereTheyBelong(t *testing.T) {
	in := secretive(t)
	replies := in.useAll()
	in.docker.update(func(s *dockerState) { s.Fails["up"] = "no such image" })
	_, failed := in.request(http.MethodPost, "/v1/extension/start", `{"service_id": "app"}`)
	wantNoSecret(t, "a reply", replies+failed)
	wantNoSecret(t, "the log", in.log.String())
	for _, want := range []string{`"level":"debug"`, `"op":"start"`, `"level":"warn"`} {
		if !strings.Contains(in.log.String(), want) {
			t.Errorf("the log has no %s: the test proves less than it says", want)
		}
	}

	given := in.docker.state().Given
	if !slices.Contains(given, "up") || !slices.ContainsFunc(given, func(s string) bool { return strings.HasPrefix(s, "PATH=") }) {
		t.Fatalf("the fake docker did not write down what it was given: %q", given)
	}
	wantNoSecret(t, "docker's arguments or environment", strings.Join(given, "\n"))
}
