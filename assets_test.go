package dreamserver_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

var coreServices = []string{"dashboard", "dashboard-api", "llama-server", "open-webui"}

func TestAssets_BaseStackLoadsForEveryBackend(t *testing.T) {
	for _, backend := range compose.Backends() {
		t.Run(backend, func(t *testing.T) {
			unit := loadBase(t, backend, nil)
			if diff := cmp.Diff(coreServices, unit.ServiceNames()); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
			for name, s := range unit.Project.Services {
				if s.Image == "" || s.Restart != "unless-stopped" || s.HealthCheck == nil || s.Logging == nil || s.Privileged ||
					!slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
					t.Errorf("%s lacks what every core service has", name)
				}
				for _, p := range s.Ports {
					if p.HostIP != "127.0.0.1" {
						t.Errorf("%s publishes %s on %q, want 127.0.0.1", name, p.Published, p.HostIP)
					}
				}
				if strings.Contains(strings.Join(s.HealthCheck.Test, " "), "localhost") {
					t.Errorf("%s: the healthcheck must name 127.0.0.1: localhost may be ::1", name)
				}
			}
		})
	}
}

// llama-server has no bound of its own in the base file: each kind of machine gives it one.
func TestAssets_LlamaServerIsBoundedOnEveryKindOfMachine(t *testing.T) {
	for _, backend := range compose.Backends() {
		for _, several := range []bool{false, true} {
			names := []string{compose.BaseFile, "docker-compose." + backend + ".yml"}
			multi := "docker-compose.multigpu-" + backend + ".yml"
			if several && (backend == "nvidia" || backend == "amd") {
				names = append(names, multi)
			} else if _, err := fs.Stat(dreamserver.Assets, multi); several && err == nil {
				t.Errorf("%s: nobody has several of these", multi)
			}
			in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: map[string]string{"DASHBOARD_API_KEY": "k", "DREAM_AGENT_KEY": "a"}}
			for _, name := range names {
				in.Files = append(in.Files, compose.File{Name: name, Content: read(t, name)})
			}
			unit, err := compose.Load(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			s := unit.Project.Services["llama-server"]
			if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 {
				t.Errorf("%v: no memory limit", names)
			}
			if mode := s.Environment["LLAMA_ARG_SPLIT_MODE"]; (mode != nil) != (len(names) == 3) {
				t.Errorf("%v: split mode %v", names, mode)
			}
		}
	}
}

func TestAssets_TheAPIHoldsNoSocketNoRootAndWritesToTwoFolders(t *testing.T) {
	services := loadBase(t, "cpu", nil).Project.Services
	var writes []string
	for _, name := range []string{"dashboard-api", "dashboard"} {
		s := services[name]
		if !s.ReadOnly || s.User != "1234:1234" || len(s.CapAdd) > 0 {
			t.Errorf("%s: read_only %t, user %q, cap_add %v", name, s.ReadOnly, s.User, s.CapAdd)
		}
		for _, v := range s.Volumes {
			if strings.Contains(v.Source, "docker.sock") || strings.HasSuffix(v.Source, ".env") || strings.Contains(v.Source, "state") {
				t.Errorf("%s mounts %s", name, v.Source)
			}
			if !v.ReadOnly {
				writes = append(writes, v.Source)
			}
		}
	}
	for name, s := range services {
		for _, v := range s.Volumes {
			if (name == "dashboard") != (v.Source == "./tls") {
				t.Errorf("%s mounts %s: the private key is for the dashboard alone, and nothing else is", name, v.Source)
			}
		}
	}
	if diff := cmp.Diff([]string{"./data/user-extensions", "./data/operations"}, writes); diff != "" {
		t.Errorf("writable mounts (-want +got):\n%s", diff)
	}
	for key := range services["dashboard"].Environment {
		if config.IsPlatformSecret(key) {
			t.Errorf("the dashboard gets %s", key)
		}
	}
}

// Only the dashboard can be published for other machines.
func TestAssets_TheLANReachesTheDashboardAlone(t *testing.T) {
	for address, want := range map[string]string{"192.168.1.5": "192.168.1.5", "::": "::", "": "127.0.0.1"} {
		for name, s := range loadBase(t, "cpu", map[string]string{"DASHBOARD_LAN_ADDRESS": address}).Project.Services {
			host := "127.0.0.1"
			if name == "dashboard" {
				host = want
			}
			for _, p := range s.Ports {
				if p.HostIP != host {
					t.Errorf("%q: %s publishes %s on %q, want %q", address, name, p.Published, p.HostIP, host)
				}
			}
			if got := s.Environment["DASHBOARD_LAN_ADDRESS"]; name == "dashboard" && (got == nil || *got != want) {
				t.Errorf("%q: the dashboard is told %v, want %q", address, got, want)
			}
		}
	}
}

