package scaffold_test

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dreamserver"
	"dreamserver/catalog"
	"dreamserver/catalog/scaffold"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func templates(t testing.TB) fs.FS { return sub(t, "extensions/templates") }

func sub(t testing.TB, dir string) fs.FS {
	t.Helper()
	fsys, err := fs.Sub(dreamserver.Assets, dir)
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

func hello(change func(*scaffold.Options)) scaffold.Options {
	o := scaffold.Options{ID: "my-notes", Image: "ghcr.io/acme/notes:2.0", Port: 3000, HostPort: 7950, Health: "/api/health", GPU: scaffold.GPUNone}
	if change != nil {
		change(&o)
	}
	return o
}

var settings = config.Settings{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/srv/dream/data", UID: 1000, GID: 1000}

// lay writes the files into a folder named id, as `dream new` does.
func lay(t testing.TB, id string, files []scaffold.File) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), id)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// scan is the gate's verdict on the folder, for every backend.
func scan(t testing.TB, dir string) security.Verdict {
	t.Helper()
	v, err := catalog.ScanFolder(context.Background(), catalog.Scan{
		Dir: dir, Version: config.Version(), Services: sub(t, "extensions/services"),
		Settings: settings,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// want checks that the gate has no objection, and no note but those that only a registry or a GPU can settle.
func want(t *testing.T, v security.Verdict) {
	t.Helper()
	for _, f := range v.Findings {
		if f.Rule != "image-digest" && f.Rule != "grant-gpu" {
			t.Errorf("%s %s: %s: %s", f.Severity, f.Where(), f.Rule, f.Message)
		}
	}
	if v.Verdict != security.Accepted {
		t.Errorf("verdict %s", v.Verdict)
	}
}

func TestNew_PassesTheGateForEveryPattern(t *testing.T) {
	for gpu, names := range map[scaffold.GPU][]string{
		scaffold.GPUNone: {"manifest.yaml", "compose.yaml"},
		scaffold.GPUSwap: {"manifest.yaml", "compose.yaml", "compose.nvidia.yaml", "compose.amd.yaml"},
		scaffold.GPUOnly: {"manifest.yaml", "compose.yaml", "compose.nvidia.yaml", "compose.amd.yaml"},
	} {
		t.Run(string(gpu), func(t *testing.T) {
			files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.GPU = gpu }))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, f.Name)
				if f.What == "" || !ascii(f.Content) {
					t.Errorf("%s: %q, ascii %t", f.Name, f.What, ascii(f.Content))
				}
			}
			if diff := cmp.Diff(names, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			want(t, scan(t, lay(t, "my-notes", files)))
		})
	}
}

// What a GPU changes is what the pattern is for.
func TestNew_LoadsWhatEachMachineNeeds(t *testing.T) {
	const cpu, cuda, rocm = "ghcr.io/acme/notes:2.0", "ghcr.io/acme/notes:2.0-cuda", "ghcr.io/acme/notes:2.0-rocm"
	for gpu, images := range map[scaffold.GPU]map[string]string{
		scaffold.GPUNone: {"nvidia": cpu, "amd": cpu, "intel": cpu, "apple": cpu, "cpu": cpu},
		scaffold.GPUSwap: {"nvidia": cuda, "amd": rocm, "intel": cpu, "apple": cpu, "cpu": cpu},
		scaffold.GPUOnly: {"nvidia": cuda, "amd": rocm},
	} {
		files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.GPU = gpu }))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, unit := range load(t, lay(t, "my-notes", files)) {
			s := unit.project.Services["my-notes"]
			got[unit.backend] = s.Image
			reserved := s.Deploy.Resources.Reservations != nil && len(s.Deploy.Resources.Reservations.Devices) == 1
			if reserved != (s.Image == cuda) || (len(s.Devices) == 2) != (s.Image == rocm) {
				t.Errorf("%s on %s: image %s, a reservation %t, %d devices", gpu, unit.backend, s.Image, reserved, len(s.Devices))
			}
			if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" || s.Ports[0].Published != "7950" || s.Ports[0].Target != 3000 {
				t.Errorf("%s on %s: ports %+v", gpu, unit.backend, s.Ports)
			}
		}
		if diff := cmp.Diff(images, got); diff != "" {
			t.Errorf("%s: images (-want +got):\n%s", gpu, diff)
		}
	}
}

