package dreamserver_test

import (
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"dreamserver"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// shippedExtension is one folder of extensions/services or extensions/library.
type shippedExtension struct {
	*manifest.Manifest
	dir   string
	files map[string][]byte // its compose files, by name; a core service has none
}

func shippedExtensions(t *testing.T) []shippedExtension {
	t.Helper()
	var all []shippedExtension
	for _, root := range []string{"extensions/services", "extensions/library"} {
		entries, err := fs.ReadDir(dreamserver.Assets, root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			x := shippedExtension{dir: path.Join(root, e.Name()), files: map[string][]byte{}}
			if x.Manifest, err = manifest.Read(dreamserver.Assets, x.dir); err != nil {
				t.Fatal(err)
			}
			names, err := fs.Glob(dreamserver.Assets, x.dir+"/compose*.y*ml")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				x.files[path.Base(name)] = read(t, name)
			}
			all = append(all, x)
		}
	}
	return all
}

// variants loads the extension for each overlay that it has, with every required variable set.
func (x shippedExtension) variants(t *testing.T) []*compose.Unit {
	t.Helper()
	env := compose.DeclaredEnv(config.Settings{}, x.Manifest)
	for _, v := range x.Service.EnvVars {
		if v.Required {
			env[v.Key] = "value-of-" + v.Key
		}
	}
	var all []*compose.Unit
	for _, name := range slices.Sorted(maps.Keys(x.files)) {
		in := compose.Input{ID: x.Service.ID, Source: compose.User, Env: env, Declared: compose.Declared(x.Manifest)}
		in.Files = []compose.File{{Name: x.Service.ComposeFile, Content: x.files[x.Service.ComposeFile]}}
		if name != x.Service.ComposeFile {
			in.Files = append(in.Files, compose.File{Name: name, Content: x.files[name]})
		}
		unit, err := compose.Load(t.Context(), in)
		if err != nil {
			t.Errorf("%s/%s: %v", x.dir, name, err)
			continue
		}
		all = append(all, unit)
	}
	return all
}

// claims is what only one extension may have: who has it, by what it is.
type claims map[string]string

func (c claims) claim(t *testing.T, what, who string) {
	t.Helper()
	if other, taken := c[what]; taken && other != who {
		t.Errorf("%s has %s, and so has %s", who, what, other)
	}
	c[what] = who
}

func TestLibrary_NoTwoExtensionsShareANameAPortOrASecret(t *testing.T) {
	taken := claims{"port 7710": "the host agent"}
	all := shippedExtensions(t)
	for name, s := range loadBase(t, "cpu", nil).Project.Services {
		claimServices(t, taken, name, types.Services{name: s})
	}
	for _, x := range all {
		id := x.Service.ID
		for _, name := range append([]string{id}, x.Service.Aliases...) {
			taken.claim(t, "the name "+name, id)
		}
		if name := x.Service.ContainerName; name != "" {
			taken.claim(t, "the container "+name, id)
		}
		for _, f := range x.Features {
			taken.claim(t, "the feature "+f.ID, id)
		}
		for _, u := range x.variants(t) {
			claimServices(t, taken, id, u.Project.Services)
		}
		for _, v := range x.Service.EnvVars {
			if !v.Secret {
				continue
			}
			for _, other := range all {
				if other.Service.ID != id && other.Service.Declares(v.Key) {
					t.Errorf("%s declares %s, a secret of %s", other.Service.ID, v.Key, id)
				}
			}
		}
	}
}

func claimServices(t *testing.T, taken claims, id string, services types.Services) {
	t.Helper()
	for _, s := range services {
		taken.claim(t, "the container "+s.ContainerName, id)
		for _, p := range s.Ports {
			if p.Published != "" {
				taken.claim(t, "port "+p.Published, id)
			}
		}
	}
}

// The manifest is what the catalogue, the health probe and the links go by: it must say what the container does.
func TestLibrary_ManifestAndComposeFileAgree(t *testing.T) {
	for _, x := range shippedExtensions(t) {
		id := x.Service.ID
		for i, u := range x.variants(t) {
			s, ok := u.Project.Services[id]
			if !ok {
				t.Fatalf("%s has no service of its name", x.dir)
			}
			if s.ContainerName != x.Service.ContainerName || x.Service.DefaultHost != id {
				t.Errorf("%s: container %s, the manifest has %s and host %s", id, s.ContainerName, x.Service.ContainerName, x.Service.DefaultHost)
			}
			if i == 0 && !slices.ContainsFunc(s.Ports, func(p types.ServicePortConfig) bool {
				return int(p.Target) == x.Service.Port && p.Published == strconv.Itoa(x.Service.ExternalPortDefault)
			}) {
				t.Errorf("%s publishes %v, the manifest has %d and %d", id, s.Ports, x.Service.ExternalPortDefault, x.Service.Port)
			}
			// The program of hello asks its own address.
			if check := strings.Join(s.HealthCheck.Test, " "); id != "hello" && !strings.Contains(check, x.Service.Health) {
				t.Errorf("%s: the healthcheck asks %q, the manifest names %s", id, check, x.Service.Health)
			}
			for _, note := range u.Notes {
				t.Errorf("%s: %s", id, note)
			}
		}
	}
}

