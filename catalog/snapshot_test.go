package catalog_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// line is what matters of an entry, on one line.
func line(e catalog.Entry) string {
	words := []string{e.ID, string(e.Source), string(e.Status)}
	if e.Installable {
		words = append(words, "installable")
	}
	if e.Toggles {
		words = append(words, "toggles")
	}
	s := strings.Join(words, " ")
	if e.Problem != "" {
		s += ": " + e.Problem
	}
	return s
}

func (in *installation) skipped() []string {
	in.t.Helper()
	var out []string
	for _, s := range in.Snapshot().Skipped {
		out = append(out, in.anonymous(fmt.Sprintf("%s (%s): %s", s.Path, s.ID, s.Reason)))
	}
	return out
}

func index(entries string) string {
	return "-- config/extensions-catalog.json --\n{\"schema_version\": \"1.0.0\", \"extensions\": [" + entries + "]}\n"
}

func TestSnapshot_Statuses(t *testing.T) {
	tests := []struct {
		name    string
		files   []string
		want    string // of notes
		skipped []string
	}{
		{name: "in the library", files: []string{library("notes")}, want: "notes library not_installed installable"},
		{name: "in the index alone", files: []string{index(`{"id": "notes"}`)}, want: "notes library not_installed"},
		{name: "in the index, for another GPU", files: []string{index(`{"id": "notes", "gpu_backends": ["nvidia"]}`)}, want: "notes library incompatible"},
		{name: "in the library, for another GPU", files: []string{library("notes", "gpu_backends: [nvidia]")}, want: "notes library incompatible"},
		{name: "in the library, for any machine", files: []string{library("notes", "gpu_backends: [none]")}, want: "notes library not_installed installable"},
		{name: "the library's folder wins over the index", files: []string{index(`{"id": "notes", "gpu_backends": ["nvidia"]}`), library("notes")}, want: "notes library not_installed installable"},
		{name: "in the library without a compose file", files: []string{"-- data/extensions-library/notes/manifest.yaml --\n" + manifestOf("notes")}, want: `notes library not_installed: extension "notes" has no compose.yaml: it cannot be installed`},
		{name: "enabled", files: []string{library("notes"), enabled("notes")}, want: "notes user enabled toggles"},
		{name: "disabled", files: []string{disabled("notes")}, want: "notes user disabled toggles"},
		{name: "enabled by another file name", files: []string{archive("data/user-extensions", "notes", "docker.yaml", []string{"compose_file: docker.yaml"})}, want: "notes user enabled toggles"},
		{name: "enabled on another GPU", files: []string{enabled("notes", "gpu_backends: [nvidia]")}, want: "notes user enabled toggles: made for nvidia; this machine's GPU_BACKEND is cpu"},
		{name: "disabled on another GPU", files: []string{disabled("notes", "gpu_backends: [nvidia]")}, want: "notes user disabled toggles: made for nvidia; this machine's GPU_BACKEND is cpu"},
		{name: "enabled, for a later platform", files: []string{later("data/user-extensions/notes", "compose.yaml")}, want: "notes user enabled toggles: needs Dream Server 3.0.0 or newer, and this is 2.1.0: update Dream Server first"},
		{name: "installed without a compose file", files: []string{"-- data/user-extensions/notes/manifest.yaml --\n" + manifestOf("notes")}, want: "notes user disabled toggles: has neither compose.yaml nor compose.yaml.disabled"},
		{name: "built in, enabled", files: []string{builtin("notes", "compose.yaml")}, want: "notes core enabled toggles"},
		{name: "built in, disabled", files: []string{builtin("notes", "compose.yaml.disabled")}, want: "notes core disabled toggles"},
		{name: "built in, a program of the host", files: []string{"-- extensions/services/notes/manifest.yaml --\n" + manifestOf("notes", "type: host-systemd")}, want: "notes core disabled"},
		{name: "core", files: []string{core("notes")}, want: "notes core enabled"},

		{
			name: "installed over a built-in one", files: []string{builtin("notes", "compose.yaml.disabled"), enabled("notes")}, want: "notes core disabled toggles",
			skipped: []string{`$INSTALL/data/user-extensions/notes (notes): id "notes" belongs to a built-in extension`},
		},
		{
			name: "installed with a broken manifest", files: []string{library("notes"), enabled("notes"), "-- data/user-extensions/notes/manifest.yaml --\n- a\n"},
			want:    "notes user enabled toggles: notes/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys",
			skipped: []string{"$INSTALL/data/user-extensions/notes (notes): notes/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys"},
		},
		{
			name: "installed, calling itself core", files: []string{enabled("notes", "category: core")},
			want:    "notes user enabled toggles: category core is the platform's own: use optional or recommended",
			skipped: []string{"$INSTALL/data/user-extensions/notes (notes): category core is the platform's own: use optional or recommended"},
		},
		{
			name: "installed with a name of the platform", files: []string{"-- config/core-service-ids.json --\n[\"notes\"]\n", disabled("notes")},
			want:    `notes user disabled toggles: the id "notes" is reserved for the platform: give the extension another one`,
			skipped: []string{`$INSTALL/data/user-extensions/notes (notes): the id "notes" is reserved for the platform: give the extension another one`},
		},
		{
			name: "in the library with a name of the platform", files: []string{"-- config/core-service-ids.json --\n[\"notes\"]\n", index(`{"id": "notes"}`), library("notes")},
			skipped: []string{`$INSTALL/data/extensions-library/notes (notes): the id "notes" is reserved for the platform: give the extension another one`},
		},
		{
			name: "broken in the library", files: []string{index(`{"id": "notes"}`), brokenManifest("")},
			skipped: []string{"$INSTALL/data/extensions-library/notes (notes): notes/manifest.yaml: is empty: write schema_version and service"},
		},
		{
			name: "built in and broken", files: []string{"-- extensions/services/notes/manifest.yaml --\n"},
			skipped: []string{"$INSTALL/extensions/services/notes (notes): notes/manifest.yaml: is empty: write schema_version and service"},
		},
		{
			name: "broken index", files: []string{"-- config/extensions-catalog.json --\n{", library("notes")}, want: "notes library not_installed installable",
			skipped: []string{"$INSTALL/config/extensions-catalog.json (): catalogue index: unexpected end of JSON input: run `dream init` to restore it"},
		},
		{
			name: "broken list of reserved ids", files: []string{"-- config/core-service-ids.json --\n{}", library("notes")}, want: "notes library not_installed installable",
			skipped: []string{"$INSTALL/config/core-service-ids.json (): core-service-ids.json: json: cannot unmarshal object into Go value of type []string: write a list of ids"},
		},
		{name: "our own folders are none", files: []string{library("notes"), enabled(".staging-notes")}, want: "notes library not_installed installable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.files...)
			got := ""
			if e, ok := in.Snapshot().Find("notes"); ok {
				got = line(e)
			}
			wantEqual(t, "notes", tt.want, got)
			wantEqual(t, "skipped", tt.skipped, in.skipped())
		})
	}
}

