package dreamserver_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"dreamserver"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security"
)

// extension is one that ships: its manifest, and what every variant of it runs.
type extension struct {
	*manifest.Manifest
	root, id string
	files    map[string]string // its compose files
	units    []*compose.Unit   // none for a core service, whose containers are in the base files
}

// shipped reads every extension that ships. Variables have their declared defaults; those that must be set have a
// stand-in.
func shipped(t *testing.T) []extension {
	t.Helper()
	var all []extension
	for root, source := range map[string]compose.Source{"extensions/services": compose.Builtin, "extensions/library": compose.User} {
		fsys, err := fs.Sub(dreamserver.Assets, root)
		if err != nil {
			t.Fatal(err)
		}
		dirs, err := fs.ReadDir(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			m, err := manifest.Read(fsys, dir.Name())
			if err != nil {
				t.Fatal(err)
			}
			x := extension{Manifest: m, root: root, id: dir.Name(), files: map[string]string{}}
			names, _ := fs.Glob(fsys, dir.Name()+"/compose*")
			for _, name := range names {
				x.files[path.Base(name)] = string(read(t, path.Join(root, name)))
			}
			if compose.FragmentName(m) != "" {
				x.units = load(t, fsys, source, m)
			}
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b extension) int { return strings.Compare(a.root+a.id, b.root+b.id) })
	return all
}

func load(t *testing.T, fsys fs.FS, source compose.Source, m *manifest.Manifest) []*compose.Unit {
	t.Helper()
	id := m.Service.ID
	variants, skip := compose.Variants(compose.Root{FS: fsys}, source, id, m, compose.BackendsOf(m))
	if skip != nil {
		t.Fatalf("%s: %s", id, skip.Reason)
	}
	env := map[string]string{}
	for _, v := range m.Service.EnvVars {
		switch {
		case v.Default != nil:
			env[v.Key] = *v.Default
		case v.Required:
			env[v.Key] = "abcdefgh"
		}
	}
	var units []*compose.Unit
	for _, v := range variants {
		in := compose.Input{ID: id, Source: source, Env: env, Declared: compose.Declared(m)}
		var err error
		if in.Files, err = v.Unit.Read(fsys); err != nil {
			t.Fatal(err)
		}
		unit, err := compose.Load(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, unit)
	}
	return units
}

// each calls f for every service of every variant.
func (x extension) each(f func(variant string, s types.ServiceConfig)) {
	for i, u := range x.units {
		for _, name := range u.ServiceNames() {
			f(fmt.Sprintf("%s, variant %d", x.id, i), u.Project.Services[name])
		}
	}
}

// Whatever an owner enables beside each other must fit.
func TestExtensions_ShareNoName(t *testing.T) {
	taken := map[string]string{}
	take := func(kind, name, id string) {
		key := kind + " " + name
		if other, ok := taken[key]; ok && other != id {
			t.Errorf("%s and %s both have %s", other, id, key)
		}
		taken[key] = id
	}
	take("port", "7710", "the host agent")
	all := shipped(t)
	for _, x := range all {
		s := x.Service
		take("name", s.ID, s.ID)
		for _, alias := range s.Aliases {
			take("name", alias, s.ID)
		}
		take("container", s.ContainerName, s.ID)
		if s.ExternalPortDefault != 0 {
			take("port", strconv.Itoa(s.ExternalPortDefault), s.ID)
		}
		for _, f := range x.Features {
			take("feature", f.ID, s.ID)
		}
		for _, v := range s.EnvVars {
			if v.Secret {
				take("secret", v.Key, s.ID)
			}
		}
		x.each(func(_ string, svc types.ServiceConfig) {
			take("container", svc.ContainerName, s.ID)
			for _, p := range svc.Ports {
				take("port", p.Published, s.ID)
			}
		})
	}
	for _, x := range all {
		for _, v := range x.Service.EnvVars {
			if owner := taken["secret "+v.Key]; owner != "" && owner != x.id {
				t.Errorf("%s declares %s, a secret of %s", x.id, v.Key, owner)
			}
		}
		for _, f := range x.Features {
			for _, id := range slices.Concat(f.Requirements.Services, f.Requirements.ServicesAll, f.Requirements.ServicesAny, f.EnabledServicesAll, f.EnabledServicesAny) {
				if taken["name "+id] != id {
					t.Errorf("%s: feature %s names %q, which is no extension", x.id, f.ID, id)
				}
			}
		}
		for _, id := range x.Service.DependsOn {
			if taken["name "+id] != id {
				t.Errorf("%s depends on %q, which is no extension", x.id, id)
			}
		}
	}
}

