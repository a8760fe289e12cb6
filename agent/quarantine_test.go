package agent_test

import (
	"cmp"
	"os"
	"strings"
	"syscall"
	"testing"

	"dreamserver/internal/problem"
)

// An extension that is wrong is refused by name, and the one beside it starts and stops.

func TestStart_RefusesWhatIsWrongAndStartsTheOthers(t *testing.T) {
	tests := []struct {
		name    string
		files   []string
		prepare func(in *installation)
		code    problem.Code
		want    string
		id      string // of what is started; bad when it is empty
	}{
		{name: "manifest is a list", files: []string{extension("bad", ""), "-- data/user-extensions/bad/manifest.yaml --\n- a\n"}, code: problem.Quarantined, want: `extension "bad" takes no part: bad/manifest.yaml:1: is a list, not a mapping: write schema_version and service as keys`},
		{name: "for another GPU", files: []string{strings.Replace(extension("bad", ""), "[all]", "[nvidia]", 1)}, code: problem.Quarantined, want: `extension "bad" takes no part: made for nvidia; this machine is cpu`},
		{name: "services is a list", files: []string{extension("bad", "services: [a]\n")}, code: problem.InvalidExtension, want: "extension \"bad\": data/user-extensions/bad/compose.yaml:1: services must be a mapping of names to services, not a list; write `services:` and below it `<name>:`"},
		{name: "names the project", files: []string{extension("bad", "name: mine\nservices: {bad: {image: x}}\n")}, code: problem.InvalidExtension, want: `extension "bad": data/user-extensions/bad/compose.yaml:1: name would rename the whole project; remove the line: the platform names the project`},
		{name: "service named like another", files: []string{extension("bad", "services: {good: {image: x}}\n")}, code: problem.ScanRefused, want: "extension \"bad\" is refused by the security scan:\ndata/user-extensions/bad/compose.yaml:1: services.good: name \"good\" belongs to extension \"good\"; choose a name that begins with bad"},
		{name: "service named like nobody", files: []string{extension("bad", "services: {other: {image: x}}\n")}, code: problem.ScanRefused, want: "extension \"bad\" is refused by the security scan:\ndata/user-extensions/bad/compose.yaml:1: services.other: service \"other\" is not named like its extension; call it bad or bad-…"},
		{name: "service named like a longer id that is off", files: []string{extension("bad", "services: {bad-web: {image: x}}\n"), "-- data/user-extensions/bad-web/compose.yaml.disabled --\n"}, code: problem.ScanRefused, want: "extension \"bad\" is refused by the security scan:\ndata/user-extensions/bad/compose.yaml:1: services.bad-web: name \"bad-web\" belongs to extension \"bad-web\"; choose a name that begins with bad"},
		{name: "id is another's service", files: []string{extension("bad", ""), inFolder("extensions/services", "ba", "services: {ba: {image: x}, ba-d: {image: x}}\n"), extension("ba-d", "")}, id: "ba-d", code: problem.InvalidExtension, want: `extension "ba-d" would take the place of service "ba-d" of extension "ba": give it another id`},
		{name: "declares a secret of the platform", files: []string{extension("bad", "", "env_vars: [{key: SOME}, {key: DREAM_AGENT_KEY}]")}, code: problem.ScanRefused, want: "extension \"bad\" is refused by the security scan:\ndata/user-extensions/bad/manifest.yaml:8: service.env_vars.1.key: DREAM_AGENT_KEY is a secret of the platform: no extension gets it; remove it, or give the variable a name of your own"},
		{name: "declares a secret of another extension", files: []string{extension("bad", "", "env_vars: [{key: VAULT_TOKEN}]"), inFolder("extensions/services", "vault", "", "env_vars: [{key: VAULT_TOKEN, secret: true}]")}, code: problem.ScanRefused, want: `extension "bad" is refused by the security scan:…VAULT_TOKEN is a secret of extension "vault"; …`},
		{name: "port of a core service", files: []string{extension("bad", "services: {bad: {image: x, ports: [\"127.0.0.1:3001:80\"]}}\n", "external_port_env: BAD_PORT")}, code: problem.PortTaken, want: `extension "bad": data/user-extensions/bad/compose.yaml:1: services.bad.ports.0: port 3001 belongs to core service "dashboard"; publish another port: 3002 is free, or set BAD_PORT in .env`},
		{name: "port of another extension that is off for now", files: []string{extension("bad", "services: {bad: {image: x, ports: [\"127.0.0.1:7000:80\"]}}\n"), extension("first", "", "external_port_default: 7000")}, code: problem.PortTaken, want: `extension "bad": data/user-extensions/bad/compose.yaml:1: services.bad.ports.0: port 7000 belongs to extension "first"; publish another port: 7001 is free`},
		{name: "service named like a core one", files: []string{extension("bad", "services: {dashboard: {image: x}}\n")}, code: problem.ScanRefused, want: `extension "bad" is refused by the security scan:…`},
		{name: "depends on nobody", files: []string{extension("bad", "services: {bad: {image: x, depends_on: [ghost]}}\n")}, code: problem.InvalidExtension, want: `extension "bad": data/user-extensions/bad/compose.yaml:1: service "bad" depends on "ghost", which no enabled extension defines; enable the extension that has "ghost", or remove the dependency`},
		{
			name: "depends on what is wrong", files: []string{extension("bad", "services: {bad: {image: x, depends_on: [worse]}}\n"), extension("worse", "services: {worse: {image: x, privileged: true}}\n")},
			code: problem.ScanRefused, want: `extension "bad" needs "worse": extension "worse" is refused by the security scan:…`,
		},
		{name: "no service at all", files: []string{extension("bad", "services: {}\n")}, code: problem.InvalidExtension, want: `extension "bad" defines no service for GPU_BACKEND cpu: nothing could run`},
		{name: "for a later platform", files: []string{strings.Replace(extension("bad", ""), "schema_version:", "compatibility: {dream_min: 9.0.0}\nschema_version:", 1)}, code: problem.Incompatible, want: `extension "bad" needs Dream Server 9.0.0 or newer, and this is 2.1.0: update Dream Server first`},
		{name: "privileged", files: []string{extension("bad", "services: {bad: {image: x, privileged: true}}\n")}, code: problem.ScanRefused, want: `extension "bad" is refused by the security scan:…`},
		{name: "privileged by an overlay", files: []string{extension("bad", ""), "-- data/user-extensions/bad/compose.cpu.yaml --\nservices: {bad: {privileged: true}}\n"}, code: problem.ScanRefused, want: `extension "bad" is refused by the security scan:…data/user-extensions/bad/compose.cpu.yaml:1: services.bad.privileged: …`},
		{name: "another's data", files: []string{extension("bad", "services: {bad: {image: x, volumes: [\"./data/good:/x\"]}}\n")}, code: problem.ScanRefused, want: `extension "bad" is refused by the security scan:…`},
		{name: "calls itself core", files: []string{extension("bad", "", "category: core", "compose_file: compose.yaml")}, code: problem.Quarantined, want: `extension "bad" takes no part: category core is the platform's own: use optional or recommended`},
		{name: "calls itself core, with an overlay alone", files: []string{extension("bad", "", "category: core"), "-- data/user-extensions/bad/compose.cpu.yaml --\nservices: {good: {privileged: true}}\n"}, code: problem.Quarantined, want: `extension "bad" takes no part: category core is the platform's own: use optional or recommended`},
		{name: "a name that is kept for a built-in one", files: []string{extension("bad", ""), "-- config/core-service-ids.json --\n[\"bad\"]\n"}, code: problem.Quarantined, want: `extension "bad" takes no part: the id "bad" is reserved for the platform`},
		{name: "a built-in one whose manifest is broken", files: []string{extension("bad", ""), "-- extensions/services/bad/manifest.yaml --\n"}, code: problem.Quarantined, want: `extension "bad" takes no part: bad/manifest.yaml: is empty: write schema_version and service`},
		{
			name: "compose file swapped for a link", files: []string{extension("bad", "")}, code: problem.Quarantined, want: `extension "bad" takes no part: compose.yaml is a symlink, not a regular file`,
			prepare: func(in *installation) {
				in.swap("bad/compose.yaml", func(f string) error { return os.Symlink("../good/compose.yaml", f) })
			},
		},
		{
			name: "compose file swapped for a FIFO", files: []string{extension("bad", "")}, code: problem.Quarantined, want: `extension "bad" takes no part: compose.yaml is a FIFO, not a regular file`,
			prepare: func(in *installation) {
				in.swap("bad/compose.yaml", func(f string) error { return syscall.Mkfifo(f, 0o666) })
			},
		},
		{
			name: "shipped file swapped for a link", files: []string{extension("bad", ""), "-- data/user-extensions/bad/conf --\n"}, code: problem.InvalidExtension, want: `extension "bad": conf is a symlink: replace it by the file itself`,
			prepare: func(in *installation) {
				in.swap("bad/conf", func(f string) error { return os.Symlink("/etc/shadow", f) })
			},
		},
		{
			name: "overlay is a FIFO", files: []string{extension("bad", "")}, code: problem.Quarantined, want: `extension "bad" takes no part: compose.cpu.yaml is a FIFO, not a regular file`,
			prepare: func(in *installation) {
				in.must(syscall.Mkfifo(in.path("data/user-extensions/bad/compose.cpu.yaml"), 0o666))
			},
		},
		{
			name: "folder swapped for a link", files: []string{extension("bad", "")}, code: problem.Quarantined, want: `extension "bad" takes no part: is a symlink: replace it by the folder itself`,
			prepare: func(in *installation) { in.swap("bad", func(f string) error { return os.Symlink("good", f) }) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, append(tt.files, extension("good", ""))...)
			if tt.prepare != nil {
				tt.prepare(in)
			}
			_, err := in.start(cmp.Or(tt.id, "bad"))
			in.wantRefusal(err, tt.code, tt.want)
			wantEqual(t, "calls", nil, in.docker.calls())
			in.mustStart("good")
			in.must(in.client.Stop(t.Context(), "good"))
		})
	}
}

