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

// A start that is refused leaves .env as it was: the API's container writes what is refused.
func TestStart_KeepsNoSecretOfWhatIsRefused(t *testing.T) {
	const vars = "env_vars: [{key: EVIL_TOKEN, secret: true, generate: {}}, {key: OPENAI_API_KEY, secret: true, generate: {}}]"
	in := newInstallation(t, extension("evil", "services:\n  evil:\n    image: example/evil:1\n    privileged: true\n", vars))
	before, err := os.ReadFile(in.path(".env"))
	in.must(err)
	_, err = in.start("evil")
	in.wantRefusal(err, problem.ScanRefused, "…")
	after, err := os.ReadFile(in.path(".env"))
	in.must(err)
	wantEqual(t, ".env after a refused start", string(before), string(after))

	var many []string
	for i := range 65 {
		many = append(many, fmt.Sprintf("{key: EVIL_%d, secret: true, generate: {}}", i))
	}
	in.add(extension("evil", "", "env_vars: ["+strings.Join(many, ", ")+"]"))
	_, err = in.start("evil")
	in.wantRefusal(err, problem.InvalidExtension, `extension "evil": 65 secrets are to be made: at most 64 are`)
}

// What a manifest of the library calls a secret is one for all others, installed or not, and what an installed manifest
// claims takes nothing away from them.
func TestSecrets_OfTheLibraryAreNobodyElses(t *testing.T) {
	in := newInstallation(
		t, inFolder("data/extensions-library", "notes", "", "env_vars: [{key: NOTES_DB_PASSWORD, secret: true}]"),
		inFolder("data/extensions-library", "reader", "", "env_vars: [{key: NOTES_DB_PASSWORD, type: string}, {key: LLM_API_KEY, type: string}]"),
		extension("aaa", "", "env_vars: [{key: NOTES_DB_PASSWORD, secret: true}]"),
		extension("imposing", "", "category: core", "env_vars: [{key: NOTES_DB_PASSWORD}]"),
		extension("notes", "", "env_vars: [{key: NOTES_DB_PASSWORD, secret: true}]"),
		"-- docker-compose.cpu.yml --\nservices:\n  dashboard:\n    environment: [\"LOOK=${WEBUI_IMAGE:-}\"]\n",
	)
	in.setEnv("NOTES_DB_PASSWORD=planted-1", "LLM_API_KEY=planted-2")
	c, err := in.client.Config(t.Context(), "reader")
	in.must(err)
	for _, v := range c.Variables {
		if v.Value != nil && strings.Contains(*v.Value, "planted") {
			t.Errorf("%s is shown", v.Key)
		}
	}
	_, err = in.client.Check(t.Context(), "reader", true)
	in.wantRefusal(err, problem.ScanRefused, `extension "reader" is refused by the security scan:…NOTES_DB_PASSWORD is a secret of extension "notes"…LLM_API_KEY is a secret of the platform…`)
	_, err = in.client.Configure(t.Context(), "notes", values("NOTES_DB_PASSWORD=new"))
	in.must(err)
	in.mustStart("notes")
	_, err = in.start("aaa")
	in.wantRefusal(err, problem.ScanRefused, `…NOTES_DB_PASSWORD is a secret of extension "notes"…`)
}

// What the platform's own files read is the owner's to set.
func TestConfigure_LeavesTheVariablesOfTheBaseFilesAlone(t *testing.T) {
	in := newInstallation(t, "-- docker-compose.override.yml --\nservices: {}\n# ${OVERRIDDEN}\n",
		"-- docker-compose.cpu.yml --\nservices:\n  dashboard:\n    image: ${WEBUI_IMAGE:-example/dashboard:1}\n    environment: [\"A=$$NOT_READ\"]\n",
		inFolder("data/extensions-library", "evil", "", "env_vars: [{key: WEBUI_IMAGE}, {key: NOT_READ}, {key: OVERRIDDEN}]"))
	_, err := in.client.Configure(t.Context(), "evil", values("WEBUI_IMAGE=evil/image"))
	in.wantRefusal(err, problem.InvalidConfig, `extension "evil": WEBUI_IMAGE belongs to the platform: …`)
	_, err = in.client.Configure(t.Context(), "evil", values("NOT_READ=a", "OVERRIDDEN=b"))
	in.must(err)
}

