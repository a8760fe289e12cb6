package catalog_test

import (
	"os"
	"testing"
)

// Whoever can write data/operations, as the API's container can, must not be able to keep anything running.
func TestManager_TurnsOffWithoutItsJournal(t *testing.T) {
	for name, spoil := range map[string]func(in *installation){
		"a folder in the record's place": func(in *installation) {
			in.must(os.MkdirAll(in.path("data/operations/pending/notes"), 0o755))
		},
		"a file in the folder's place": func(in *installation) {
			in.must(os.MkdirAll(in.path("data/operations"), 0o755))
			in.must(os.WriteFile(in.path("data/operations/pending"), nil, 0o644))
		},
		"a link in the folder's place": func(in *installation) {
			in.must(os.MkdirAll(in.path("data/operations"), 0o755))
			in.must(os.Symlink("/etc", in.path("data/operations/pending")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, enabled("notes"), library("other"))
			spoil(in)
			in.mustDo("stop notes")
			in.mustDo("disable notes")
			in.mustDo("uninstall notes")
		})
	}
}
