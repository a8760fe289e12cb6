package catalog_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"dreamserver/internal/problem"
)

const reserved = `-- config/core-service-ids.json --
["dashboard", "n8n"]
`

// Everything that is refused leaves the disk as it was, and asks nothing of the agent that would change something.
func TestManager_RefusesAndChangesNothing(t *testing.T) {
	tests := []struct {
		name    string
		files   []string
		prepare func(in *installation) // what an archive cannot hold
		do      string
		code    problem.Code
		want    string
	}{
		// Ids.
		{name: "traversal", do: "install ../x", code: problem.NotFound, want: noID(`"../x"`)},
		{name: "escaped traversal", do: "enable %2e%2e", code: problem.NotFound, want: noID(`"%2e%2e"`)},
		{name: "line break", do: "disable notes\n", code: problem.NotFound, want: noID(`"notes\n"`)},
		{name: "300 characters", do: "uninstall " + strings.Repeat("a", 300), code: problem.NotFound, want: noID(`"` + strings.Repeat("a", 80) + `…"`)},
		{name: "upper case", do: "start Notes", code: problem.NotFound, want: noID(`"Notes"`)},
		{name: "empty", do: "stop ", code: problem.NotFound, want: noID(`""`)},
		{name: "dot", do: "restart .", code: problem.NotFound, want: noID(`"."`)},
		{name: "logs of no id", do: "logs a/b", code: problem.NotFound, want: noID(`"a/b"`)},

		// What is not there.
		{name: "install what the library lacks", files: []string{library("notes")}, do: "install ghost", code: problem.NotFound, want: `extension "ghost" is not in the library`},
		{name: "enable what nobody knows", do: "enable ghost", code: problem.NotFound, want: unknownID},
		{name: "disable what nobody knows", do: "disable ghost", code: problem.NotFound, want: unknownID},
		{name: "uninstall what nobody knows", do: "uninstall ghost", code: problem.NotFound, want: unknownID},
		{name: "start what nobody knows", do: "start ghost", code: problem.NotFound, want: unknownID},
		{name: "stop what nobody knows", do: "stop ghost", code: problem.NotFound, want: unknownID},
		{name: "logs of what nobody knows", do: "logs ghost", code: problem.NotFound, want: unknownID},
		{name: "enable before install", files: []string{library("notes")}, do: "enable notes", code: problem.NotFound, want: notInstalled},
		{name: "disable before install", files: []string{library("notes")}, do: "disable notes", code: problem.NotFound, want: notInstalled},
		{name: "uninstall before install", files: []string{library("notes")}, do: "uninstall notes", code: problem.NotFound, want: notInstalled},
		{name: "no library", do: "install notes", code: problem.LibraryUnavailable, want: "the extensions library $INSTALL/data/extensions-library is missing or empty: run `dream init`"},

		// Core and reserved.
		{name: "install a core service", do: "install dashboard", code: problem.CoreService, want: isCore},
		{name: "enable a core service", do: "enable dashboard", code: problem.CoreService, want: isCore},
		{name: "disable a core service", do: "disable dashboard", code: problem.CoreService, want: isCore},
		{name: "uninstall a core service", do: "uninstall dashboard", code: problem.CoreService, want: isCore},
		{name: "stop a core service", do: "stop dashboard", code: problem.CoreService, want: isCore},
		{name: "uninstall what is built in", files: []string{builtin("search", "compose.yaml.disabled")}, do: "uninstall search", code: problem.CoreService, want: `extension "search" is built in and cannot be uninstalled: disable it instead`},
		{name: "install what is built in", files: []string{builtin("search", "compose.yaml"), library("search")}, do: "install search", code: problem.AlreadyInstalled, want: "extension \"search\" is built in and already installed: enable it with `dream enable search`"},
		{name: "install a name of the platform", files: []string{library("operations")}, do: "install operations", code: problem.ReservedID, want: `the id "operations" is reserved for the platform (data/operations holds the records of changes): give the extension another one`},
		{name: "install a built-in id that is not built in here", files: []string{reserved, library("n8n")}, do: "install n8n", code: problem.ReservedID, want: `the id "n8n" is reserved for the platform: give the extension another one`},
		{name: "install what calls itself core", files: []string{library("notes", "category: core")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": category core is the platform's own: use optional or recommended`},

		// The state does not allow it.
		{name: "install twice", files: []string{library("notes"), enabled("notes")}, do: "install notes", code: problem.AlreadyInstalled, want: "extension \"notes\" is already installed: if the library has changed, `dream disable notes && dream uninstall notes && dream install notes` takes its files anew; its data stays"},
		{name: "install what is disabled", files: []string{library("notes"), disabled("notes")}, do: "install notes", code: problem.AlreadyInstalled, want: "extension \"notes\" is already installed: if the library has changed, `dream uninstall notes && dream install notes` takes its files anew; its data stays"},
		{name: "enable twice", files: []string{enabled("notes")}, do: "enable notes", code: problem.AlreadyEnabled, want: `extension "notes" is already enabled`},
		{name: "disable twice", files: []string{disabled("notes")}, do: "disable notes", code: problem.AlreadyDisabled, want: `extension "notes" is already disabled`},
		{name: "uninstall what is enabled", files: []string{enabled("notes")}, do: "uninstall notes", code: problem.StillEnabled, want: "Disable extension before uninstalling it: `dream disable notes`"},
		{name: "start what is disabled", files: []string{disabled("notes")}, do: "start notes", code: problem.NotEnabled, want: "extension \"notes\" is disabled: enable it first with `dream enable notes`"},
		{name: "restart what is not installed", files: []string{library("notes")}, do: "restart notes", code: problem.NotEnabled, want: "extension \"notes\" is not installed: enable it first with `dream enable notes`"},

		// Dependencies.
		{name: "install without its dependencies", files: []string{library("app", "depends_on: [db, queue]"), library("db"), disabled("queue")}, do: "install app", code: problem.MissingDependencies, want: "Missing dependencies: db, queue. Install or enable them first, in this order"},
		{name: "enable without its dependencies", files: []string{disabled("app", "depends_on: [web]"), disabled("web", "depends_on: [db]"), disabled("db")}, do: "enable app", code: problem.MissingDependencies, want: "Missing dependencies: db, web. Enable them first, in this order, or use `dream enable --with-dependencies app`"},
		{name: "start while a dependency's dependency is off", files: []string{enabled("app", "depends_on: [web]"), enabled("web", "depends_on: [db]"), disabled("db")}, do: "start app", code: problem.MissingDependencies, want: "Missing dependencies: db. Enable them first, in this order, or use `dream enable --with-dependencies app`"},
		{name: "a dependency nobody has", files: []string{disabled("app", "depends_on: [ghost]")}, do: "enable --with-dependencies app", code: problem.MissingDependencies, want: `extension "app": Missing dependencies: ghost, which is neither installed nor in the library`},
		{name: "cycle", files: []string{disabled("app", "depends_on: [a]"), disabled("a", "depends_on: [b]"), disabled("b", "depends_on: [c]"), disabled("c", "depends_on: [a]")}, do: "enable app", code: problem.DependencyCycle, want: "dependency cycle: a → b → c → a: one of them must not depend on the next"},
		{name: "cycle with dependencies", files: []string{disabled("a", "depends_on: [b]"), disabled("b", "depends_on: [a]")}, do: "enable --with-dependencies a", code: problem.DependencyCycle, want: "dependency cycle: a → b → a: one of them must not depend on the next"},

		// The machine.
		{name: "install for another GPU", files: []string{library("paint", "gpu_backends: [nvidia, amd]")}, do: "install paint", code: problem.Incompatible, want: `extension "paint" runs on nvidia, amd; this machine's GPU_BACKEND is cpu`},
		{name: "enable for another GPU", files: []string{disabled("paint", "gpu_backends: [nvidia]")}, do: "enable paint", code: problem.Incompatible, want: `extension "paint" runs on nvidia; this machine's GPU_BACKEND is cpu`},
		{name: "enable a program of the host", files: []string{"-- extensions/services/tool/manifest.yaml --\n" + manifestOf("tool", "type: host-systemd")}, do: "enable tool", code: problem.Conflict, want: `extension "tool" is a program of the host and runs no container: there is nothing to enable`},
		{name: "install for a later platform", files: []string{later("data/extensions-library/notes", "compose.yaml")}, do: "install notes", code: problem.Incompatible, want: `extension "notes" needs Dream Server 3.0.0 or newer, and this is 2.1.0: update Dream Server first`},
		{name: "enable for a later platform", files: []string{later("data/user-extensions/notes", "compose.yaml.disabled")}, do: "enable notes", code: problem.Incompatible, want: `extension "notes" needs Dream Server 3.0.0 or newer, and this is 2.1.0: update Dream Server first`},

		// The library's entry.
		{
			name: "library entry is a link", files: []string{library("other"), enabled("elsewhere")}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(os.Symlink("../user-extensions/elsewhere", in.path("data/extensions-library/notes")))
			},
			want: `the library's entry "notes" is a symlink: replace it by the folder itself`,
		},
		{
			name: "library entry is a FIFO", files: []string{library("other")}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) { in.must(syscall.Mkfifo(in.path("data/extensions-library/notes"), 0o644)) },
			want:    `the library's entry "notes" is not a folder`,
		},
		{
			name: "link inside", files: []string{library("notes"), "-- data/extensions-library/notes/web/index.html --\n"}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(os.Symlink("/etc/passwd", in.path("data/extensions-library/notes/web/users")))
			},
			want: `extension "notes": web/users is a symlink: replace it by the file itself`,
		},
		{
			name: "FIFO inside", files: []string{library("notes")}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) { in.must(syscall.Mkfifo(in.path("data/extensions-library/notes/pipe"), 0o644)) },
			want:    `extension "notes": pipe is neither a file nor a folder (p---------): remove it`,
		},
		{
			name: "socket inside", files: []string{library("notes")}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(syscall.Mknod(in.path("data/extensions-library/notes/sock"), syscall.S_IFSOCK|0o644, 0))
			},
			want: `extension "notes": sock is neither a file nor a folder (S---------): remove it`,
		},
		{
			name: "51 MB", files: []string{library("notes"), "-- data/extensions-library/notes/model.bin --\n"}, do: "install notes", code: problem.ExtensionTooLarge,
			prepare: func(in *installation) {
				in.must(os.Truncate(in.path("data/extensions-library/notes/model.bin"), 51<<20))
			},
			want: `extension "notes": larger than 50 MB: ship what is big in the image`,
		},
		{
			name: "compose file is a link", files: []string{library("notes")}, do: "install notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(os.Remove(in.path("data/extensions-library/notes/compose.yaml")))
				in.must(os.Symlink("manifest.yaml", in.path("data/extensions-library/notes/compose.yaml")))
			},
			want: `extension "notes": compose.yaml is not a regular file (symlink, folder or device)`,
		},
		{name: "no compose file", files: []string{"-- data/extensions-library/notes/manifest.yaml --\n" + manifestOf("notes")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes" has no compose.yaml: it cannot be installed`},
		{name: "another id than its folder", files: []string{strings.Replace(library("notes"), "id: notes", "id: other", 1)}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": service.id "other" is not the name of its folder, "notes": rename one of them`},
		{name: "no manifest", files: []string{"-- data/extensions-library/notes/compose.yaml --\n" + fragmentOf("notes")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": notes: no manifest.yaml, manifest.yml or manifest.json: file does not exist`},
		{name: "empty manifest", files: []string{brokenManifest("")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": notes/manifest.yaml: is empty: write schema_version and service`},
		{name: "manifest is a list", files: []string{brokenManifest("- a\n")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": notes/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys`},
		{name: "manifest is binary", files: []string{brokenManifest("\x00\x01\xff\n")}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": notes/manifest.yaml:1: byte 0x00 is not text: save the file as UTF-8`},
		{name: "manifest is an alias bomb", files: []string{brokenManifest(aliasBomb)}, do: "install notes", code: problem.InvalidExtension, want: `extension "notes": notes/manifest.yaml:4: holds more than 5000 values, aliases counted in full: write less`},

		// What was installed was changed by hand.
		{
			name: "enable through a link", files: []string{disabled("notes")}, do: "enable notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(os.Remove(in.path("data/user-extensions/notes/compose.yaml.disabled")))
				in.must(os.Symlink("/etc/passwd", in.path("data/user-extensions/notes/compose.yaml.disabled")))
			},
			want: `extension "notes": compose.yaml.disabled is a symlink or special file, not a regular file: it was changed by hand, install the extension again`,
		},
		{
			name: "disable through a link", files: []string{enabled("notes")}, do: "disable notes", code: problem.InvalidExtension,
			prepare: func(in *installation) {
				in.must(os.Remove(in.path("data/user-extensions/notes/compose.yaml")))
				in.must(os.Symlink("/etc/passwd", in.path("data/user-extensions/notes/compose.yaml")))
			},
			want: `extension "notes": compose.yaml is a symlink or special file, not a regular file: it was changed by hand, install the extension again`,
		},
		{
			name: "uninstall a link", files: []string{disabled("other")}, do: "uninstall notes", code: problem.InvalidExtension,
			prepare: func(in *installation) { in.must(os.Symlink("other", in.path("data/user-extensions/notes"))) },
			want:    `$INSTALL/data/user-extensions/notes is a symlink, not the folder that was installed: remove it by hand`,
		},
		{
			name: "enable a link", files: []string{disabled("other")}, do: "enable notes", code: problem.InvalidExtension,
			prepare: func(in *installation) { in.must(os.Symlink("other", in.path("data/user-extensions/notes"))) },
			want:    `extension "notes": is a symlink: replace it by the folder itself`,
		},
		{name: "both file names", files: []string{enabled("notes"), "-- data/user-extensions/notes/compose.yaml.disabled --\n"}, do: "disable notes", code: problem.InvalidExtension, want: `extension "notes" has both compose.yaml and compose.yaml.disabled: remove one of them`},
		{name: "neither file name", files: []string{"-- data/user-extensions/notes/manifest.yaml --\n" + manifestOf("notes")}, do: "enable notes", code: problem.InvalidExtension, want: `extension "notes": has neither compose.yaml nor compose.yaml.disabled`},
		{name: "disable without a compose file", files: []string{"-- data/user-extensions/notes/manifest.yaml --\n" + manifestOf("notes")}, do: "disable notes", code: problem.AlreadyDisabled, want: `extension "notes" is already disabled`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.files...)
			if tt.prepare != nil {
				tt.prepare(in)
			}
			changed := func(string) error { t.Error("the agent was asked to change something"); return nil }
			in.agent.stop, in.agent.remove = changed, changed
			before := in.disk("")
			_, err := in.do(tt.do)
			in.wantRefusal(err, tt.code, tt.want)
			wantEqual(t, "disk", before, in.disk(""))
		})
	}
}

const (
	unknownID    = "extension \"ghost\" is not installed and not in the library: `dream list` shows all"
	notInstalled = "extension \"notes\" is not installed: install it with `dream install notes`"
	isCore       = `"dashboard" is a core service: it is always on and cannot be changed`

	aliasBomb = `a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
`
)

func noID(quoted string) string {
	return quoted + " is no extension id: an id has lower-case letters, digits, - and _, begins with a letter or digit, and has at most 63 characters"
}

func brokenManifest(text string) string {
	return "-- data/extensions-library/notes/manifest.yaml --\n" + text + "-- data/extensions-library/notes/compose.yaml --\n" + fragmentOf("notes")
}

func later(folder, compose string) string {
	return "-- " + folder + "/manifest.yaml --\n" + manifestOf("notes") + "compatibility:\n  dream_min: 3.0.0\n" +
		"-- " + folder + "/" + compose + " --\n" + fragmentOf("notes")
}
