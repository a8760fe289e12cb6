package dreamserver_test

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"dreamserver"
	"dreamserver/catalog/audit"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
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

// What ships passes the project's own audit: names and ports that fit beside each other, manifests that say what runs,
// variables that are declared, icons that exist, and the security scan.
func TestExtensions_PassTheAudit(t *testing.T) {
	p := audit.Project{Dir: "/srv/dream", Version: config.Version(), Base: dreamserver.Assets, Shipped: true}
	for _, r := range []audit.Root{{Dir: "extensions/services", Source: compose.Builtin}, {Dir: "extensions/library", Source: compose.User}} {
		var err error
		if r.FS, err = fs.Sub(dreamserver.Assets, r.Dir); err != nil {
			t.Fatal(err)
		}
		r.Path = path.Join(p.Dir, r.Dir)
		p.Roots = append(p.Roots, r)
	}
	report, err := audit.Run(t.Context(), p, audit.Options{All: true, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range report.Issues() {
		t.Errorf("%s %s: %s:%d: %s", i.Severity, i.Code, i.Path, i.Line, i.Message)
	}
	if report.Summary.Services < 40 {
		t.Errorf("%d extensions: the audit misses some", report.Summary.Services)
	}
}

// Built-in extensions read all of .env, so that the scan does not keep the secrets of one from another.
func TestExtensions_ShareNoSecret(t *testing.T) {
	owner, all := map[string]string{}, shipped(t)
	for _, x := range all {
		for _, v := range x.Service.EnvVars {
			if v.Secret && owner[v.Key] != "" && owner[v.Key] != x.id {
				t.Errorf("%s and %s both declare the secret %s", owner[v.Key], x.id, v.Key)
			}
			if v.Secret {
				owner[v.Key] = x.id
			}
		}
	}
	for _, x := range all {
		for _, v := range x.Service.EnvVars {
			if o := owner[v.Key]; o != "" && o != x.id {
				t.Errorf("%s declares %s, a secret of %s", x.id, v.Key, o)
			}
		}
	}
}

func TestExtensions_AreHardenedAndBounded(t *testing.T) {
	for _, x := range shipped(t) {
		if others := manifest.Without(x.Service.Grants, []manifest.Grant{manifest.GPU, manifest.Build}); len(others) > 0 {
			t.Errorf("%s asks for %s", x.id, manifest.JoinGrants(others))
		}
		x.each(func(at string, s types.ServiceConfig) {
			limits := s.Deploy
			switch {
			case !slices.Contains(s.CapDrop, "ALL"):
				t.Errorf("%s: %s keeps Docker's default capabilities", at, s.Name)
			case limits == nil || limits.Resources.Limits == nil || limits.Resources.Limits.MemoryBytes == 0 || limits.Resources.Limits.NanoCPUs == 0:
				t.Errorf("%s: %s has no bound of memory and CPU", at, s.Name)
			case s.Restart != "unless-stopped":
				t.Errorf("%s: %s restarts %q", at, s.Name, s.Restart)
			}
			if x.root == "extensions/services" && (s.Logging == nil || s.Logging.Options["max-size"] != "10m" || s.Logging.Options["max-file"] != "3") {
				t.Errorf("%s: %s writes logs without a bound", at, s.Name)
			}
		})
	}
}

// The manifest says all that it may, and the main service of every variant is the one that it means.
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
			probe := main.HealthCheck.Test
			if probe[len(probe)-1] != "healthcheck" && !strings.Contains(strings.Join(probe, " "), "127.0.0.1") { // or it asks itself
				t.Errorf("%s: the healthcheck does not ask at 127.0.0.1: %v", x.id, probe)
			}
		}
	}
}

func TestExtensions_DescribeTheirVariables(t *testing.T) {
	for _, x := range shipped(t) {
		for _, v := range x.Service.EnvVars {
			if v.Description == "" {
				t.Errorf("%s: %s has no description", x.id, v.Key)
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
		if x.Service.Category == manifest.Core && (enabled || disabled) {
			t.Errorf("%s: a core service has its containers in the base files", x.id)
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
