package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dreamserver/manifest"
)

const notes = "schema_version: dream.services.v1\nservice: {id: notes, name: Notes, port: 0, env_vars: [{KEY}], data_dirs: [{DIR}]}\n"

// parseVar reads a manifest with one variable.
func parseVar(t *testing.T, text string) (manifest.EnvVar, error) {
	t.Helper()
	data := []byte(strings.NewReplacer("{KEY}", text, "{DIR}", "").Replace(notes))
	agree(t, data)
	m, err := manifest.Parse("manifest.yaml", data)
	if err != nil {
		return manifest.EnvVar{}, err
	}
	return m.Service.EnvVars[0], nil
}

func TestParse_InfersWhatAVariableIs(t *testing.T) {
	for text, want := range map[string]manifest.VarType{
		"{key: A}":                            manifest.StringVar,
		"{key: A, secret: true}":              manifest.SecretVar,
		"{key: A, type: secret}":              manifest.SecretVar,
		"{key: A_PORT}":                       manifest.PortVar,
		"{key: A_PORT, default: 7000}":        manifest.PortVar,
		"{key: A_PORT, default: auto}":        manifest.StringVar,
		"{key: A_URL}":                        manifest.URLVar,
		"{key: A_URL, default: http://a:1/b}": manifest.URLVar,
		"{key: A_URL, default: a}":            manifest.StringVar,
		"{key: A, default: true}":             manifest.BooleanVar,
		"{key: A, default: 3}":                manifest.StringVar,
		"{key: A_PORT, type: string}":         manifest.StringVar,
		"{key: DB_PASSWORD}":                  manifest.SecretVar,
		"{key: PASSWORD, default: x}":         manifest.SecretVar,
		"{key: A_TOKEN, secret: false}":       manifest.StringVar,
		"{key: A_TOKEN, type: string}":        manifest.StringVar,
		"{key: A_PUBLIC_KEY}":                 manifest.StringVar,
		"{key: MAX_TOKENS}":                   manifest.StringVar,
	} {
		v, err := parseVar(t, text)
		if err != nil || v.Type != want || v.Secret != (want == manifest.SecretVar) {
			t.Errorf("%s: %+v, %v; want type %s", text, v, err, want)
		}
	}
}

func TestService_GeneratesTheSecretsThatAreItsOwn(t *testing.T) {
	notes := manifest.Service{ID: "notes-app"}
	given := "x"
	for _, tt := range []struct {
		v    manifest.EnvVar
		want *manifest.Generate
	}{
		{manifest.EnvVar{Key: "JWT_SECRET", Secret: true}, &manifest.Generate{Format: "hex", Bytes: 32}},
		{manifest.EnvVar{Key: "CREDS_IV", Secret: true}, &manifest.Generate{Format: "hex", Bytes: 16}},
		{manifest.EnvVar{Key: "NOTES_API_KEY", Secret: true}, &manifest.Generate{Format: "hex", Bytes: 32}},
		{manifest.EnvVar{Key: "OPENAI_API_KEY", Secret: true}, nil},
		{manifest.EnvVar{Key: "HF_TOKEN", Secret: true}, nil},
		{manifest.EnvVar{Key: "NOTES_USER"}, nil},
		{manifest.EnvVar{Key: "NOTES_PASSWORD", Secret: true, Default: &given}, nil},
		{manifest.EnvVar{Key: "NOTES_PIN", Secret: true, Pattern: "[0-9]{4}"}, nil},
		{manifest.EnvVar{Key: "HF_TOKEN", Secret: true, Generate: &manifest.Generate{Format: "base64", Bytes: 8}}, &manifest.Generate{Format: "base64", Bytes: 8}},
	} {
		if diff := cmp.Diff(tt.want, notes.Generator(tt.v)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.v.Key, diff)
		}
	}
}

func TestEnvVar_SampleIsAValueThatItTakes(t *testing.T) {
	for text, want := range map[string]string{
		"{key: A, example: e}":                              "e",
		"{key: A, default: d}":                              "d",
		"{key: A, type: enum, options: [fast, slow]}":       "fast",
		"{key: A_PORT}":                                     "8080",
		"{key: A_URL}":                                      "https://example.org",
		"{key: A, type: integer}":                           "10",
		"{key: A, type: boolean}":                           "true",
		"{key: N8N_USER, description: Admin email address}": "you@example.org",
		"{key: A_USERNAME}":                                 "admin",
		"{key: A_USER, pattern: '[0-9]+'}":                  "",
		"{key: A_TOKEN, example: e}":                        "",
		"{key: A}":                                          "",
	} {
		if v, err := parseVar(t, text); err != nil || v.Sample() != want {
			t.Errorf("%s: %q, %v; want %q", text, v.Sample(), err, want)
		}
	}
}

