package agent_test

import (
	"os"
	"strings"
	"testing"

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