func TestExtensions_PassTheGate(t *testing.T) {
	services, err := fs.Sub(dreamserver.Assets, "extensions/services")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range shipped(t) {
		if len(x.units) == 0 {
			continue
		}
		v, err := catalog.ScanFolder(t.Context(), catalog.Scan{
			Dir: path.Join(x.root, x.id), Version: config.Version(), Builtin: x.root == "extensions/services", Services: services,
			Settings: config.Settings{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/srv/dream/data"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range v.Findings {
			// What only a registry knows may be missing; a GPU and a build are what somebody asked for.
			if f.Severity == security.Error || !slices.Contains([]string{"image-digest", "grant-gpu", "grant-build"}, f.Rule) {
				t.Errorf("%s: %s %s: %s: %s", x.id, f.Severity, f.Where(), f.Rule, f.Message)
			}
		}
	}
}

func TestExtensions_AreHardenedAndBounded(t *testing.T) {
	for _, x := range shipped(t) {
		x.each(func(at string, s types.ServiceConfig) {
			limits := s.Deploy
			switch {
			case !slices.Contains(s.CapDrop, "ALL"):
				t.Errorf("%s: %s keeps Docker's default capabilities", at, s.Name)
			case !slices.Contains(s.SecurityOpt, "no-new-privileges:true"):
				t.Errorf("%s: %s may gain privileges", at, s.Name)
			case limits == nil || limits.Resources.Limits == nil || limits.Resources.Limits.MemoryBytes == 0 || limits.Resources.Limits.NanoCPUs == 0:
				t.Errorf("%s: %s has no bound of memory and CPU", at, s.Name)
			case s.Restart != "unless-stopped":
				t.Errorf("%s: %s restarts %q", at, s.Name, s.Restart)
			case s.HealthCheck == nil || strings.Contains(strings.Join(s.HealthCheck.Test, " "), "localhost"):
				t.Errorf("%s: %s needs a healthcheck that names 127.0.0.1: localhost may be ::1", at, s.Name)
			}
			if x.root == "extensions/services" && (s.Logging == nil || s.Logging.Options["max-size"] != "10m" || s.Logging.Options["max-file"] != "3") {
				t.Errorf("%s: %s writes logs without a bound", at, s.Name)
			}
			for _, p := range s.Ports {
				if p.HostIP != "127.0.0.1" {
					t.Errorf("%s: %s publishes %s on %q", at, s.Name, p.Published, p.HostIP)
				}
			}
		})
	}
}

// The manifest and the compose files say the same.
func TestExtensions_ManifestsAgreeWithWhatRuns(t *testing.T) {
	for _, x := range shipped(t) {
		s := x.Service
		if s.Description == "" || s.DefaultHost == "" || s.ExternalPortEnv == "" || len(s.GPUBackends) == 0 {
			t.Errorf("%s: description, default_host, external_port_env and gpu_backends are not optional here", x.id)
		}
		for i, u := range x.units {
			main, ok := u.Project.Services[s.DefaultHost]
			if !ok {
				t.Errorf("%s, variant %d: default_host %s is none of %v", x.id, i, s.DefaultHost, u.ServiceNames())
				continue
			}
			if main.ContainerName != s.ContainerName {
				t.Errorf("%s: container_name %s, but the manifest has %s", x.id, main.ContainerName, s.ContainerName)
			}
			if !slices.ContainsFunc(main.Ports, func(p types.ServicePortConfig) bool {
				return int(p.Target) == s.Port && p.Published == strconv.Itoa(s.ExternalPortDefault)
			}) {
				t.Errorf("%s: no port %d is published as %d", x.id, s.Port, s.ExternalPortDefault)
			}
			// The address as it is written for curl, or host, port and path where there is no HTTP client.
			probe, port := strings.Join(main.HealthCheck.Test, " "), s.Port
			if s.HealthPort != 0 {
				port = s.HealthPort
			}
			if s.Health == "" { // it speaks no HTTP
				if !strings.Contains(probe, "127.0.0.1") {
					t.Errorf("%s: the healthcheck does not ask at 127.0.0.1: %s", x.id, probe)
				}
				continue
			}
			asURL := regexp.MustCompile(fmt.Sprintf(`127\.0\.0\.1:%d%s(['" ,)]|$)`, port, regexp.QuoteMeta(s.Health)))
			byHand := strings.Contains(probe, fmt.Sprintf("127.0.0.1/%d ", port)) && strings.Contains(probe, "GET "+s.Health+" HTTP/")
			asProgram := main.HealthCheck.Test[len(main.HealthCheck.Test)-1] == "healthcheck" // it asks itself
			if !asURL.MatchString(probe) && !byHand && !asProgram {
				t.Errorf("%s: the healthcheck does not ask for 127.0.0.1:%d%s: %s", x.id, port, s.Health, probe)
			}
		}
	}
}

var variable = regexp.MustCompile(`\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_]*))`)

func TestExtensions_DeclareWhatTheyRead(t *testing.T) {
	for _, x := range shipped(t) {
		if len(x.units) == 0 {
			continue
		}
		used := map[string]bool{}
		for name, content := range x.files {
			for _, m := range variable.FindAllStringSubmatch(content, -1) {
				key := m[1]
				if key == "" || slices.ContainsFunc(config.PlatformKeys, func(k config.PlatformKey) bool { return k.Key == key }) {
					continue
				}
				used[key] = true
				if !x.Service.Declares(key) {
					t.Errorf("%s/%s reads %s, which the manifest does not declare", x.id, name, key)
				}
			}
		}
		for _, v := range x.Service.EnvVars {
			if !used[v.Key] {
				t.Errorf("%s declares %s, which nothing reads", x.id, v.Key)
			}
			if v.Description == "" {
				t.Errorf("%s: %s has no description", x.id, v.Key)
			}
			if v.Required && v.Default != nil {
				t.Errorf("%s: %s is required and has a default", x.id, v.Key)
			}
		}
		all := strings.Join(slices.Collect(maps.Values(x.files)), "\n")
		for _, v := range x.Service.EnvVars {
			if must := strings.Contains(all, "${"+v.Key+":?"); must != v.Required {
				t.Errorf("%s: %s is required in one of manifest and compose files alone", x.id, v.Key)
			}
			// Without the owner's value, both must mean the same.
			for _, m := range regexp.MustCompile(`\$\{`+v.Key+`:-([^{}]*)\}`).FindAllStringSubmatch(all, -1) {
				if v.Default != nil && m[1] != *v.Default || v.Default == nil && m[1] != "" && !v.Secret {
					t.Errorf("%s: %s is %q by default in a compose file, and the manifest says otherwise", x.id, v.Key, m[1])
				}
			}
		}
	}
}

func TestBuiltin_OnlyWhatIsRecommendedIsOn(t *testing.T) {
	ids, err := config.ReadCoreIDs(read(t, "config/core-service-ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	var have, on []string
	for _, x := range shipped(t) {
		if x.root != "extensions/services" {
			continue
		}
		have = append(have, x.id)
		_, enabled := x.files["compose.yaml"]
		_, disabled := x.files["compose.yaml.disabled"]
		if enabled {
			on = append(on, x.id)
		}
		switch x.Service.Category {
		case manifest.Core:
			if enabled || disabled {
				t.Errorf("%s: a core service has its containers in the base files", x.id)
			}
		case manifest.Recommended:
			if !enabled || disabled {
				t.Errorf("%s is recommended: it has compose.yaml", x.id)
			}
		default:
			if enabled || !disabled {
				t.Errorf("%s is optional: it has compose.yaml.disabled", x.id)
			}
		}
	}
	if diff := cmp.Diff(ids, have); diff != "" {
		t.Errorf("core-service-ids.json (-listed +shipped):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"litellm", "searxng", "token-spy"}, on); diff != "" {
		t.Errorf("on by default (-want +got):\n%s", diff)
	}
}

// The two patterns of GPU overlays, by the example that the documentation names for each.
func TestBuiltin_GPUPatterns(t *testing.T) {
	images := map[string][]string{}
	for _, x := range shipped(t) {
		if x.id == "whisper" || x.id == "comfyui" {
			x.each(func(_ string, s types.ServiceConfig) { images[x.id] = append(images[x.id], s.Image) })
			if x.id == "comfyui" && strings.Contains(x.files["compose.yaml.disabled"], "image:") {
				t.Error("comfyui/compose.yaml.disabled names an image: each GPU has its own")
			}
		}
	}
	for id, list := range images {
		slices.Sort(list)
		if n := len(slices.Compact(list)); n != 2 {
			t.Errorf("%s has images %v, want two kinds", id, list)
		}
	}
}

// lucideIcons are names of lucide.dev that manifests use, or may. A new one is looked up there first: a page draws
// nothing for a name that does not exist.
var lucideIcons = strings.Fields(`
	Activity Archive AudioLines Bell Binary BookOpen Bookmark Bot Boxes Brain BrainCircuit Code CodeXml Coins Cpu
	Database Eye EyeOff FileCog FileScan FileSearch FileText Files Filter FlaskConical FolderOpen Gauge GitBranch
	Globe Hand HeartPulse Image ImagePlus Images KeyRound Languages Layers LayoutDashboard LayoutGrid LibraryBig
	MessageCircle MessageSquare MessagesSquare Mic Music Network NotebookPen Paintbrush Plug Puzzle RefreshCw Rss
	Search Server Share2 Shield ShieldCheck StickyNote Table TableProperties Tag Tags Telescope Terminal Users VenetianMask
	Video Volume2 Waypoints Workflow Zap`)

func TestExtensions_IconsAreLucides(t *testing.T) {
	for _, x := range shipped(t) {
		icons := []string{x.Service.SidebarIcon}
		for _, f := range x.Features {
			icons = append(icons, f.Icon)
		}
		for _, icon := range icons {
			if icon != "" && !slices.Contains(lucideIcons, icon) {
				t.Errorf("%s: %q is not one of the icons known here", x.id, icon)
			}
		}
	}
}
