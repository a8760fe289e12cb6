package catalog_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

func tree(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		name, executable := strings.CutSuffix(name, "*")
		m[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
		if executable {
			m[name].Mode = 0o755
		}
	}
	return m
}

func digest(t *testing.T, fsys fs.FS) string {
	t.Helper()
	d, err := catalog.TreeDigest(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTreeDigest_SeesEveryChange(t *testing.T) {
	original := tree("compose.yaml=a", "web/index.html=b")
	seen := map[string]string{digest(t, original): "original"}
	for name, other := range map[string]fstest.MapFS{
		"content":           tree("compose.yaml=A", "web/index.html=b"),
		"name":              tree("compose.yml=a", "web/index.html=b"),
		"executable":        tree("compose.yaml*=a", "web/index.html=b"),
		"one file more":     tree("compose.yaml=a", "web/index.html=b", "x="),
		"one file less":     tree("compose.yaml=a"),
		"moved":             tree("compose.yaml=a", "index.html=b"),
		"bytes moved over":  tree("compose.yaml=ab", "web/index.html="),
		"a folder more":     {"compose.yaml": {Data: []byte("a"), Mode: 0o644}, "web/index.html": {Data: []byte("b"), Mode: 0o644}, "d": {Mode: fs.ModeDir | 0o755}},
		"name with newline": tree("compose.yaml=a", "web/index.html\n=b"),
	} {
		d := digest(t, other)
		if same, ok := seen[d]; ok {
			t.Errorf("%s has the digest of %s", name, same)
		}
		seen[d] = name
	}
	if digest(t, original) != digest(t, tree("web/index.html=b", "compose.yaml=a")) {
		t.Error("the same tree has two digests")
	}
}

func TestCopyTree_CopiesWhatTheDigestSees(t *testing.T) {
	src := tree("compose.yaml=a", "web/deep/index.html=b", "run.sh*=c", "empty=")
	root := openRoot(t, t.TempDir())
	if err := catalog.CopyTree(src, root, "copy", -1, -1); err != nil {
		t.Fatal(err)
	}
	copied, err := fs.Sub(root.FS(), "copy")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "digest", digest(t, src), digest(t, copied))
}

func TestCopyTree_TreeDigestAndTreeFiles_RefuseTheSame(t *testing.T) {
	many := fstest.MapFS{}
	for i := range 10_001 {
		many[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Mode: 0o644}
	}
	large := make([]byte, catalog.MaxExtensionBytes/2+1)
	tests := []struct {
		name string
		in   fstest.MapFS
		code problem.Code
		want string
	}{
		{name: "link", in: fstest.MapFS{"a/b": {Data: []byte("c"), Mode: fs.ModeSymlink}}, code: problem.InvalidExtension, want: "a/b is a symlink: replace it by the file itself"},
		{name: "device", in: fstest.MapFS{"a": {Mode: fs.ModeDevice}}, code: problem.InvalidExtension, want: "a is neither a file nor a folder (D---------): remove it"},
		{name: "too large in sum", in: fstest.MapFS{"a": {Data: large, Mode: 0o644}, "b": {Data: large, Mode: 0o644}}, code: problem.ExtensionTooLarge, want: "larger than 50 MB: ship what is big in the image"},
		{name: "too many", in: many, code: problem.ExtensionTooLarge, want: "more than 10000 files: an extension is a few small files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, digestErr := catalog.TreeDigest(tt.in)
			_, filesErr := catalog.TreeFiles(tt.in)
			for what, err := range map[string]error{
				"TreeDigest": digestErr,
				"TreeFiles":  filesErr,
				"CopyTree":   catalog.CopyTree(tt.in, openRoot(t, t.TempDir()), "copy", -1, -1),
			} {
				if !problem.HasCode(err, tt.code) || err.Error() != tt.want {
					t.Errorf("%s: %v, want %s", what, err, tt.want)
				}
			}
		})
	}
}

// swapped is a file system on which a regular file turns out to be a FIFO when it is opened.
type swapped struct{ fs.FS }

func (s swapped) ReadDir(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(tree("compose.yaml=a"), name)
}

func TestCopyTree_DoesNotHangOnAFileThatBecameAFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := mkfifo(filepath.Join(dir, "compose.yaml")); err != nil {
		t.Fatal(err)
	}
	src := swapped{catalog.FS(openRoot(t, dir))}
	const want = "compose.yaml was exchanged while it was read: try again"
	if err := catalog.CopyTree(src, openRoot(t, t.TempDir()), "copy", -1, -1); err == nil || err.Error() != want {
		t.Errorf("CopyTree: %v, want %s", err, want)
	}
	if _, err := catalog.TreeDigest(src); err == nil || err.Error() != want {
		t.Errorf("TreeDigest: %v, want %s", err, want)
	}
}

func TestFS(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, tree("a=1", "b/c=2")); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(catalog.FS(openRoot(t, dir)), "a", "b/c"); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(catalog.FS(openRoot(t, dir)), "out"); err == nil {
		t.Error("a link out of the root was followed")
	}
}

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}