// swap puts something else in place of a file or folder of an installed extension.
func (in *installation) swap(name string, with func(file string) error) {
	in.t.Helper()
	file := in.path("data/user-extensions/" + name)
	in.must(os.RemoveAll(file))
	in.must(with(file))
}

// An id of our own would make data/<id>, which the scan allows, one of our folders.
func TestStart_RefusesOurOwnNames(t *testing.T) {
	for _, id := range []string{"operations", "user-extensions", "extensions-library", "models", "config"} {
		in := newInstallation(t, extension(id, "services: {"+id+": {image: x, volumes: [\"./data/"+id+":/x\"]}}\n"))
		_, err := in.start(id)
		in.wantRefusal(err, problem.Quarantined, `extension "`+id+`" takes no part: the id "`+id+`" is reserved for the platform`)
	}
}

func TestCheck_JudgesWhatIsNotInstalled(t *testing.T) {
	in := newInstallation(t, inFolder("data/extensions-library", "app", ""), inFolder("data/extensions-library", "bad", "services: {bad: {image: x, privileged: true}}\n"),
		inFolder("data/extensions-library", "king", "", "category: core", "compose_file: compose.yaml"))
	v, err := in.client.Check(t.Context(), "app", true)
	in.must(err)
	if v.Verdict.Verdict != "accept" || len(v.Services) != 1 {
		t.Errorf("verdict %+v", v)
	}
	if _, err = in.client.Check(t.Context(), "bad", true); !problem.HasCode(err, problem.ScanRefused) {
		t.Errorf("check: %v, want code scan_refused", err)
	}
	_, err = in.client.Check(t.Context(), "king", true)
	in.wantRefusal(err, problem.InvalidExtension, `extension "king": category core is the platform's own: use optional or recommended`)
	_, err = in.client.Check(t.Context(), "ghost", true)
	in.wantRefusal(err, problem.InvalidExtension, `extension "ghost": ghost: no manifest.yaml, manifest.yml or manifest.json: file does not exist`)
	_, err = in.client.Check(t.Context(), "app", false)
	in.wantRefusal(err, problem.NotFound, `extension "app" is not installed`)
}

