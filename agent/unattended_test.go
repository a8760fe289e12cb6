package agent_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dreamserver"
	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
)

// Nobody has to invent a secret: every extension that ships reaches "configured" with what is made, and what a person is
// asked for is no secret. Its stack then loads with the real docker compose.
func TestConfigure_EveryShippedExtensionWithoutInventingASecret(t *testing.T) {
	for _, folder := range []string{"extensions/services", "extensions/library"} {
		fsys, err := fs.Sub(dreamserver.Assets, folder)
		if err != nil {
			t.Fatal(err)
		}
		configureAll(t, fsys)
	}
}

// The same holds for the extensions in the field, whose manifests say less. DREAM_REAL_EXTENSIONS names a folder with
// library/.
func TestConfigure_EveryRealExtensionWithoutInventingASecret(t *testing.T) {
	root := os.Getenv("DREAM_REAL_EXTENSIONS")
	if root == "" {
		t.Skip("DREAM_REAL_EXTENSIONS is not set")
	}
	configureAll(t, os.DirFS(filepath.Join(root, "library")))
}

func configureAll(t *testing.T, fsys fs.FS) {
	t.Helper()
	folders, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	configured := 0
	for _, d := range folders {
		if m, err := manifest.Read(fsys, d.Name()); err == nil && m.Service.Category != manifest.Core {
			t.Run(d.Name(), func(t *testing.T) { configureOne(t, fsys, m) })
			configured++
		}
	}
	if configured < 10 {
		t.Errorf("only %d extensions were configured", configured)
	}
}

func configureOne(t *testing.T, fsys fs.FS, m *manifest.Manifest) {
	t.Helper()
	in := prepare(t)
	id := m.Service.ID
	folder, err := fs.Sub(fsys, id)
	in.must(err)
	in.must(os.CopyFS(in.path("data/user-extensions/"+id), folder))
	in.must(os.CopyFS(in.path("data/extensions-library/"+id), folder))
	for _, name := range []string{compose.BaseFile, "docker-compose.nvidia.yml"} {
		data, err := fs.ReadFile(dreamserver.Assets, name)
		in.must(err)
		in.must(os.WriteFile(in.path(name), data, 0o644))
	}

	c, err := agent.ReadConfig(in.settings, id)
	in.must(err)
	change := catalog.ConfigChange{Values: map[string]string{}}
	for _, v := range c.Variables {
		switch missing := slices.Contains(c.Missing, v.Key); {
		case missing && v.Secret:
			t.Errorf("somebody has to invent the secret %s", v.Key)
			return
		case missing && v.Sample == "":
			t.Errorf("%s is asked for without an example", v.Key)
			return
		case missing:
			change.Values[v.Key] = v.Sample
		case v.Required && v.CanGenerate && !v.Set:
			change.Generate = append(change.Generate, v.Key)
		}
	}
	r, err := agent.ChangeConfig(in.settings, id, change)
	in.must(err)
	if !r.Configured {
		t.Errorf("it still lacks %v", r.Missing)
	}
	in.loads(m)
}

// loads asks the real docker compose for the stack of the base and the extension.
func (in *installation) loads(m *manifest.Manifest) {
	in.t.Helper()
	if os.Getenv("DREAM_TEST_ENGINE") == "" {
		return
	}
	dir := filepath.Join("data/user-extensions", m.Service.ID)
	u, skip := compose.Candidate(compose.Root{FS: os.DirFS(in.path("data/user-extensions")), Prefix: "data/user-extensions"},
		compose.User, m.Service.ID, m, compose.Host{Backend: "nvidia", Tier: "1"})
	if skip != nil {
		in.t.Logf("%s takes no part: %s", dir, skip.Reason)
		return
	}
	in.must(config.SetEnv(in.settings.EnvFile, config.Pair{Key: "DASHBOARD_API_KEY", Value: "k"}, config.Pair{Key: "WEBUI_SECRET", Value: "k"}))
	args := []string{"compose", "--project-directory", in.dir, "-f", compose.BaseFile, "-f", "docker-compose.nvidia.yml"}
	for _, file := range u.Paths {
		args = append(args, "-f", file)
	}
	cmd := exec.CommandContext(in.t.Context(), "docker", append(args, "config", "--quiet", "--no-consistency")...)
	cmd.Dir = in.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + in.t.TempDir()}
	for key, value := range compose.DeclaredEnv(in.load(), m) { // the manifest's defaults, which docker compose does not know
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		in.t.Errorf("docker compose config: %v\n%s", err, strings.TrimSpace(string(out)))
	}
}
