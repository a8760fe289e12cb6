package agent_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// configured is an installation with an extension that is built in, one that is installed from the library, one that is
// installed and not in the library, and one that is only there.
func configured(t *testing.T) *installation {
	t.Helper()
	const appVars = "env_vars: [{key: APP_USER, required: true, example: ada}, {key: APP_TOKEN, required: true}, {key: SHARED}]"
	in := prepare(
		t, inFolder("extensions/services", "n8n", "", "compose_file: compose.yaml", "category: optional", "env_vars: [{key: N8N_PASS}, {key: SHARED}]"),
		inFolder("data/extensions-library", "app", "", appVars), extension("app", "", appVars),
		extension("own", "", "env_vars: [{key: OWN_NAME}, {key: N8N_PASS}, {key: ANY_PATH}, {key: COMPOSE_FILE}, {key: DREAM_AGENT_KEY}, {key: CTX_SIZE}, {key: WEBUI_LOOK}]"),
		inFolder("data/extensions-library", "shelf", "", "env_vars: [{key: SHELF_NAME}]"),
		"-- extensions/services/webui/manifest.yaml --\nschema_version: dream.services.v1\nservice: {id: webui, name: W, port: 1, category: core, gpu_backends: [all], env_vars: [{key: WEBUI_LOOK}]}\n",
	)
	in.setEnv("DREAM_AGENT_API_KEY="+apisKey, "# the owner's", "ANY_PATH=/home/ada")
	in.options.Settings = in.load()
	in.serve()
	return in
}

// asAPI is a client with the API's key.
func (in *installation) asAPI() *agent.Client {
	settings := in.settings
	settings.AgentKey = apisKey
	c := agent.NewClient(settings, version)
	in.t.Cleanup(c.Close)
	return c
}

func values(pairs ...string) catalog.ConfigChange {
	c := catalog.ConfigChange{Values: map[string]string{}}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		c.Values[key] = value
	}
	return c
}

func TestConfigure_WritesEnvAndSaysWhoReadsIt(t *testing.T) {
	in := configured(t)
	before, err := os.ReadFile(in.path(".env"))
	in.must(err)
	change := values("APP_USER=ada lovelace", "SHARED=it's\n$5 #1 \U0001f600")
	change.Generate = []string{"APP_TOKEN"}
	r, err := in.client.Configure(t.Context(), "app", change)
	in.must(err)
	wantEqual(t, "changed", []string{"APP_TOKEN", "APP_USER", "SHARED"}, r.Changed)
	wantEqual(t, "to restart", []string{"app", "n8n"}, r.Restart)
	if !r.Configured {
		t.Errorf("it lacks %v", r.Missing)
	}
	after, err := os.ReadFile(in.path(".env"))
	in.must(err)
	if !strings.HasPrefix(string(after), string(before)) {
		t.Errorf("what was in .env is changed:\n%s", after)
	}
	wantEqual(t, "mode of .env", "-rw-------", modeOf(t, in.path(".env")))
	env, err := config.ReadEnv(in.path(".env"))
	in.must(err)
	wantEqual(t, "SHARED", change.Values["SHARED"], env["SHARED"])
	if len(env["APP_TOKEN"]) != 64 {
		t.Errorf("APP_TOKEN has %d characters, want 64", len(env["APP_TOKEN"]))
	}
	in.mustStart("app")

	r, err = in.client.Configure(t.Context(), "app", catalog.ConfigChange{Unset: []string{"SHARED", "APP_TOKEN"}, Values: map[string]string{"APP_USER": "ada lovelace"}})
	in.must(err)
	wantEqual(t, "changed", []string{"APP_TOKEN", "SHARED"}, r.Changed)
	if env, err := config.ReadEnv(in.path(".env")); err != nil || env["SHARED"] != "" || env["APP_USER"] != "ada lovelace" {
		t.Errorf("%v, %v: want SHARED gone and APP_USER there", env["SHARED"], err)
	}
	audit := strings.Join(in.told(), "\n")
	if !strings.Contains(audit, "configure|app|ok") || strings.Contains(audit, "lovelace") {
		t.Errorf("the audit log has values, or not the change:\n%s", audit)
	}
	entries, err := in.client.Audit(t.Context(), 1)
	in.must(err)
	wantEqual(t, "keys in the audit log", []string{"APP_TOKEN", "SHARED"}, entries[0].Keys)
}

// The API's container can write the manifests of installed extensions: what they declare opens nothing of .env to it.
func TestConfigure_TakesNoManifestOfTheAPIsWord(t *testing.T) {
	in := configured(t)
	in.add("-- data/user-extensions/app/manifest.yaml --\n" + manifestOf("app", "env_vars: [{key: ANY_PATH}, {key: APP_USER, required: true}]"))
	api := in.asAPI()
	c, err := api.Config(t.Context(), "app")
	in.must(err)
	for _, v := range c.Variables {
		if v.Key == "ANY_PATH" {
			t.Errorf("the API reads %s, which the library's manifest does not declare", v.Key)
		}
	}
	_, err = api.Configure(t.Context(), "app", values("ANY_PATH=/tmp"))
	in.wantRefusal(err, problem.InvalidConfig, `extension "app": ANY_PATH is not declared by the manifest of app: …`)
	_, err = api.Config(t.Context(), "own")
	in.wantRefusal(err, problem.Forbidden, `extension "own" is not in the library: its configuration is for the owner of the machine, with `+"`dream config own`")
	_, err = api.Configure(t.Context(), "own", values("OWN_NAME=x"))
	in.wantRefusal(err, problem.Forbidden, `extension "own" is not in the library: …`)
	_, err = in.client.Configure(t.Context(), "own", values("OWN_NAME=x"))
	in.must(err)
}