// What an installed extension reads is what it declares, and never a key of the platform.
func TestStart_GivesAnExtensionOnlyItsVariables(t *testing.T) {
	const spy = `services:
  spy:
    image: example/spy:1
    environment:
      A: "${DASHBOARD_API_KEY:-none}"
      B: "${DREAM_AGENT_KEY:-none}"
      C: "${OTHER_TOKEN:-none}"
      D: "${SPY_TOKEN:-none}"
      E: "${SPY_MODE:-none}"
      F: "${GPU_BACKEND:-none}"
      G: "${PATH:-none}"
`
	in := newInstallation(t, extension("spy", spy, "env_vars: [{key: SPY_TOKEN}, {key: SPY_MODE, default: quiet}]"),
		inFolder("extensions/services", "ours", "services: {ours: {image: x, environment: {C: \"${OTHER_TOKEN:-none}\"}}}\n"))
	in.setEnv("DASHBOARD_API_KEY=ffffffffffffffffffffffffffffffff", "OTHER_TOKEN=theirs", "SPY_TOKEN=mine")
	r := in.mustStart("spy")
	data, err := os.ReadFile(in.path("state/approved/spy.yaml"))
	in.must(err)
	_, got, _ := strings.Cut(string(data), "environment:\n")
	got, _, _ = strings.Cut(got, "    image")
	wantEqual(t, "environment", "      A: none\n      B: none\n      C: none\n      D: mine\n      E: quiet\n      F: cpu\n      G: none\n", got)
	wantEqual(t, "notes", []string{
		"${DASHBOARD_API_KEY} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
		"${DREAM_AGENT_KEY} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
		"${OTHER_TOKEN} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
		"${PATH} counts as unset: an extension reads the variables that its manifest declares, and no key of the platform",
	}, r.Notes)

	in.mustStart("ours")
	data, err = os.ReadFile(in.path("state/approved/ours.yaml"))
	in.must(err)
	if !strings.Contains(string(data), "C: theirs") {
		t.Errorf("a built-in extension may read all of .env:\n%s", data)
	}
}