func TestService_VariablesHaveThePublishedPort(t *testing.T) {
	s := manifest.Service{ID: "notes", Port: 8080, ExternalPortEnv: "NOTES_PORT", ExternalPortDefault: 9000, EnvVars: []manifest.EnvVar{{Key: "A"}}}
	if v, ok := s.Find("NOTES_PORT"); !ok || v.Type != manifest.PortVar || *v.Default != "9000" {
		t.Errorf("NOTES_PORT is %+v, %v; want a port with the default 9000", v, ok)
	}
	s.EnvVars = append(s.EnvVars, manifest.EnvVar{Key: "NOTES_PORT", Type: manifest.StringVar})
	if v, _ := s.Find("NOTES_PORT"); v.Type != manifest.StringVar || len(s.Variables()) != 2 {
		t.Errorf("NOTES_PORT is %+v of %d; want the manifest's own of 2", v, len(s.Variables()))
	}
	if _, ok := s.Find("B"); ok {
		t.Error("B is found, and nothing declares it")
	}
}

func TestParse_RefusesAVariableThatContradictsItself(t *testing.T) {
	for text, want := range map[string]string{
		"{key: A, type: date}":                                           `service.env_vars[0].type: "date" is not known: write string, integer, boolean, enum, port, url or secret`,
		"{key: A, type: enum}":                                           "service.env_vars[0].options: is missing: list the values of the enum",
		"{key: A, options: [a]}":                                         "service.env_vars[0].options: is for an enum: write type: enum, or take it out",
		"{key: A, type: enum, options: [a, b], default: c}":              "service.env_vars[0].default: is not one of a, b: mend it, or the type",
		"{key: A, type: integer, default: x}":                            "service.env_vars[0].default: is not a whole number: mend it, or the type",
		"{key: A, pattern: '['}":                                         `service.env_vars[0].pattern: "[" is not a regular expression (RE2)`,
		"{key: A, pattern: 'x{1001}'}":                                   `service.env_vars[0].pattern: "x{1001}" is not a regular expression (RE2)`,
		"{key: A, pattern: '(?:(?:a?){100}){10}(?:b?){1000}c{900}'}":     "service.env_vars[0].pattern: is too costly to match, because it repeats repetitions: write a simpler one",
		"{key: A, pattern: '(?:(?:a?b?c?d?){10}){100}b'}":                "service.env_vars[0].pattern: is too costly to match, because it repeats repetitions: write a simpler one",
		"{key: A, pattern: '" + strings.Repeat("a", 201) + "'}":          "service.env_vars[0].pattern: is longer than 200 bytes: write a simpler one",
		"{key: A, pattern: '[a-z]+', example: A}":                        "service.env_vars[0].example: does not match [a-z]+: mend it, or the type",
		"{key: A, generate: {bytes: 32}}":                                "service.env_vars[0].generate: is for secrets: write secret: true, or take it out",
		"{key: A, secret: true, generate: {bytes: 4}}":                   "service.env_vars[0].generate.bytes: 4 bytes can be guessed: write 8 to 64",
		"{key: A, secret: true, generate: {format: rot13}}":              `service.env_vars[0].generate.format: "rot13" is not known: write hex, base64 or api-key`,
		"{key: A, secret: true, generate: {format: api-key, bytes: 16}}": "service.env_vars[0].generate.bytes: is 16, and a key of the API has 32: take the line out",
		"{key: A, secret: true, generate: {bytes: 65}}":                  "service.env_vars[0].generate.bytes: 65 is larger than 64: write 8 to 64",
		"{key: A, type: url, default: 'http://'}":                        "service.env_vars[0].default: is not a URL such as http://host:8080: mend it, or the type",
		"{key: A, type: port, example: '0'}":                             "service.env_vars[0].example: is not a port from 1 to 65535: mend it, or the type",
		"{key: A, type: boolean, default: maybe, description: b}":        "service.env_vars[0].default: is neither true nor false: mend it, or the type",
	} {
		_, err := parseVar(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

func TestEnvVar_Check(t *testing.T) {
	for _, tt := range []struct {
		v     manifest.EnvVar
		value string
		want  string
	}{
		{manifest.EnvVar{Type: manifest.StringVar}, "a\n\"b' $c # 😀", ""},
		{manifest.EnvVar{Type: manifest.StringVar}, "a\x00b", "holds a NUL byte, which no environment can have"},
		{manifest.EnvVar{Type: manifest.SecretVar}, strings.Repeat("x", 1<<20), "is longer than 65536 bytes"},
		{manifest.EnvVar{Type: manifest.IntegerVar}, "-3", ""},
		{manifest.EnvVar{Type: manifest.IntegerVar}, "3.5", "is not a whole number"},
		{manifest.EnvVar{Type: manifest.BooleanVar}, "Yes", ""},
		{manifest.EnvVar{Type: manifest.PortVar}, "65536", "is not a port from 1 to 65535"},
		{manifest.EnvVar{Type: manifest.StringVar, Pattern: "a|b"}, "ab", "does not match a|b"},
		{manifest.EnvVar{Type: manifest.StringVar, Pattern: "a|b"}, "b", ""},
		{manifest.EnvVar{Type: manifest.StringVar, Pattern: "a*"}, strings.Repeat("a", 1025), "is longer than the 1024 bytes of a value that has a pattern"},
	} {
		if got := tt.v.Check(tt.value); got != tt.want {
			t.Errorf("Check(%.20q) of %s = %q, want %q", tt.value, tt.v.Type, got, tt.want)
		}
	}
}

func TestParse_DataDirs(t *testing.T) {
	parse := func(text string) ([]manifest.DataDir, error) {
		data := []byte(strings.NewReplacer("{KEY}", "", "{DIR}", text).Replace(notes))
		agree(t, data)
		m, err := manifest.Parse("manifest.yaml", data)
		if err != nil {
			return nil, err
		}
		return m.Service.DataDirs, nil
	}
	got, err := parse(`{path: ., uid: 1000, gid: 100, mode: "0750"}, {path: a/b/}`)
	want := []manifest.DataDir{{Path: ".", UID: 1000, GID: 100, Mode: 0o750}, {Path: "a/b", UID: -1, GID: -1}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]string{
		`{uid: 1}`:                    `service.data_dirs[0].path: is missing: write a folder below ./data/<id>, or "."`,
		`{path: ../n8n}`:              `"../n8n" is not a folder below ./data/<id>`,
		`{path: /etc}`:                `"/etc" is not a folder below ./data/<id>`,
		`{path: a, mode: 0755}`:       `not a mode: write octal digits in quotes, such as "0750"`,
		`{path: a, mode: "4755"}`:     "not a mode",
		`{path: a, mode: "rwx"}`:      "not a mode",
		`{path: a, uid: -1}`:          "is not a whole number from 0",
		`{path: a, gid: 99999999999}`: "is larger than",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
}

// A stranger's manifest is parsed by a program that runs as root: what its patterns cost together is bounded, also where
// aliases give many variables one long default.
func TestParse_BoundsWhatPatternsCost(t *testing.T) {
	dear := "(?:(?:" + strings.Repeat("a?", 80) + "){10}){100}b"
	if _, err := parseVar(t, "{key: A, pattern: '"+dear+"'}"); err == nil || !strings.Contains(err.Error(), "is too costly to match") {
		t.Errorf("%v, want that the pattern is too costly", err)
	}
	vars := []string{"{key: A0, default: &d " + strings.Repeat("a", 1000) + "}"}
	for i := range 30 {
		vars = append(vars, fmt.Sprintf("{key: B%d, default: *d, pattern: 'a{900}a*'}", i))
	}
	_, err := manifest.Parse("manifest.yaml", []byte("schema_version: dream.services.v1\nservice: {id: notes, name: Notes, port: 0, env_vars: ["+strings.Join(vars, ", ")+"]}\n"))
	if err == nil || !strings.Contains(err.Error(), "service.env_vars[3].pattern: makes all patterns together too costly to match: write simpler ones") {
		t.Errorf("%v, want that the third pattern is one too many", err)
	}
}
