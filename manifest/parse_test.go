package manifest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/manifest"
)

// minimal is a manifest with what is required and nothing else.
const minimal = `schema_version: dream.services.v1
service:
  id: notes
  name: Notes
  port: 3000
`

func TestParse_ReadsTheWholeContract(t *testing.T) {
	tests := []struct {
		file string
		want manifest.Manifest
	}{
		{file: "notes.yaml", want: manifest.Manifest{
			SchemaVersion: "dream.services.v1",
			Compatibility: manifest.Compatibility{DreamMin: "2.0.0", DreamMax: "2.1"},
			Service: manifest.Service{
				ID: "notes", Name: "Notes (Team Wiki)",
				Description: "Pages that a team writes together.\nEverything stays on this machine.",
				Aliases:     []string{"wiki", "note-pad"},
				Category:    manifest.Recommended, Type: manifest.Docker,
				ContainerName: "dream-notes", ComposeFile: "compose.yaml",
				DependsOn:   []string{"llama-server", "notes-db"},
				GPUBackends: []string{"amd", "nvidia", "apple", "cpu"},
				Port:        3000, ExternalPortEnv: "NOTES_PORT", ExternalPortDefault: 7812,
				HostEnv: "NOTES_HOST", DefaultHost: "notes",
				Health: "/api/health", HealthPort: 3001, HealthTimeout: 15,
				UIPath: "/", SidebarIcon: "NotebookPen",
				EnvVars: []manifest.EnvVar{
					{Key: "NOTES_SECRET", Type: manifest.SecretVar, Required: true, Secret: true, Description: "Signs the sessions"},
					{Key: "NOTES_LIMIT", Type: manifest.StringVar, Default: new("010"), Description: "Pages for each person"},
					{Key: "NOTES_OPEN", Type: manifest.BooleanVar, Default: new("false")},
					{Key: "NOTES_MOTTO", Type: manifest.StringVar, Default: new("")},
					{Key: "NOTES_THEME", Type: manifest.StringVar},
				},
				Tags: []string{"wiki"},
			},
			Features: []manifest.Feature{{
				ID: "team-wiki", Name: "Team Wiki", Description: "Write pages together", Icon: "BookOpen", Category: "productivity",
				Requirements: manifest.Requirements{
					Services: []string{"notes"}, ServicesAll: []string{"notes-db"}, ServicesAny: []string{"llama-server", "ollama"},
					VRAMGB: 4, DiskGB: 1.5,
				},
				EnabledServicesAll: []string{"notes"}, EnabledServicesAny: []string{"llama-server"},
				SetupTime: "~2 minutes", Priority: 4, GPUBackends: []string{"amd", "nvidia"},
			}},
			Tags: []string{"wiki", "local"},
		}},
		{file: "terminal.yaml", want: manifest.Manifest{
			SchemaVersion: "dream.services.v1",
			Service: manifest.Service{
				ID: "terminal-tool", Name: "Terminal Tool", Aliases: []string{"tt"},
				Category: manifest.Optional, Type: manifest.Docker, ContainerName: "dream-terminal-tool",
				DependsOn: []string{}, GPUBackends: []string{"all"},
				HostEnv: "TERMINAL_TOOL_HOST", DefaultHost: "terminal-tool",
			},
		}},
		{file: "desktop.yaml", want: manifest.Manifest{
			SchemaVersion: "dream.services.v1",
			Compatibility: manifest.Compatibility{DreamMin: "2.0.0"},
			Service: manifest.Service{
				ID: "desktop", Name: "Desktop (Editor)", Category: manifest.Core, Type: manifest.HostSystemd,
				GPUBackends: []string{"amd", "nvidia"},
				Port:        3003, ExternalPortEnv: "DESKTOP_PORT", ExternalPortDefault: 3003,
				DefaultHost: "localhost", Health: "/",
			},
			Features: []manifest.Feature{{
				ID: "editing", Name: "Editing", Description: "Edit in the browser", Icon: "Code", Category: "development",
				Requirements: manifest.Requirements{Services: []string{}}, EnabledServicesAll: []string{}, Priority: 6,
			}},
		}},
		{file: "scraper.json", want: manifest.Manifest{
			SchemaVersion: "dream.services.v1",
			Service: manifest.Service{
				ID: "scraper", Name: "Scraper 😀 \\u0041", Category: manifest.Optional, Type: manifest.Docker,
				DependsOn: []string{"searxng"}, GPUBackends: []string{"amd", "nvidia"}, Port: 8080, Health: "/health",
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "ok", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := manifest.Parse(tt.file, data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_AcceptsEveryWayToWriteIt(t *testing.T) {
	want, err := manifest.Parse("m", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in string }{
		{"windows line ends", strings.ReplaceAll(minimal, "\n", "\r\n")},
		{"byte order mark", "\ufeff" + minimal},
		{"document marks", "---\n" + minimal + "...\n"},
		{"json", `{"schema_version":"dream.services.v1","service":{"id":"notes","name":"Notes","port":3000}}`},
		{"keys without a value", minimal + "  health:\n  aliases: null\nfeatures:\ntags: ~\n"},
		{"an anchor used once", strings.Replace(minimal, "id: notes\n  name: Notes", "id: &id notes\n  container_name: ''\n  default_host: ''\n  name: Notes", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := manifest.Parse("m", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			agree(t, []byte(tt.in))
		})
	}
}

func TestParse_FollowsAnAlias(t *testing.T) {
	m, err := manifest.Parse("m", []byte(minimal+"  gpu_backends: &gpus [nvidia]\nfeatures:\n  - {id: a, name: a, description: a, icon: a, category: a, priority: 1, gpu_backends: *gpus}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nvidia"}, m.Features[0].GPUBackends); diff != "" {
		t.Errorf("gpu_backends of the feature (-want +got):\n%s", diff)
	}
}

// A document that is no manifest is refused with its kind and the way out.
func TestParse_RefusesWhatIsNoManifest(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", "m: is empty: write schema_version and service"},
		{"comments alone", "# nothing\n\n", "m: is empty: write schema_version and service"},
		{"null", "~\n", "m: is empty: write schema_version and service"},
		{"a list", "- a\n- b\n", "m:1: is a list, not a mapping: write schema_version and service as keys"},
		{"text", "\nhello\n", "m:2: is text (\"hello\"), not a mapping: write schema_version and service as keys"},
		{"a number", "42", "m:1: is a number (42), not a mapping: write schema_version and service as keys"},
		{"UTF-16", "\xff\xfes\x00", "m: is UTF-16: save it as UTF-8"},
		{"binary", "a: b\n\x7fELF\x00", "m:2: byte 0x00 is not text: save the file as UTF-8"},
		{"latin 1", "a: b\nname: caf\xe9\n", "m:2: byte 0xe9 is not text: save the file as UTF-8"},
		{"two documents", minimal + "---\nb: 2\n", "m:6: a second document starts here: keep one manifest in one file"},
		{"not YAML", "a: b\nc: [d\ne: f\n", "m:2: is not valid YAML: did not find expected ',' or ']': check the indentation and quotes near this line"},
		{"unknown anchor", "a: *b\n", "m: is not valid YAML: unknown anchor 'b' referenced: check the indentation and quotes near this line"},
		{"tab", "a:\n  b: 1\n\tc: 2\n", "m:2: is not valid YAML: found a tab character that violates indentation: check the indentation and quotes near this line"},
		{"indentation", "a: b\nc:\n   d: 1\n  e: 2\n", "m:4: is not valid YAML: did not find expected key: check the indentation and quotes near this line"},
		{"too large", "a: " + strings.Repeat("b", manifest.MaxBytes), "m: is larger than the 262144 bytes that a manifest may have: keep long texts in other files"},
		{"nothing of it", "version: '3'\nservices: {}\n", `m:1: schema_version: is missing: write schema_version: dream.services.v1
m:1: service: is missing: write service with id, name and port`},
		{"older", strings.Replace(minimal, "services.v1", "services.v0", 1), `m:1: schema_version: "dream.services.v0" is not dream.services.v1: write schema_version: dream.services.v1`},
		{"newer", "service: []\nschema_version: dream.services.v2\n", `m:2: schema_version: "dream.services.v2" is newer than the dream.services.v1 that this program reads: update Dream Server`},
		{"no mapping below service", "schema_version: dream.services.v1\nservice:\n  - id: a\n", "m:3: service: is a list, not a mapping: write keys below it"},
		{"deep", strings.Repeat("a: {", 60) + strings.Repeat("}", 60), "m:1: is nested more than 50 levels deep here: write it flatter"},
		{"alias to itself", "a: &a [*a]\n", "m:1: is nested more than 50 levels deep here: write it flatter"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := manifest.Parse("m", []byte(tt.in))
			wantError(t, err, tt.want)
			if m != nil {
				t.Errorf("Parse = %+v beside an error, want nil", m)
			}
			agree(t, []byte(tt.in))
		})
	}
}

// wantError compares the whole text, and that each line of it is an issue.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	var e *manifest.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a *manifest.Error with\n%s", err, want)
	}
	if diff := cmp.Diff(want, e.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if got, want := len(e.Issues), 1+strings.Count(want, "\n"); got != want {
		t.Errorf("%d issues, want %d", got, want)
	}
}

// Ten lines of aliases stand for a billion values; yaml.v3's own decoder would make them.
func TestParse_RefusesAliasBombsQuickly(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		alias := "*a" + string(rune('0'+i-1))
		bomb.WriteString("a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.Repeat(alias+", ", 8) + alias + "]\n")
	}
	tests := []struct{ name, in, want string }{
		{"1 KB", bomb.String(), "m:4: holds more than 5000 values, aliases counted in full: write less"},
		{"5 MB", "a: &a [x]\nb: [" + strings.Repeat("*a,", 5<<20/3) + "]\n", "m: is larger than the 262144 bytes that a manifest may have: keep long texts in other files"},
		{"250 KB", "a: &a [x]\nb: [" + strings.Repeat("*a,", 250<<10/3) + "]\n", "m:2: holds more than 5000 values, aliases counted in full: write less"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			_, err := manifest.Parse("m", []byte(tt.in))
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v, want a fraction of a second", took)
			}
			var e *manifest.Error
			if !errors.As(err, &e) || len(e.Issues) != 1 || e.Issues[0].String() != tt.want {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("testdata/ok/notes.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifest.Parse("notes.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