func TestStart_RefusesACoreOverlayThatTouchesOthers(t *testing.T) {
	const at = "-- extensions/services/dashboard/compose.cpu.yaml --\n"
	for _, tt := range []struct{ overlay, want string }{
		{at + "services:\n  app: {privileged: true}\n", "extensions/services/dashboard/compose.cpu.yaml: line 2: only services.dashboard may be changed here"},
		{at + "volumes: {x: {}}\n", "extensions/services/dashboard/compose.cpu.yaml: line 1: only services.dashboard may be changed here"},
	} {
		in := newInstallation(t, extension("app", ""), tt.overlay)
		_, err := in.start("app")
		in.wantRefusal(err, problem.Unavailable, "the installation cannot be used: "+tt.want)
	}
	in := newInstallation(t, extension("app", "services: {app: {image: x, depends_on: [dashboard]}}\n"), at+"services:\n  dashboard: {environment: {MORE: \"1\"}}\n")
	in.mustStart("app")
	data, err := os.ReadFile(in.path("state/approved/app.yaml"))
	in.must(err)
	if !strings.Contains(string(data), `MORE: "1"`) {
		t.Errorf("the overlay takes no part:\n%s", data)
	}
}

func TestStart_SaysWhatTheInstallationLacks(t *testing.T) {
	in := newInstallation(t, extension("app", ""))
	in.must(os.Remove(in.path("docker-compose.base.yml")))
	_, err := in.start("app")
	in.wantRefusal(err, problem.Unavailable, "the installation cannot be used: no docker-compose.base.yml in the install directory: run `dream init`")
	in.setEnv("GPU_BACKEND=toaster")
	_, err = in.start("app")
	in.wantRefusal(err, problem.Unavailable, `the settings cannot be used: GPU_BACKEND ($INSTALL/.env): "toaster" is not valid: write nvidia, amd, intel, apple or cpu`)
}