func TestLibrary_EveryContainerIsHardened(t *testing.T) {
	for _, x := range shippedExtensions(t) {
		for _, u := range x.variants(t) {
			for name, s := range u.Project.Services {
				if !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
					t.Errorf("%s keeps abilities: cap_drop %v, security_opt %v", name, s.CapDrop, s.SecurityOpt)
				}
				if l := limits(s); l.MemoryBytes == 0 || l.NanoCPUs == 0 {
					t.Errorf("%s has no limits", name)
				}
				if s.Restart != "unless-stopped" || s.Logging == nil || s.Logging.Options["max-size"] == "" {
					t.Errorf("%s: restart %q, logging %v", name, s.Restart, s.Logging)
				}
				if s.HealthCheck == nil || strings.Contains(strings.Join(s.HealthCheck.Test, " "), "localhost") {
					t.Errorf("%s: a healthcheck must be there, and name 127.0.0.1: localhost may be ::1", name)
				}
				if _, version, _ := strings.Cut(path.Base(s.Image), ":"); version == "" || strings.HasPrefix(version, "latest") {
					t.Errorf("%s: image %s has no version", name, s.Image)
				}
				for _, p := range s.Ports {
					if p.HostIP != "127.0.0.1" {
						t.Errorf("%s publishes %s on %q, want 127.0.0.1", name, p.Published, p.HostIP)
					}
				}
				for _, v := range s.Volumes {
					if v.Type != types.VolumeTypeBind || strings.HasPrefix(v.Source, "./data/"+x.Service.ID) {
						continue
					}
					if _, err := fs.Stat(dreamserver.Assets, path.Join(x.dir, v.Source)); err != nil || !v.ReadOnly {
						t.Errorf("%s mounts %s (%v), read-only: %t", name, v.Source, err, v.ReadOnly)
					}
				}
			}
		}
	}
}

func limits(s types.ServiceConfig) types.Resource {
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil {
		return types.Resource{}
	}
	return *s.Deploy.Resources.Limits
}

// variable is what Compose fills in. A doubled $ is a plain one.
var variable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

func TestLibrary_EveryDeclaredVariableIsRead(t *testing.T) {
	for _, x := range shippedExtensions(t) {
		if len(x.files) == 0 {
			continue // core: its variables are read by docker-compose.base.yml and by the programs themselves
		}
		used := map[string]bool{}
		for _, content := range x.files {
			for _, m := range variable.FindAllStringSubmatch(strings.ReplaceAll(string(content), "$$", ""), -1) {
				used[m[1]] = true
			}
		}
		for _, v := range x.Service.EnvVars {
			if !used[v.Key] {
				t.Errorf("%s declares %s, which no compose file reads", x.Service.ID, v.Key)
			}
			if v.Description == "" || v.Secret && v.Default != nil {
				t.Errorf("%s: %s has no description, or is a secret with a default that everybody knows", x.Service.ID, v.Key)
			}
		}
		if !used[x.Service.ExternalPortEnv] {
			t.Errorf("%s: no compose file reads the port's variable, %s", x.Service.ID, x.Service.ExternalPortEnv)
		}
	}
}

// lucideIcons are names of lucide.dev that manifests use, or may. A new one is looked up there first: a page draws
// nothing for a name that does not exist.
var lucideIcons = strings.Fields(`
	Activity Archive AudioLines Bell BookOpen Bookmark Bot Boxes Brain BrainCircuit Code CodeXml Coins Cpu
	Database Eye EyeOff FileCog FileScan FileSearch FileText Files Filter FlaskConical FolderOpen Gauge GitBranch
	Globe Hand HeartPulse Image ImagePlus Images KeyRound Languages Layers LayoutDashboard LayoutGrid LibraryBig
	MessageCircle MessageSquare MessagesSquare Mic Music Network NotebookPen Paintbrush Plug Puzzle RefreshCw Rss
	Search Server Share2 Shield ShieldCheck StickyNote Table TableProperties Tag Tags Terminal Users VenetianMask
	Video Volume2 Waypoints Workflow Zap`)

func TestLibrary_IconsAreLucides(t *testing.T) {
	for _, x := range shippedExtensions(t) {
		icons := []string{x.Service.SidebarIcon}
		for _, f := range x.Features {
			icons = append(icons, f.Icon)
		}
		for _, icon := range icons {
			if icon != "" && !slices.Contains(lucideIcons, icon) {
				t.Errorf("%s: %q is not one of the icons known here", x.Service.ID, icon)
			}
		}
	}
}