// Whatever is wrong with an installed extension, its owner gets rid of it.
func TestManager_RemovesWhatIsBroken(t *testing.T) {
	for _, files := range []string{
		enabled("notes") + "-- data/user-extensions/notes/manifest.yaml --\n\x00\n",
		enabled("notes", "category: core"),
		enabled("notes", "gpu_backends: [nvidia]"),
		strings.Replace(enabled("notes"), "id: notes", "id: other", 1),
		enabled("operations"),
	} {
		in := newInstallation(t, files)
		id, _, _ := strings.Cut(in.userExtensions(), "/")
		in.mustDo("disable "+id, "uninstall "+id)
		wantEqual(t, "user-extensions", "", in.userExtensions())
	}
}

func shop(t *testing.T) *installation {
	return newInstallation(t,
		builtin("search", "compose.yaml", "category: recommended", "aliases: [find]"),
		enabled("notes"), disabled("chat"),
		library("chess"), library("paint", "gpu_backends: [nvidia]"),
	)
}

func TestSnapshot_ListAndCount(t *testing.T) {
	yes, no := true, false
	s := shop(t).Snapshot()
	tests := []struct {
		name   string
		filter catalog.Filter
		ids    string
		counts catalog.Counts
	}{
		{name: "all", ids: "chat chess dashboard notes paint search", counts: catalog.Counts{Total: 6, Installed: 4, Enabled: 3, Disabled: 1, NotInstalled: 1, Incompatible: 1}},
		{name: "of a category", filter: catalog.Filter{Category: "recommended"}, ids: "search", counts: catalog.Counts{Total: 1, Installed: 1, Enabled: 1}},
		{name: "of no category", filter: catalog.Filter{Category: "ghosts"}},
		{name: "for this GPU", filter: catalog.Filter{GPUCompatible: &yes}, ids: "chat chess dashboard notes search", counts: catalog.Counts{Total: 5, Installed: 4, Enabled: 3, Disabled: 1, NotInstalled: 1}},
		{name: "for another GPU", filter: catalog.Filter{GPUCompatible: &no}, ids: "paint", counts: catalog.Counts{Total: 1, Incompatible: 1}},
		{name: "both", filter: catalog.Filter{Category: "optional", GPUCompatible: &no}, ids: "paint", counts: catalog.Counts{Total: 1, Incompatible: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := s.List(tt.filter)
			var ids []string
			for _, e := range list {
				ids = append(ids, e.ID)
			}
			wantEqual(t, "ids", tt.ids, strings.Join(ids, " "))
			wantEqual(t, "counts", tt.counts, catalog.Count(list))
		})
	}
}

