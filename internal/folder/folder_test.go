package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dreamserver/internal/folder"
)

func TestOpen_LeavesTheParentByNoLink(t *testing.T) {
	parent, elsewhere := t.TempDir(), t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(parent, "real"), 0o755))
	must(os.Symlink(elsewhere, filepath.Join(parent, "link")))
	must(os.Symlink("../"+filepath.Base(elsewhere), filepath.Join(parent, "relative")))
	for name, opens := range map[string]bool{"real": true, "link": false, "relative": false, "missing": false} {
		root, err := folder.Open(filepath.Join(parent, name))
		if (err == nil) != opens {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			root.Close()
		}
		if name == "missing" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want that it does not exist", name, err)
		}
	}
}
