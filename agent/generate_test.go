package agent_test

import (
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

const withSecrets = "services:\n  app:\n    image: example/app:1\n    environment: {A: \"${APP_A:?}\", B: \"${APP_B:?}\", C: \"${APP_C:-}\"}\n"

// Nobody has to invent a secret: what the manifest says how to make is made at the first start, and kept.
func TestStart_MakesSecretsAndKeepsThem(t *testing.T) {
	const vars = "env_vars: [{key: APP_A, secret: true, required: true, generate: {bytes: 16}}, {key: APP_B, secret: true, generate: {format: base64, bytes: 32}}, {key: APP_C, secret: true}]"
	in := newInstallation(t, extension("app", withSecrets, vars), inFolder("data/extensions-library", "app", withSecrets, vars))
	in.setEnv("# mine", "APP_A=chosen")
	before, err := os.ReadFile(in.path(".env"))
	in.must(err)
	_, err = in.client.Check(t.Context(), "app", true)
	in.must(err)
	after, err := os.ReadFile(in.path(".env"))
	in.must(err)
	wantEqual(t, ".env after a check", string(before), string(after))

	in.mustStart("app")
	env, err := config.ReadEnv(in.path(".env"))
	in.must(err)
	if env["APP_A"] != "chosen" || len(env["APP_B"]) != 44 || env["APP_C"] != "" {
		t.Errorf("APP_A %q, APP_B of %d characters, APP_C %q; want the owner's, one that was made, and none", env["APP_A"], len(env["APP_B"]), env["APP_C"])
	}
	runs, err := os.ReadFile(in.path("state/approved/app.yaml"))
	in.must(err)
	if !strings.Contains(string(runs), env["APP_B"]) {
		t.Error("what runs has another value than .env")
	}
	data, err := os.ReadFile(in.path(".env"))
	in.must(err)
	if !strings.HasPrefix(string(data), string(before)) {
		t.Errorf("what was in .env is changed:\n%s", data)
	}
	in.mustStart("app")
	again, err := config.ReadEnv(in.path(".env"))
	in.must(err)
	wantEqual(t, "APP_B at the next start", env["APP_B"], again["APP_B"])
}

func TestStart_AsksForSecretsThatOnlyTheOwnerKnows(t *testing.T) {
	in := newInstallation(t, extension("app", strings.ReplaceAll(withSecrets, "APP_A", "OPENAI_API_KEY"),
		"env_vars: [{key: OPENAI_API_KEY, secret: true, description: Your account.}, {key: APP_B, generate: {}, secret: true}, {key: APP_C, required: true, example: c}]"))
	_, err := in.start("app")
	in.wantRefusal(err, problem.MissingConfig, `extension "app" needs a value for APP_C (such as c): give it with `+"`dream config app set APP_C` and try again")
	in.setEnv("APP_C=c")
	_, err = in.start("app")
	in.wantRefusal(err, problem.MissingConfig, `extension "app" needs a value for OPENAI_API_KEY (Your account): give it with `+"`dream config app set OPENAI_API_KEY` and try again")
}

// A key of the API is one that the API knows, which the library alone can ask for.
func TestStart_MakesAKeyOfTheAPI(t *testing.T) {
	const fragment = "services:\n  app:\n    image: example/app:1\n    environment: [\"A=${APP_KEY:?}\"]\n"
	const vars = "env_vars: [{key: APP_KEY, secret: true, required: true, generate: {format: api-key}}]"
	in := newInstallation(t, extension("app", fragment, vars), inFolder("data/extensions-library", "app", fragment, vars), extension("own", strings.NewReplacer("app", "own", "APP", "OWN").Replace(fragment), strings.ReplaceAll(vars, "APP", "OWN")))
	in.mustStart("app")
	made := func() (config.APIKey, string) {
		env, err := config.ReadEnv(in.path(".env"))
		in.must(err)
		key, err := config.ReadAPIKey(in.settings.APIKeysDir(), "extension-app.json")
		in.must(err)
		return key, env["APP_KEY"]
	}
	key, value := made()
	if key.Scope != config.ScopeMetrics || key.SHA256 != config.DigestOf(value) || len(value) != 64 {
		t.Errorf("key %+v is not that of %d characters with the scope metrics", key, len(value))
	}
	_, err := in.client.Configure(t.Context(), "app", catalog.ConfigChange{Generate: []string{"APP_KEY"}})
	in.must(err)
	if next, now := made(); now == value || next.SHA256 != config.DigestOf(now) {
		t.Error("a new value is no new key")
	}
	_, err = in.client.Configure(t.Context(), "app", catalog.ConfigChange{Unset: []string{"APP_KEY"}})
	in.must(err)
	if files, err := config.ListAPIKeyFiles(in.settings.APIKeysDir()); err != nil || len(files) > 0 {
		t.Errorf("keys %v, %v; want that it is taken back", files, err)
	}

	_, err = in.start("own")
	in.wantRefusal(err, problem.Forbidden, `extension "own": OWN_KEY is to be a key of the API, which an extension of the library alone can ask for: `+
		"make one with `dream key add own --scope metrics`, and give it with `dream config own set OWN_KEY`")
}
