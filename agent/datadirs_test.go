package agent_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"dreamserver/internal/problem"
)

const withData = `services:
  app:
    image: example/app:1
    user: "4242:4343"
    volumes: ["./data/app/files/deep:/files", "./data/app/config.ini:/config.ini"]
  app-db:
    image: example/db:1
    volumes: ["./data/app/db:/db"]
  app-web:
    image: example/web:1
    volumes: ["./data/app/web:/web"]
`

func TestStart_MakesDataFoldersForTheirOwner(t *testing.T) {
	in := newInstallation(t, extension("app", withData), "-- data/app/config.ini --\nkept\n")
	in.setEnv("DREAM_UID=1234", "DREAM_GID=1235")
	in.engine.set(func(e *fakeEngine) { e.users["example/db:1"] = "999"; e.users["example/web:1"] = "www-data" })
	in.mustStart("app")
	want := map[string]string{
		"data/app/files":      "drwxr-xr-x 4242:4343", // user:
		"data/app/files/deep": "drwxr-xr-x 4242:4343",
		"data/app/db":         "drwxr-xr-x 999:999",     // the image's USER
		"data/app/web":        "drwxr-xr-x 1234:1235",   // a name that only the image knows: the install's owner
		"data/app/config.ini": "-rw-r--r-- OWNER:GROUP", // was there
	}
	for name, want := range want {
		info, err := os.Lstat(in.path(name))
		in.must(err)
		st := info.Sys().(*syscall.Stat_t)
		got := fmt.Sprintf("%s %d:%d", info.Mode(), st.Uid, st.Gid)
		if os.Geteuid() != 0 || name == "data/app/config.ini" {
			got, want = got[:10], want[:10] // only root gives files away
		}
		wantEqual(t, name, want, got)
	}
}

// A container can put links into its own data; Docker would mount what they point to.
func TestStart_FollowsNoLinkInTheData(t *testing.T) {
	in := newInstallation(t, extension("app", withData), "-- data/app/keep --\n")
	outside := t.TempDir()
	in.must(os.Symlink(outside, in.path("data/app/files")))
	_, err := in.start("app")
	in.wantRefusal(err, problem.InvalidExtension, `extension "app": data folder $INSTALL/data/app/files/deep: $INSTALL/data/app/files: is a symlink: replace it by the folder itself`)
	in.must(os.Remove(in.path("data/app/files")))
	in.must(os.Symlink("/", in.path("data/app/db")))
	_, err = in.start("app")
	in.wantRefusal(err, problem.InvalidExtension, `extension "app": data folder $INSTALL/data/app/db: is a symlink: replace it by the folder itself`)
	made, err := os.ReadDir(outside)
	in.must(err)
	if len(made) > 0 {
		t.Errorf("%s was made through the link", made[0].Name())
	}
	wantEqual(t, "calls", nil, in.docker.calls())
}

// No container can write data itself, so a link there is the operator's: another disk.
func TestStart_FollowsTheOperatorsOwnLink(t *testing.T) {
	in := newInstallation(t, extension("app", withData))
	disk := t.TempDir()
	in.must(os.MkdirAll(in.path("data"), 0o755))
	in.must(os.Symlink(disk, in.path("data/app")))
	in.mustStart("app")
	if _, err := os.Stat(disk + "/files/deep"); err != nil {
		t.Error(err)
	}
}

func TestStart_MakesTheFoldersThatTheManifestLists(t *testing.T) {
	in := newInstallation(t, extension("app", "services: {app: {image: example/app:1, user: \"4242:4343\", volumes: [\"./data/app/in/deep:/in\", \"./data/app/out:/out\"]}}\n",
		`data_dirs: [{path: ., mode: "0711"}, {path: in/deep, uid: 70, mode: "0700"}, {path: unmounted, uid: 1, gid: 2}]`))
	in.setEnv("DREAM_UID=1234", "DREAM_GID=1235")
	in.mustStart("app")
	for name, want := range map[string]string{
		"data/app":           "drwx--x--x 1234:1235",
		"data/app/in":        "drwxr-xr-x 70:70",
		"data/app/in/deep":   "drwx------ 70:70",
		"data/app/unmounted": "drwxr-xr-x 1:2",
		"data/app/out":       "drwxr-xr-x 4242:4343",
	} {
		info, err := os.Lstat(in.path(name))
		in.must(err)
		st := info.Sys().(*syscall.Stat_t)
		got := fmt.Sprintf("%s %d:%d", info.Mode(), st.Uid, st.Gid)
		if os.Geteuid() != 0 {
			got, want = got[:10], want[:10] // only root gives files away
		}
		wantEqual(t, name, want, got)
	}
}