// A check costs its caller nothing: refused ones fill no audit log.
func TestCheck_ThatIsRefusedIsToldOfAHandfulOfTimes(t *testing.T) {
	in := newInstallation(t, extension("app", "services:\n  app:\n    image: example/app:1\n    volumes: [\"/srv/${APP_TOKEN}:/x\"]\n", "env_vars: [{key: APP_TOKEN}]"),
		extension("other", ""))
	in.setEnv("APP_TOKEN=" + appToken)
	for range 20 {
		_, err := in.client.Check(t.Context(), "app", false)
		in.wantRefusal(err, problem.ScanRefused, `extension "app" is refused by the security scan:…`)
	}
	_, err := in.client.Check(t.Context(), "other", false)
	in.must(err)
	told := in.told()
	wantEqual(t, "entries", 5, len(told))
	const want = `|check|app|scan_refused|extension "app" is refused by the security scan: data/user-extensions/app/compose.yaml:4: services.app.volumes.0: absolute host path "/srv/«secret:APP_TOKEN»" lies outside the extension`
	if !strings.Contains(told[4], want) {
		t.Errorf("got %s\nwant …%s…", told[4], want)
	}
	if _, err := in.start("app"); err == nil { // a start is told of each time
		t.Error("it starts")
	}
	wantEqual(t, "entries", 6, len(in.told()))
}

// What no extension may have, the owner's override may. It is judged all the same, and said and recorded.
func TestStart_TellsWhatTheOverrideGives(t *testing.T) {
	in := newInstallation(t, extension("app", ""), extension("other", ""),
		"-- docker-compose.override.yml --\nservices:\n  app:\n    privileged: true\n    volumes: [\"/srv/films:/films\"]\n  other: {pid: host}\n  dashboard: {container_name: mine}\n")
	r := in.mustStart("app")
	wantEqual(t, "notes", []string{
		"docker-compose.override.yml:3: services.app.privileged: privileged gives the container the whole host",
		`docker-compose.override.yml:4: services.app.volumes.0: absolute host path "/srv/films" lies outside the extension`,
	}, r.Notes)
	runs, err := os.ReadFile(in.path("state/approved/app.yaml"))
	in.must(err)
	if !strings.Contains(string(runs), "privileged: true") || !strings.Contains(string(runs), "/srv/films") {
		t.Errorf("the override is not merged:\n%s", runs)
	}
	entries, err := in.client.Audit(t.Context(), 1)
	in.must(err)
	if len(entries) != 1 || len(entries[0].Override) != 64 {
		t.Errorf("audit %+v, want the override's digest", entries)
	}
}

func TestStart_MergesTheOperatorsOverrideLast(t *testing.T) {
	in := newInstallation(t, extension("app", ""), "-- docker-compose.override.yml --\nservices:\n  app: {image: example/mine:1}\n  ghost: {cpus: 1}\n")
	r := in.mustStart("app")
	wantEqual(t, "image", "example/mine:1", in.docker.state().Containers[0].Image)
	wantEqual(t, "notes", []string{"docker-compose.override.yml: services.ghost is left out: no enabled extension has it"}, r.Notes)

	override := in.path("docker-compose.override.yml")
	for _, tt := range []struct {
		change func() error
		want   string
	}{
		{func() error { return os.Chmod(override, 0o664) }, "docker-compose.override.yml: others can write it: chmod go-w docker-compose.override.yml"},
		{func() error { return os.Chmod(override, 0o646) }, "docker-compose.override.yml: others can write it: chmod go-w docker-compose.override.yml"},
	} {
		in.must(tt.change())
		_, err := in.start("app")
		in.wantRefusal(err, problem.Unavailable, "the installation cannot be used: "+tt.want)
	}
	in.must(os.Chmod(override, 0o600))
	if os.Geteuid() == 0 {
		in.must(os.Chown(override, 4242, 4242))
		_, err := in.start("app")
		in.wantRefusal(err, problem.Unavailable, "the installation cannot be used: docker-compose.override.yml: belongs to uid 4242, not to the install's owner")
	}
}