func TestNew_SaysWhatItWasTold(t *testing.T) {
	files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.Schema = "../../schema.json" }))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("manifest.yaml", files[0].Content)
	if err != nil || len(m.Warnings) > 0 {
		t.Fatal(err, m)
	}
	s := m.Service
	if s.ID != "my-notes" || s.Name != "My Notes" || s.Port != 3000 || s.ExternalPortDefault != 7950 || s.ExternalPortEnv != "MY_NOTES_PORT" ||
		s.Health != "/api/health" || s.ContainerName != "dream-my-notes" || m.Features[0].ID != "my-notes" {
		t.Errorf("%+v", m)
	}
	for _, f := range files {
		for _, left := range []string{"my-service", "MY_SERVICE", "My Service", "8080:", "9200", "example"} {
			if strings.Contains(strings.ReplaceAll(string(f.Content), "llama-server:8080", ""), left) {
				t.Errorf("%s still has the template's %q", f.Name, left)
			}
		}
	}
	if line, _, _ := strings.Cut(string(files[0].Content), "\n"); line != "# yaml-language-server: $schema=../../schema.json" {
		t.Errorf("first line %q", line)
	}
}

func TestNew_RefusesWhatCannotBe(t *testing.T) {
	for text, change := range map[string]func(*scaffold.Options){
		`"My" is no extension id`:                           func(o *scaffold.Options) { o.ID = "My" },
		`"../x" is no extension id`:                         func(o *scaffold.Options) { o.ID = "../x" },
		`"models" is reserved`:                              func(o *scaffold.Options) { o.ID = "models" },
		`"dream-x" is reserved`:                             func(o *scaffold.Options) { o.ID = "dream-x" },
		`image "A B" is no image's name`:                    func(o *scaffold.Options) { o.Image = "A B" },
		`image "" is no image's name`:                       func(o *scaffold.Options) { o.Image = "" },
		`image "a:1\nprivileged: true" is no image's name`:  func(o *scaffold.Options) { o.Image = "a:1\nprivileged: true" },
		"image acme/notes is whatever was published last":   func(o *scaffold.Options) { o.Image = "acme/notes" },
		"image notes:latest is whatever was published last": func(o *scaffold.Options) { o.Image = "notes:latest" },
		"such as docker.io/library/notes:1.2.0":             func(o *scaffold.Options) { o.Image = "notes" },
		"port 0: write a port":                              func(o *scaffold.Options) { o.Port = 0 },
		"port 65536: write a port":                          func(o *scaffold.Options) { o.Port = 65536 },
		"host port 443 belongs to the machine":              func(o *scaffold.Options) { o.HostPort = 443 },
		`health path "health": write`:                       func(o *scaffold.Options) { o.Health = "health" },
		`health path "/a b": write`:                         func(o *scaffold.Options) { o.Health = "/a b" },
		`health path "/$(reboot)": write`:                   func(o *scaffold.Options) { o.Health = "/$(reboot)" },
		`health path "/\"": write`:                          func(o *scaffold.Options) { o.Health = `/"` },
	} {
		files, err := scaffold.New(templates(t), hello(change))
		if err == nil || !strings.Contains(err.Error(), text) || files != nil {
			t.Errorf("%v, %d files; want %s", err, len(files), text)
		}
	}
}

// An image's builds for GPUs go by its tag; a digest is that of one build.
func TestNew_NamesTheBuildsForGPUs(t *testing.T) {
	const digest = "@sha256:2163775b6df5e451a71200e8f675fed68dbd8ab184fc604453d549e486f22fd2"
	for image, want := range map[string]string{
		"acme/a:1.2":                         "acme/a:1.2-cuda",
		"acme/a:1.2-cpu":                     "acme/a:1.2-cuda",
		"acme/a:1.2-cpu" + digest:            "acme/a:1.2-cuda",
		"registry.example:5000/a:1":          "registry.example:5000/a:1-cuda",
		"registry.example:5000/a:latest-cpu": "registry.example:5000/a:latest-cuda",
	} {
		files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.Image, o.GPU = image, scaffold.GPUSwap }))
		if err != nil {
			t.Fatal(err)
		}
		var overlay struct {
			Services map[string]struct {
				Image string `yaml:"image"`
			} `yaml:"services"`
		}
		if err := yaml.Unmarshal(files[2].Content, &overlay); err != nil {
			t.Fatal(err)
		}
		if got := overlay.Services["my-notes"].Image; got != want {
			t.Errorf("%s on NVIDIA is %s, want %s", image, got, want)
		}
	}
}