func TestConfigure_BoundsWhatOneExtensionFills(t *testing.T) {
	var vars []string
	for i := range 30 {
		vars = append(vars, fmt.Sprintf("{key: BIG_%d}", i))
	}
	in := configured(t)
	in.add(inFolder("data/extensions-library", "big", "", "env_vars: ["+strings.Join(vars, ", ")+"]"))
	api, value := in.asAPI(), strings.Repeat("it's $$", 5<<10)
	_, err := api.Configure(t.Context(), "big", values("BIG_0="+value, "BIG_1="+value))
	in.wantRefusal(err, problem.InvalidConfig, `extension "big": its values are larger than 64 KiB together: give shorter ones`)

	in.setEnv("FILLER=" + strings.Repeat("x", 250<<10))
	_, err = api.Configure(t.Context(), "big", values("BIG_0="+value))
	in.wantRefusal(err, problem.InvalidConfig, "$INSTALL/.env is fuller than the 256 KiB that are open to others than its owner: `dream config big` can still set values")
	_, err = in.client.Configure(t.Context(), "big", values("BIG_0="+value))
	in.must(err)
	_, err = api.Configure(t.Context(), "big", catalog.ConfigChange{Unset: []string{"BIG_0"}})
	in.must(err)
}

func TestConfigure_MakesNoEnvWithoutTheKeysOfThePlatform(t *testing.T) {
	in := prepare(t, inFolder("data/extensions-library", "app", "", "env_vars: [{key: APP_NAME}]"))
	in.must(os.Remove(in.path(".env")))
	_, err := agent.ChangeConfig(in.settings, "app", values("APP_NAME=x"))
	in.wantRefusal(err, problem.Unavailable, "there is no $INSTALL/.env: `dream init` makes it, with the keys that the platform needs")
	if _, err := os.Stat(in.path(".env")); !os.IsNotExist(err) {
		t.Errorf(".env is there: %v", err)
	}
}

func TestConfigure_TakesTextAlone(t *testing.T) {
	in := configured(t)
	for _, body := range []string{"{\"values\": {\"APP_USER\": \"a\xff\"}}", `{"values": {"APP_USER": "\ud83d"}}`} {
		status, reply := in.request(http.MethodPut, "/v1/extension/app/env", body)
		if status != http.StatusUnprocessableEntity || !strings.Contains(reply, "is not UTF-8 text") {
			t.Errorf("%q: %d %s, want that it is no text", body, status, reply)
		}
	}
}

// The key in .env is the one that the API knows, whoever changes it at the same time, and nobody else's key gives way.
func TestConfigure_KeyOfTheAPIStaysOne(t *testing.T) {
	const fragment = "services:\n  app:\n    image: example/app:1\n    environment: [\"A=${APP_KEY:?}\"]\n"
	const vars = "env_vars: [{key: APP_KEY, secret: true, required: true, generate: {format: api-key}}]"
	in := newInstallation(t, inFolder("data/extensions-library", "app", fragment, vars))
	generate := catalog.ConfigChange{Generate: []string{"APP_KEY"}}
	for range 10 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := in.client.Configure(t.Context(), "app", generate); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		env, err := config.ReadEnv(in.path(".env"))
		in.must(err)
		known, err := config.ReadAPIKey(in.settings.APIKeysDir(), "extension-app.json")
		in.must(err)
		if known.SHA256 != config.DigestOf(env["APP_KEY"]) {
			t.Fatal("the key in .env is not the one that the API knows")
		}
	}
	_, err := in.client.Configure(t.Context(), "app", values("APP_KEY="+strings.Repeat("0", 64)))
	in.must(err)
	if files, err := config.ListAPIKeyFiles(in.settings.APIKeysDir()); err != nil || len(files) > 0 {
		t.Errorf("keys %v, %v; want that the one before is taken back", files, err)
	}

	const owners = `{"scope":"operate","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","created":"2026-01-02T03:04:05Z"}`
	in.must(os.WriteFile(in.settings.APIKeysDir()+"/extension-app.json", []byte(owners), 0o644))
	_, err = in.client.Configure(t.Context(), "app", generate)
	in.wantRefusal(err, problem.Conflict, "extension \"app\": its key of the API would replace the key extension-app, which somebody else made: `dream key remove extension-app`")
	_, err = in.client.Configure(t.Context(), "app", catalog.ConfigChange{Unset: []string{"APP_KEY"}})
	in.must(err)
	if data, err := os.ReadFile(in.settings.APIKeysDir() + "/extension-app.json"); err != nil || string(data) != owners {
		t.Errorf("the owner's key is %s, %v", data, err)
	}
}
