package scaffold_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/scaffold"
	"dreamserver/manifest"
)

// variablesOf are the declared variables as short texts: type, what is said of a value, and how it is made.
func variablesOf(t *testing.T, c *scaffold.Conversion) map[string]string {
	t.Helper()
	m, err := manifest.Parse("manifest.yaml", c.Files[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, v := range m.Service.EnvVars {
		text := string(v.Type)
		if v.Default != nil {
			text += " " + *v.Default
		}
		switch {
		case v.Generate != nil:
			text += " made"
		case v.Required && v.Secret && m.Service.Generator(v) == nil:
			text += " asked for"
		case v.Required:
			text += " required"
		}
		all[v.Key] = text
	}
	return all
}

// What env_file names is somebody's configuration: nothing in it that may be a secret is published, under any name.
func TestConvert_PublishesNoSecretOfAFile(t *testing.T) {
	secrets := map[string]string{
		"GITHUB_PAT": "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "STRIPE": "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "MAIL_AUTH": "ann:opensesame",
		"NOTION_TOKEN": "tok-123", "SLACK": "xoxb-1-2-abc", "BUCKET": "AKIAIOSFODNN7EXAMPLE", "PEM": "-----BEGIN KEY-----", "ID": "550e8400-e29b-41d4-a716-446655440000",
		"HOOK": "https://hooks.example.com/services/T0/B0/a1b2c3d4e5f6a7b8c9d0", "SEED": "dontpanic", "spring.mail.password": "dotted-secret", "DB_PASSWORD": "outside-secret",
		"CACHE_URL": "redis://:url-secret@cache.example.com:6379/0", "APP_SECRET": "made-anew", "POSTGRES_PASSWORD": "inside-secret", "ODD_URL": "http://u:p/w$d@h/",
	}
	lines := "LANGUAGE=en\nSIZE=12\nDB_HOST=db.example.com\nPG_HOST=pg\nGREETING=a {b}\nWORKERS=\n"
	for key, value := range secrets {
		lines += fmt.Sprintf("%s='%s'\n", key, value)
	}
	_, src := besideFolder(t, map[string]string{"app.env": lines, "pg.env": "POSTGRES_PASSWORD=inside-secret\nLANGUAGE=de\n"})
	src.Data = []byte(`services: {web: {image: "a/b:1", ports: ["80:80"], env_file: app.env}, pg: {image: "postgres:16", env_file: pg.env}}`)
	c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "f1", Health: "/"}, src)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files {
		for key, value := range secrets {
			if strings.Contains(string(f.Content), value) || strings.Contains(string(f.Content), "url-secret") {
				t.Errorf("%s holds %s=%s", f.Name, key, value)
			}
		}
	}
	if diff := cmp.Diff(map[string]string{
		"F1_PORT": "port 7900", "F1_LANGUAGE": "string en", "F1_LANGUAGE_2": "string de", "F1_SIZE": "string 12", "F1_DB_HOST": "string db.example.com",
		"F1_GITHUB_PAT": "secret asked for", "F1_STRIPE": "secret asked for", "F1_MAIL_AUTH": "secret asked for", "F1_NOTION_TOKEN": "secret asked for", "F1_SLACK": "secret asked for",
		"F1_BUCKET": "secret asked for", "F1_PEM": "secret asked for", "F1_ID": "secret asked for", "F1_HOOK": "secret asked for", "F1_SEED": "secret asked for",
		"F1_SPRING_MAIL_PASSWORD": "secret asked for", "F1_DB_PASSWORD": "secret asked for", "F1_CACHE_PASSWORD": "secret asked for", "F1_ODD_URL": "secret asked for",
		"F1_APP_SECRET": "secret made", "F1_POSTGRES_PASSWORD": "secret made",
	}, variablesOf(t, c)); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		"services.web.environment.GITHUB_PAT: no longer holds the secret, which only its owner knows: F1_GITHUB_PAT is asked for",
		"services.web.environment.APP_SECRET: no longer holds the example's secret: the extension makes one of its own",
	} {
		if !strings.Contains(notesOf(c), want) {
			t.Errorf("no %q in\n%s", want, notesOf(c))
		}
	}
	text := string(c.Files[1].Content)
	for _, want := range []string{"PG_HOST: f1-pg\n", "GREETING: a {b}\n", "WORKERS: \"\"\n", "redis://:${F1_CACHE_PASSWORD:?"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	want(t, scan(t, lay(t, "f1", c.Files)))
}