func TestPrefix_IsTheNameOfAVariable(t *testing.T) {
	for id, want := range map[string]string{"my-notes": "MY_NOTES", "n8n": "N8N", "2fa": "X2FA", "a_b": "A_B"} {
		if got := scaffold.Prefix(id); got != want {
			t.Errorf("Prefix(%s) = %s, want %s", id, got, want)
		}
	}
}

// Every shipped extension is known, by id and by alias, and so are its ports.
func TestKnown_RefusesWhatIsTaken(t *testing.T) {
	k := scaffold.NewKnown()
	for dir, builtIn := range map[string]bool{"extensions/services": true, "extensions/library": false} {
		if err := k.Look(sub(t, dir), builtIn, map[string]string{"MINIFLUX_PORT": "7900"}); err != nil {
			t.Fatal(err)
		}
	}
	for id, code := range map[string]problem.Code{
		"whisper": problem.ReservedID, "dashboard": problem.ReservedID, "miniflux": problem.Conflict, "rss": problem.Conflict,
		"stt": problem.Conflict, "models": problem.ReservedID, "A": problem.InvalidArgument, "my-notes": "",
	} {
		err := k.CheckID(id)
		if code == "" && err == nil {
			continue
		}
		if !problem.HasCode(err, code) {
			t.Errorf("CheckID(%s) = %v, want %q", id, err, code)
		}
	}
	if err := k.CheckPort(7824); !problem.HasCode(err, problem.PortTaken) || !strings.Contains(err.Error(), "belongs to miniflux: write another, such as 7901") {
		t.Errorf("CheckPort(7824) = %v", err)
	}
	for wanted, got := range map[int]int{0: 7901, 80: 7901, 7824: 7901, 7900: 7901, 7710: 7901, 12345: 12345, 70000: 7901} {
		if port := k.FreePort(wanted); port != got {
			t.Errorf("FreePort(%d) = %d, want %d", wanted, port, got)
		}
	}
}

// Ids that differ have one prefix, and settings of the platform's may begin with an extension's.
func TestKnown_FindsVariablesThatNobodyHas(t *testing.T) {
	manifestOf := func(id, more string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("schema_version: dream.services.v1\nservice: {id: " + id + ", name: X, port: 80, health: /, " + more + "}\n")}
	}
	k := scaffold.NewKnown()
	if err := k.Look(fstest.MapFS{
		"my_notes/manifest.yaml": manifestOf("my_notes", "external_port_env: MY_NOTES_PORT"),
		"other/manifest.yaml":    manifestOf("other", "host_env: CHAT_HOST, env_vars: [{key: MY_NOTES_2_PORT, type: port, default: \"1234\"}, {key: WIKI_TITLE}]"),
	}, false, nil); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"my-notes": "MY_NOTES_3 its variables begin with MY_NOTES_3_, because MY_NOTES_PORT belongs to my_notes",
		"chat":     "CHAT_2 its variables begin with CHAT_2_, because CHAT_HOST belongs to other",
		// A setting of the platform's.
		"dashboard_api": "X_DASHBOARD_API its variables begin with X_DASHBOARD_API_, because DASHBOARD_API_PORT belongs to the platform",
		"wiki":          "WIKI",
	} {
		prefix, note := k.Prefix(id)
		if got := prefix; note == nil && got != want || note != nil && got+" "+note.String() != want {
			t.Errorf("Prefix(%s) = %s, %v; want %s", id, prefix, note, want)
		}
		src := scaffold.Source{Name: "f", Data: []byte("services: {a: {image: \"a/b:1\", ports: [\"80:80\", \"81:81\"], environment: {T: \"${TITLE:-x}\"}}, b: {image: \"a/b:1\", ports: [\"82:82\"]}}")}
		c, err := scaffold.Convert(templates(t), k, scaffold.Options{ID: id}, src)
		if err != nil {
			t.Fatal(err)
		}
		files, err := scaffold.New(templates(t), hello(func(o *scaffold.Options) { o.ID, o.Prefix = id, prefix }))
		if err != nil {
			t.Fatal(err)
		}
		for i, made := range [][]scaffold.File{c.Files, files} {
			m, err := manifest.Parse("manifest.yaml", made[0].Content)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{m.Service.ExternalPortEnv, m.Service.HostEnv}
			for _, v := range m.Service.EnvVars {
				got = append(got, v.Key)
			}
			want := []string{prefix + "_PORT", prefix + "_HOST", prefix + "_PORT"}
			if i == 0 {
				title := prefix + "_TITLE"
				if id == "wiki" {
					title = "WIKI_TITLE_2"
				}
				want = append(want, title, prefix+"_PORT_81", prefix+"_B_PORT_82")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: variables (-want +got):\n%s", id, diff)
			}
		}
	}
}