// The API gets a key that opens less than the owner's; where .env is older and has none, the owner's.
func TestAssets_TheAPIGetsItsOwnKeyOfTheAgent(t *testing.T) {
	for own, want := range map[string]string{"apis": "apis", "": "a"} {
		for name, s := range loadBase(t, "cpu", map[string]string{"DREAM_AGENT_API_KEY": own}).Project.Services {
			for key, value := range s.Environment {
				if strings.Contains(key, "AGENT") && strings.HasSuffix(key, "_KEY") && (name != "dashboard-api" || key != "DREAM_AGENT_KEY" || *value != want) {
					t.Errorf("own key %q: %s gets %s=%s, want %s", own, name, key, *value, want)
				}
			}
		}
	}
}

func loadBase(t *testing.T, backend string, env map[string]string) *compose.Unit {
	t.Helper()
	in := compose.Input{ID: "base", Source: compose.Builtin, Base: true, Env: map[string]string{
		"DASHBOARD_API_KEY": "k", "DREAM_AGENT_KEY": "a", "DREAM_UID": "1234", "DREAM_GID": "1234",
	}}
	maps.Copy(in.Env, env)
	for _, name := range []string{compose.BaseFile, "docker-compose." + backend + ".yml"} {
		in.Files = append(in.Files, compose.File{Name: name, Content: read(t, name)})
	}
	unit, err := compose.Load(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

func TestAssets_EveryManifestParsesWithoutAWarning(t *testing.T) {
	for _, root := range []string{"extensions/services", "extensions/library"} {
		entries, err := fs.ReadDir(dreamserver.Assets, root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			m, err := manifest.Read(dreamserver.Assets, path.Join(root, e.Name()))
			if err != nil {
				t.Error(err)
				continue
			}
			for _, w := range m.Warnings {
				t.Errorf("%s:%d: %s: %s", w.File, w.Line, w.Path, w.Message)
			}
			if core := slices.Contains(coreServices, e.Name()); core != (m.Service.Category == manifest.Core) {
				t.Errorf("%s has category %s", e.Name(), m.Service.Category)
			}
			if err := manifest.CheckFolder(m, e.Name()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAssets_CatalogueListsTheLibrary(t *testing.T) {
	var index struct {
		Extensions []struct {
			ID       string             `json:"id"`
			Name     string             `json:"name"`
			EnvVars  []manifest.EnvVar  `json:"env_vars"`
			Features []manifest.Feature `json:"features"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(read(t, "config/extensions-catalog.json"), &index); err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(dreamserver.Assets, "extensions/library")
	if err != nil {
		t.Fatal(err)
	}
	var listed, library []string
	for _, x := range index.Extensions {
		listed = append(listed, x.ID)
		m, err := manifest.Read(dreamserver.Assets, path.Join("extensions/library", x.ID))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.Service.EnvVars, x.EnvVars); diff != "" || m.Service.Name != x.Name {
			t.Errorf("%s: name or env_vars (-manifest +catalogue):\n%s", x.ID, diff)
		}
		if diff := cmp.Diff(m.Features, x.Features); diff != "" {
			t.Errorf("%s: features (-manifest +catalogue):\n%s", x.ID, diff)
		}
	}
	for _, e := range entries {
		library = append(library, e.Name())
	}
	if diff := cmp.Diff(library, listed); diff != "" {
		t.Errorf("ids (-library +catalogue):\n%s", diff)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(dreamserver.Assets, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// docs/configuration.md has every setting, those of the core services among them.
func TestAssets_EveryVariableOfTheBaseFilesIsDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(dreamserver.Assets, "docker-compose*.yml")
	if err != nil || len(names) < 8 {
		t.Fatalf("%v, %v, want the base files", names, err)
	}
	variable := regexp.MustCompile(`\$\{([A-Z0-9_]+)`)
	for _, name := range names {
		for _, match := range variable.FindAllStringSubmatch(string(read(t, name)), -1) {
			if !strings.Contains(string(page), "`"+match[1]+"`") {
				t.Errorf("%s reads %s, which docs/configuration.md does not have", name, match[1])
			}
		}
	}
}
