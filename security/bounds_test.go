package security_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security"
)

const everyBackend = "schema_version: dream.services.v1\nservice: {id: web, name: Web, port: 80, gpu_backends: [all]}\n"

// overlaid are the files of an extension that is another one on each kind of machine: twenty variants, with the same
// text in each file.
func overlaid(text string) fstest.MapFS {
	files := fstest.MapFS{"web/manifest.yaml": {Data: []byte(everyBackend)}, "web/compose.yaml": {Data: []byte(text)}}
	for _, backend := range compose.Backends() {
		for _, kind := range []string{backend, "multigpu-" + backend} {
			files["web/compose."+kind+".yaml"] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	files["web/compose.local.yaml"] = &fstest.MapFile{Data: []byte(text)}
	return files
}

// folderOf is an extension's folder as an install would judge it.
func folderOf(fsys fs.FS, source compose.Source, dir string, m *manifest.Manifest) security.Folder {
	own := "/srv/dream/data/extensions-library/" + dir
	if source == compose.Builtin {
		own = "/srv/dream/extensions/services/" + dir
	}
	return security.Folder{
		Root: compose.Root{FS: fsys}, Dir: dir, OwnDir: own, Source: source, Manifest: m,
		Settings: config.Settings{Names: config.DefaultNames(), InstallDir: "/srv/dream", DataDir: "/srv/dream/data"},
		CoreIDs:  []string{"llama-server", "open-webui", "dashboard", "dashboard-api"},
	}
}

// judged reads the manifest and judges the folder.
func judged(ctx context.Context, fsys fs.FS, source compose.Source, dir string) (security.Verdict, error) {
	m, err := manifest.Read(fsys, dir)
	if err != nil {
		return security.Verdict{}, err
	}
	return security.Judge(ctx, folderOf(fsys, source, dir, m))
}

func repeat(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "@", fmt.Sprint(i)))
	}
	return b.String()
}

const webService = "services:\n  web:\n    image: x\n"

// Each file is within the bounds; twenty variants of them are not.
func TestJudge_BoundsAllVariantsTogether(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"values", "x-a: {" + repeat(100, "k@: [1, 2, 3, 4, 5, 6], ") + "}\n" + webService, "more than 12000 values in all files together"},
		{"bytes", webService + strings.Repeat("#\n", 40_000), "more than 1048576 bytes in all files together"},
		{"variables", webService + "    command:\n" + repeat(150, "      - ${A}\n"), "more than 5000 uses of variables"},
		{"ports", webService + "    ports: ['127.0.0.1:8000-8099:80-179']\n", "more than 1024 ports in all ranges together"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := judged(t.Context(), overlaid(tt.text), compose.User, "web")
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, f := range security.Errors(v.Findings) {
				found = append(found, f.Message)
			}
			if len(found) != 1 || found[0] != tt.want {
				t.Errorf("refused for %q, want %q and nothing else", found, tt.want)
			}
		})
	}
}

// An honest extension may have an overlay for each kind of machine.
func TestJudge_AcceptsEveryOverlay(t *testing.T) {
	v, err := judged(t.Context(), overlaid(webService+"    environment:\n"+repeat(40, "      A@: x\n")), compose.User, "web")
	if err != nil || v.Verdict != security.Accepted {
		t.Errorf("Judge = %s, %v; want accepted", v.Verdict, v.Err())
	}
}

// A thousand findings are no reason to compare each with each.
func TestJudge_SaysEachFindingOnce(t *testing.T) {
	v, err := judged(t.Context(), overlaid(webService+"    cap_add:\n"+repeat(50, "      - CAP@\n")), compose.User, "web")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[security.Finding]bool{}
	for _, f := range v.Findings {
		if seen[f] {
			t.Errorf("%+v twice", f)
		}
		seen[f] = true
	}
	if got := len(security.Errors(v.Findings)); got != 50 {
		t.Errorf("%d errors, want 50", got)
	}
}