func TestConfigure_Refuses(t *testing.T) {
	in := configured(t)
	const declared = "is not declared by the manifest of own: `dream config own` lists what is"
	for name, tt := range map[string]struct {
		id     string
		change catalog.ConfigChange
		code   problem.Code
		want   string
	}{
		"undeclared":            {"own", values("PATH=/tmp"), problem.InvalidConfig, `extension "own": PATH ` + declared},
		"Compose's own":         {"own", values("COMPOSE_FILE=x"), problem.InvalidConfig, `extension "own": COMPOSE_FILE belongs to the platform: …`},
		"a key of the platform": {"own", values("DREAM_AGENT_KEY=x"), problem.InvalidConfig, `extension "own": DREAM_AGENT_KEY belongs to the platform: …`},
		"a fact of the machine": {"own", values("CTX_SIZE=1"), problem.InvalidConfig, `extension "own": CTX_SIZE belongs to the platform: …`},
		"a core service's":      {"own", values("WEBUI_LOOK=1"), problem.InvalidConfig, `extension "own": WEBUI_LOOK belongs to the platform: …`},
		"another's secret":      {"own", values("N8N_PASS=x"), problem.InvalidConfig, `extension "own": N8N_PASS is a secret of n8n: …`},
		"a core service":        {"dashboard", values("A=b"), problem.CoreService, `"dashboard" is a core service: its settings are in $INSTALL/.env, see docs/configuration.md`},
		"nobody":                {"nobody", values("A=b"), problem.NotFound, `extension "nobody" is not installed and not in the library: …`},
		"no id":                 {"..%2fagent", values("A=b"), problem.NotFound, `"..%2fagent" is no extension id`},
		"too much at once":      {"app", catalog.ConfigChange{Unset: make([]string, 300)}, problem.InvalidConfig, `extension "app": 300 variables at once: at most 200`},
		"1 MB":                  {"app", values("APP_USER=" + strings.Repeat("x", 1<<20)), problem.BodyTooLarge, "the body is larger than 262144 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := in.client.Configure(t.Context(), tt.id, tt.change)
			in.wantRefusal(err, tt.code, tt.want)
		})
	}
	status, body := in.request(http.MethodPut, "/v1/extension/app/env", `{"values": [1]}`)
	if status != http.StatusBadRequest || !strings.Contains(body, `"invalid_body"`) {
		t.Errorf("%d %s, want invalid_body", status, body)
	}

	in.setEnv("APP_USER='")
	_, err := in.client.Configure(t.Context(), "app", values("SHARED=x"))
	in.wantRefusal(err, problem.Unavailable, "the settings cannot be used: $INSTALL/.env:8: a quote is opened and not closed: close it")
}

func TestConfigure_TwoWritersLoseNothing(t *testing.T) {
	in := configured(t)
	in.must(os.WriteFile(in.path("data/extensions-library/app/manifest.yaml"), []byte(manifestOf("app", "env_vars: [{key: A0}, {key: A1}, {key: A2}, {key: A3}, {key: A4}, {key: A5}, {key: A6}, {key: A7}]")), 0o644))
	errs := make([]error, 8)
	var all sync.WaitGroup
	api := in.asAPI()
	for i := range errs {
		all.Go(func() {
			_, errs[i] = api.Configure(t.Context(), "app", values(fmt.Sprintf("A%d=%d", i, i)))
		})
	}
	all.Wait()
	env, err := config.ReadEnv(in.path(".env"))
	in.must(err)
	for i, err := range errs {
		in.must(err)
		wantEqual(t, "value", fmt.Sprint(i), env[fmt.Sprintf("A%d", i)])
	}
}

// Without the agent the owner's program uses the same code.
func TestChangeConfig_WithoutAnAgent(t *testing.T) {
	in := prepare(t, inFolder("data/extensions-library", "app", "services:\n  app:\n    image: example/app:1\n    environment: [\"A=${APP_KEY:?}\", \"B=${APP_LEVEL:?}\"]\n    # ${APP_NONE:?}\n",
		"env_vars: [{key: APP_KEY, secret: true}, {key: APP_LEVEL, type: integer}, {key: APP_NONE}]"))
	c, err := agent.ReadConfig(in.settings, "app")
	in.must(err)
	wantEqual(t, "missing", []string{"APP_LEVEL"}, c.Missing)
	_, err = agent.ChangeConfig(in.settings, "app", values("APP_LEVEL=high"))
	in.wantRefusal(err, problem.InvalidConfig, `extension "app": APP_LEVEL is not a whole number: write one such as 10`)
	r, err := agent.ChangeConfig(in.settings, "app", values("APP_LEVEL=3"))
	in.must(err)
	if !r.Configured || len(r.Restart) > 0 {
		t.Errorf("configured %v, to restart %v; want that it is, and nothing, because it is not installed", r.Configured, r.Restart)
	}
}