// Whoever copies a template by hand has something that works, too.
func TestTemplates_AreValidAsTheyStand(t *testing.T) {
	fsys := templates(t)
	names, err := fs.Glob(fsys, "*")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"compose-gpu-only.yaml", "compose-gpu-swap.yaml", "compose-template.yaml", "dashboard-plugin-template.tsx", "service-template.yaml"}, names); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	text := map[string][]byte{}
	for _, name := range names {
		if text[name], err = fs.ReadFile(fsys, name); err != nil || !ascii(text[name]) {
			t.Errorf("%s: %v, ascii %t", name, err, ascii(text[name]))
		}
	}
	m, err := manifest.Parse("service-template.yaml", text["service-template.yaml"])
	if err != nil || len(m.Warnings) > 0 {
		t.Errorf("%v, warnings %v", err, m.Warnings)
	}
	file := func(name, from string) scaffold.File { return scaffold.File{Name: name, Content: text[from]} }
	base := []scaffold.File{file("manifest.yaml", "service-template.yaml"), file("compose.yaml", "compose-template.yaml")}
	want(t, scan(t, lay(t, "my-service", base)))

	for _, name := range []string{"compose-gpu-swap.yaml", "compose-gpu-only.yaml"} {
		files := base
		if name == "compose-gpu-only.yaml" { // its comment says what the manifest has to say
			only := strings.ReplaceAll(string(base[0].Content), "gpu_backends: [all]", "gpu_backends: [nvidia, amd]")
			files = []scaffold.File{{Name: "manifest.yaml", Content: []byte(only)}}
		}
		for _, part := range strings.Split(string(text[name]), "# file: ")[1:] {
			head, content, _ := strings.Cut(part, "\n")
			content, _, _ = strings.Cut(content, "\n---\n")
			files = append(files, scaffold.File{Name: head, Content: []byte(content)})
		}
		want(t, scan(t, lay(t, "my-service", files)))
	}
	// The hint of the template is for a folder in extensions/services.
	line, _, _ := strings.Cut(string(text["service-template.yaml"]), "\n")
	_, hint, _ := strings.Cut(line, "$schema=")
	if _, err := fs.Stat(dreamserver.Assets, filepath.ToSlash(filepath.Join("extensions/services/my-service", hint))); hint == "" || err != nil {
		t.Errorf("hint %q: %v", line, err)
	}
}

func ascii(data []byte) bool {
	return !strings.ContainsFunc(string(data), func(r rune) bool { return r > 126 || r < ' ' && r != '\n' })
}

type loaded struct {
	backend string
	project *types.Project
}

// load loads what each backend runs.
func load(t *testing.T, dir string) []loaded {
	t.Helper()
	root := compose.Root{FS: os.DirFS(filepath.Dir(dir))}
	id := filepath.Base(dir)
	m, err := manifest.Read(root.FS, id)
	if err != nil {
		t.Fatal(err)
	}
	var all []loaded
	for _, backend := range compose.BackendsOf(m) {
		unit, skip := compose.Candidate(root, compose.User, id, m, compose.Host{Backend: backend, Mode: "local", GPUCount: 1})
		if skip != nil {
			t.Fatal(skip.Reason)
		}
		files, err := unit.Read(root.FS)
		if err != nil {
			t.Fatal(err)
		}
		env := compose.DeclaredEnv(config.Settings{}, m)
		for _, v := range m.Service.EnvVars {
			if v.Required && v.Default == nil {
				env[v.Key] = "given"
			}
		}
		u, err := compose.Load(t.Context(), compose.Input{ID: id, Source: compose.User, Files: files, Env: env, Declared: compose.Declared(m)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, loaded{backend, u.Project})
	}
	return all
}
