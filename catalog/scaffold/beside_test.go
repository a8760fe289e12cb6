package scaffold_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/catalog/scaffold"
)

// besideFolder is a folder with these files, as whoever converts opens it.
func besideFolder(t *testing.T, files map[string]string) (dir string, src scaffold.Source) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, scaffold.Source{Name: "f.yml", Folder: catalog.FS(root)}
}

func notesOf(c *scaffold.Conversion) string {
	var b strings.Builder
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "%s: %s\n", n.Kind, n)
	}
	return b.String()
}

// A link may stand anywhere on the way, lead out of the folder or to its neighbour: nothing behind one is read.
func TestConvert_FollowsNoLinks(t *testing.T) {
	outside := t.TempDir()
	for name, target := range map[string]string{"etc": outside, "conf": "real", "deep/conf": outside} {
		t.Run(name, func(t *testing.T) {
			dir, src := besideFolder(t, map[string]string{"real/shadow.txt": "root-only", "real/env": "HIDDEN=root-only"})
			for _, file := range []string{"shadow.txt", "env"} {
				if err := os.WriteFile(filepath.Join(outside, file), []byte("HIDDEN=root-only\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			src.Data = fmt.Appendf(nil, "services: {app: {image: \"a/b:1\", env_file: [%[1]s/env, %[1]s], volumes: [\"./%[1]s/shadow.txt:/s.txt\", \"./%[1]s:/t.txt:ro\"]}}", name)
			c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "leak"}, src)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range c.Files {
				if strings.Contains(string(f.Content), "root-only") {
					t.Errorf("%s holds what lies behind a link:\n%s", f.Name, f.Content)
				}
			}
			if notes := notesOf(c); !strings.Contains(notes, name+"/env is or lies behind a link") {
				t.Errorf("nobody says so:\n%s", notes)
			}
		})
	}
}

// Who makes the extension is told which files go along, and where one does not, for every reason that there is.
func TestConvert_TakesFewAndSmallFilesAlong(t *testing.T) {
	_, src := besideFolder(t, map[string]string{"a/b.conf": "x", "a-b.conf": "y", "large.conf": strings.Repeat("x", 256<<10+1)})
	src.Data = []byte(`services: {app: {image: "a/b:1", volumes: ["./a/b.conf:/1:ro", "./a-b.conf:/2:ro", "./large.conf:/3:ro", "./none.conf:/4:ro", "./a/b.conf:/5:ro"]}}`)
	c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app"}, src)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"changed: line 1: services.app.volumes.0: a/b.conf is copied into the extension's folder as files/a-b.conf, where every user of this machine can read it\n",
		"todo: line 1: services.app.volumes.1: a-b.conf cannot be read (another file has the name files/a-b.conf), so /2 is not mounted",
		"todo: line 1: services.app.volumes.2: large.conf cannot be read (it is larger than the 262144 bytes that go along), so /3 is not mounted",
		"todo: line 1: services.app.volumes.3: none.conf is not beside the compose file, so /4 is not mounted",
		"changed: line 1: services.app.volumes.4: a/b.conf is copied",
	} {
		if !strings.Contains(notesOf(c), want) {
			t.Errorf("no %q in\n%s", want, notesOf(c))
		}
	}
	if len(c.Files) != 3 || c.Files[2].Name != "files/a-b.conf" || string(c.Files[2].Content) != "x" {
		t.Errorf("files %v", c.Files)
	}
}

// Many small files are no way around the bound.
func TestConvert_BoundsWhatGoesAlong(t *testing.T) {
	files, volumes := map[string]string{}, []string{}
	for i := range 40 {
		name := fmt.Sprintf("f%d.conf", i)
		files[name] = strings.Repeat("x", 200<<10)
		volumes = append(volumes, fmt.Sprintf("\"./%s:/%s:ro\"", name, name))
	}
	_, src := besideFolder(t, files)
	src.Data = []byte("services: {app: {image: \"a/b:1\", volumes: [" + strings.Join(volumes, ", ") + "]}}")
	c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app"}, src)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for _, f := range c.Files[2:] {
		bytes += len(f.Content)
	}
	if bytes == 0 || bytes > 4<<20 || !strings.Contains(notesOf(c), "the files together are larger than the 4194304 bytes that go along") {
		t.Errorf("%d bytes go along:\n%s", bytes, notesOf(c))
	}
}

// A stranger's file may have a name that means something beside a manifest. Where it is put, it is a file and nothing else.
func TestConvert_ShipsNoFileThatThePlatformReads(t *testing.T) {
	names := []string{
		"compose.cpu.yaml", "compose.nvidia.yml", "docker-compose.override.yml", "compose.yaml.disabled", "compose.yaml", "manifest.yaml", "manifest.yml",
		"manifest.json", ".env", ".staging-x", "sub/compose.amd.yaml",
	}
	files, volumes := map[string]string{}, []string{}
	for i, name := range names {
		files[name] = "services: {app: {command: [other]}}\n"
		volumes = append(volumes, fmt.Sprintf("\"./%s:/%d:ro\"", name, i))
	}
	_, src := besideFolder(t, files)
	src.Data = []byte(`services: {app: {image: "a/b:1", ports: ["3000:3000"], volumes: [` + strings.Join(volumes, ", ") + "]}}")
	c, err := scaffold.Convert(templates(t), knownNow(t), scaffold.Options{ID: "app", Health: "/"}, src)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Files) != 2+len(names) {
		t.Errorf("%d files, want %d:\n%s", len(c.Files), 2+len(names), notesOf(c))
	}
	for _, f := range c.Files[2:] {
		if !strings.HasPrefix(f.Name, "files/") {
			t.Errorf("%s lies beside the manifest", f.Name)
		}
	}
	dir := lay(t, "app", c.Files)
	want(t, scan(t, dir))
	for _, unit := range load(t, dir) {
		if command := unit.project.Services["app"].Command; len(command) > 0 {
			t.Errorf("on %s it runs %v", unit.backend, command)
		}
	}
}
