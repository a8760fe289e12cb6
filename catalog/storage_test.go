package catalog_test

import (
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
)

func TestInstall_OnAFullDiskLeavesNothing(t *testing.T) {
	needsRoot(t)
	in := newInstallation(t, library("notes"), "-- data/extensions-library/notes/model.bin --\n"+strings.Repeat("x", 2<<20))
	got := in.anonymous(in.result(jobFull))
	wantEqual(t, "answer", `disk_full extension "notes": the disk is full: free some space and try again (write $INSTALL/data/user-extensions/.staging-notes/model.bin: no space left on device)`, got)
	wantEqual(t, "unfinished", map[string]string{}, in.pending())
}

func TestInstall_OnAReadOnlyFolderSaysSo(t *testing.T) {
	needsRoot(t)
	in := newInstallation(t, library("notes"))
	got := in.anonymous(in.result(jobSealed))
	wantEqual(t, "answer", "data_read_only the data directory cannot be used: check its mount, its owner and its permissions (lock: open $INSTALL/data/user-extensions/.lock: read-only file system)", got)
	wantEqual(t, "unfinished", map[string]string{}, in.pending())
}

func TestInstall_GivesWhatItMakesToTheOwner(t *testing.T) {
	needsRoot(t)
	in := newInstallation(t, library("notes"))
	in.settings = settings(t, in.dir, "DREAM_UID=1234", "DREAM_GID=4321")
	in.agent.goAway(errAway)
	_, err := in.manager("test").Install(t.Context(), "notes", catalog.Given{})
	in.must(err)
	got := map[string]string{}
	for _, name := range []string{
		"data/user-extensions", "data/user-extensions/notes", "data/user-extensions/notes/compose.yaml",
		"data/operations", "data/operations/pending", "data/operations/pending/notes",
	} {
		got[name] = ownerOf(t, in.path(name))
	}
	for name := range got {
		if got[name] != "1234:4321" {
			t.Errorf("%s belongs to %s", name, got[name])
		}
	}
}

// The API's container can put anything into the folder; the command line must not hang on it.
func TestInstall_DoesNotHangOnAPlantedLock(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.must(os.MkdirAll(in.path("data/user-extensions"), 0o755))
	in.must(mkfifo(in.path("data/user-extensions/.lock")))
	in.mustDo("install notes")
}