func TestSnapshot_ResolveName(t *testing.T) {
	in := shop(t)
	in.add(strings.ReplaceAll(brokenManifest(""), "/notes/", "/torn/"))
	in.add(strings.ReplaceAll(brokenManifest(manifestOf("desk", "container_name: dream-front")), "/notes/", "/desk/"))
	s := in.Snapshot()
	for _, tt := range []struct{ name, want, err string }{
		{name: "notes", want: "notes"},
		{name: "find", want: "search"},
		{name: "dream-chat", want: "chat"},
		{name: "dream-front", want: "desk"}, // its manifest calls the container so
		{name: "torn", want: "torn"},        // whoever asks for it learns what is wrong with it
		{name: "note", err: `no extension is called "note"; did you mean notes?`},
		{name: "chats", err: `no extension is called "chats"; did you mean chat, chess?`},
		{name: "zz", err: "no extension is called \"zz\": `dream list` shows all"},
		{name: "", err: "no extension is called \"\": `dream list` shows all"},
		{name: "überall", err: "no extension is called \"überall\": `dream list` shows all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.ResolveName(tt.name)
			if got != tt.want || anonymous(err, "$") != tt.err {
				t.Errorf("got %q, %v; want %q, %s", got, err, tt.want, tt.err)
			}
			if err != nil && !problem.HasCode(err, problem.NotFound) {
				t.Errorf("code %s, want not_found", problem.As(err).Code)
			}
		})
	}
}

func TestSnapshot_WritesNothing(t *testing.T) {
	in := newInstallation(t)
	in.Snapshot()
	if _, err := os.Stat(in.path("data")); err == nil {
		t.Error("reading made the data folder")
	}
}

func TestSnapshot_SaysThatTheLibraryIsThere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files string
		want  bool
	}{
		{"missing", "", false},
		{"a file in it", "-- data/extensions-library/README --\n", false},
		{"an extension", library("notes"), true},
		{"a broken one", brokenManifest(""), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newInstallation(t, tt.files).Snapshot().LibraryAvailable; got != tt.want {
				t.Errorf("LibraryAvailable = %t, want %t", got, tt.want)
			}
		})
	}
}
