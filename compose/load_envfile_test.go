package compose_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/compose"
	"dreamserver/internal/problem"
)

func TestLoad_PutsEnvFilesIntoEnvironment(t *testing.T) {
	in := input("web", `
services:
  web:
    image: x
    env_file: [a.env, ./conf/b.env, {path: nobody.env, required: false}, {path: raw.env, required: true}]
    environment: [OWN=here, EMPTY]
  web-db: {image: x, env_file: a.env}
`)
	in.Env = map[string]string{"GIVEN": "given"}
	in.Folder = fstest.MapFS{
		"a.env":      {Data: []byte("# comment\nFIRST=a\nBOTH=a\nOWN=a\nEMPTY=a\nQUOTED='a $b'\n")},
		"conf/b.env": {Data: []byte("\ufeffBOTH=b\r\nREF=${GIVEN}-${UNKNOWN:-none}\r\nGIVEN\r\nUNSET\r\n")},
		"raw.env":    {Data: []byte("RAW=\"two words\"\n")},
	}
	u := load(t, in)
	wantYAML(t, `
services:
  web:
    image: x
    environment: {FIRST: a, BOTH: b, OWN: here, QUOTED: "a $$b", REF: given-none, GIVEN: given, RAW: two words}
  web-db:
    image: x
    environment: {FIRST: a, BOTH: a, OWN: a, EMPTY: a, QUOTED: "a $$b"}
`, u.Project)
}

func TestLoad_RefusesAnEnvFile(t *testing.T) {
	folder := fstest.MapFS{
		"link.env": {Data: []byte("../secret.env"), Mode: fs.ModeSymlink | 0o777},
		"dir/x":    {},
		"bad.env":  {Data: []byte("hunter2 is no pair\n")},
		"big.env":  {Data: []byte(strings.Repeat("A=1\n", 1<<19))},
	}
	tests := []struct {
		name, in string
		folder   fs.FS
		want     string
	}{
		{"missing", "nobody.env", folder, `env_file "nobody.env": file does not exist`},
		{"above", "../.env", folder, `env_file "../.env" lies outside the extension's folder`},
		{"climbs", "a/../../.env", folder, `env_file "a/../../.env" lies outside the extension's folder`},
		{"absolute", "/etc/environment", folder, `env_file "/etc/environment" lies outside the extension's folder`},
		{"link", "link.env", folder, `env_file "link.env" is a symlink, not a regular file`},
		{"folder", "dir", folder, `env_file "dir" is a folder, not a regular file`},
		{"not pairs", "bad.env", folder, `env_file "bad.env" is not KEY=value lines`},
		{"too large", "big.env", folder, `env_file "big.env" is larger than 524288 bytes`},
		{"unit without a folder", "a.env", nil, `env_file "a.env" lies outside the extension's folder`},
		{"interpolated", "${WHERE:-/etc}/shadow", folder, `env_file "/etc/shadow" lies outside the extension's folder`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input("web", lines("services:", "  web:", "    image: x", "    env_file:", "      - "+tt.in))
			in.Folder = tt.folder
			_, err := compose.Load(t.Context(), in)
			wantRefusal(t, err, problem.InvalidExtension,
				`extension "web": compose.yaml:5: `+tt.want+"; ship the file in the extension's folder or remove the line",
				"compose.yaml:5: services.web.env_file.0: "+tt.want)
		})
	}
}

func TestLoad_AnOptionalEnvFileMustNotLeaveTheFolder(t *testing.T) {
	in := input("web", `services: {web: {image: x, env_file: [{path: ../../.env, required: false}]}}`)
	in.Folder = fstest.MapFS{}
	_, err := compose.Load(t.Context(), in)
	wantRefusal(t, err, problem.InvalidExtension, `extension "web": compose.yaml:1: env_file "../../.env" lies outside the extension's folder; `+
		"ship the file in the extension's folder or remove the line")
}

func TestLoad_PutsLabelFilesIntoLabels(t *testing.T) {
	in := input("web", `services: {web: {image: x, label_file: [a.labels, b.labels], labels: {own: here}}}`)
	in.Folder = fstest.MapFS{
		"a.labels": {Data: []byte("first=a\nboth=a\nown=a\n")},
		"b.labels": {Data: []byte("both=b\n")},
	}
	wantYAML(t, `services: {web: {image: x, labels: {first: a, both: b, own: here}}}`, load(t, in).Project)
	in.Folder = fstest.MapFS{}
	_, err := compose.Load(t.Context(), in)
	wantRefusal(t, err, problem.InvalidExtension,
		`extension "web": compose.yaml:1: label_file "a.labels": file does not exist; ship the file in the extension's folder or remove the line`,
		`compose.yaml:1: services.web.label_file.0: label_file "a.labels": file does not exist`)
}