// Compose reads .env beside the file: it chooses versions and ports, and its secrets stay behind.
func TestConvert_TakesDefaultsOfDotEnv(t *testing.T) {
	_, src := besideFolder(t, map[string]string{".env": "TAG=2.4\nWEB_PORT=8300\nTITLE=Ours\nDEPLOY=ghp_16C7e42F292c6912E7710c838347Ae178B4a\nDB_PASSWORD=hunter2\nDATA=/srv/data\nZONE=eu\n"})
	src.Data = []byte(`services:
  web:
    image: f1/notes:${TAG}
    ports: ["${WEB_PORT:-80}:80"]
    volumes: ["${DATA}:/data"]
    environment: {TITLE: "${TITLE:-Theirs}", DEPLOY: "${DEPLOY}", DB_URL: "postgres://u:${DB_PASSWORD}@db/x", ZONE: , KEPT: "costs $$5"}
  db: {image: "postgres:${PG:-16}", env_file: .env, environment: {POSTGRES_PASSWORD: "${DB_PASSWORD}"}}
`)
	c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "f1", Health: "/"}, src)
	if err != nil {
		t.Fatal(err)
	}
	text := string(c.Files[1].Content)
	for _, want := range []string{"image: f1/notes:2.4\n", "127.0.0.1:${F1_PORT:-8300}:80", "${F1_TITLE:-Ours}", "${F1_ZONE:-eu}", "costs $$5", "./data/f1/data:/data", "postgres://u:${F1_DB_PASSWORD:?", "POSTGRES_PASSWORD: ${F1_DB_PASSWORD:?"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, f := range c.Files {
		if strings.Contains(string(f.Content), "ghp_") || strings.Contains(string(f.Content), "hunter2") {
			t.Errorf("%s holds a secret:\n%s", f.Name, f.Content)
		}
	}
	got := variablesOf(t, c)
	if got["F1_DEPLOY"] != "secret asked for" || got["F1_DB_PASSWORD"] != "secret made" || got["F1_TITLE"] != "string Ours" {
		t.Errorf("variables %v", got)
	}
	for _, want := range []string{"changed: .env: gives the defaults of TAG, TITLE, WEB_PORT, ZONE\n", "changed: .env: holds secrets, whose values stay behind: DB_PASSWORD, DEPLOY\n"} {
		if !strings.Contains(notesOf(c), want) {
			t.Errorf("no %q in\n%s", want, notesOf(c))
		}
	}
}

// Nobody can make the password of a database that somebody else runs.
func TestConvert_AsksForPasswordsOfHostsElsewhere(t *testing.T) {
	for env, want := range map[string]string{
		`{DB_HOST: "db.example.com:5432", DB_PASSWORD: hunter2}`:          "secret asked for",
		`{DB_HOST: db.example.com, DB_PASSWORD: "${DB_PASSWORD}"}`:        "secret asked for",
		`{DB_URL: "postgres://u:hunter2@db.example.com/x"}`:               "secret asked for",
		`{DB_URL: "postgres://u:${DB_PASSWORD}@db.example.com/x"}`:        "secret asked for",
		`{DB_URL: "postgres://u:hunter2@db/x"}`:                           "secret made",
		`{DB_HOST: "${DB_HOST:-db}", DB_PASSWORD: "${DB_PASSWORD:?set}"}`: "secret made",
		`{DB_HOST: db_box, DB_PASSWORD: hunter2}`:                         "secret made",
	} {
		src := scaffold.Source{Name: "f", Data: []byte(`services: {web: {image: "a/b:1", ports: ["80:80"], environment: ` + env + `}, db: {image: "postgres:16", container_name: db_box}}`)}
		c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "f1"}, src)
		if err != nil {
			t.Fatal(err)
		}
		if got := variablesOf(t, c)["F1_DB_PASSWORD"]; got != want {
			t.Errorf("%s: %q, want %q", env, got, want)
		}
	}
}
