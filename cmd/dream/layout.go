package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/security/policy"
)

// layout puts an installation's folders and shipped files in place. Each file appears under its name at once and
// whole; what is as it should be is not touched.
type layout struct {
	assets   fs.FS
	settings config.Settings
	root     bool // this process may give files away
	uid, gid int  // the install's owner

	made    []string // folders and files that were not there
	updated []string // files that were another version
	same    int
}

// apply makes the folders, then the files.
func (l *layout) apply() error {
	s := l.settings
	for _, d := range []struct {
		path string
		mode fs.FileMode
		// exact folders have this mode and owner however they were before.
		exact bool
		// agents folders belong to who runs the agent, which is who runs us.
		agents bool
	}{
		{path: s.InstallDir, mode: 0o755},
		{path: filepath.Join(s.InstallDir, "config"), mode: 0o755},
		{path: filepath.Join(s.InstallDir, filepath.Dir(policy.ConfigFile)), mode: 0o755}, // nobody else may put a config there
		{path: s.APIKeysDir(), mode: keyFolderMode},
		{path: s.TLSDir(), mode: 0o750}, // holds a private key
		{path: filepath.Join(s.InstallDir, "extensions"), mode: 0o755},
		{path: s.ServicesDir, mode: 0o755},
		// Others may pass through run to the socket, and not list or change it.
		{path: filepath.Dir(s.AgentSocket), mode: 0o710, exact: true, agents: true},
		{path: s.StateDir, mode: 0o700, exact: true, agents: true},
		// Others stay out: a container that is root can leave a set-uid program in its data.
		{path: s.DataDir, mode: 0o750},
		{path: filepath.Join(s.DataDir, "models"), mode: 0o755},
		{path: s.LibraryDir, mode: 0o755},
		{path: s.UserExtensionsDir, mode: 0o755},
		{path: s.OperationsDir, mode: 0o755},
	} {
		uid := l.uid
		if d.agents {
			uid = os.Geteuid()
		}
		if err := l.folder(d.path, d.mode, uid, d.exact); err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
	}
	return l.files()
}

// folder makes a folder, and its parents if need be. The owner may have put a link in its place, to another
// disk: what that leads to is not ours to change.
func (l *layout) folder(dir string, mode fs.FileMode, uid int, exact bool) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return err
		}
		if err := os.Mkdir(dir, mode); err != nil {
			return err
		}
		l.made = append(l.made, dir)
		exact = true // the umask may have taken bits away
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		if info, err = os.Stat(dir); err != nil || !info.IsDir() {
			return errors.New("is a link to no folder: make the folder that it names")
		}
		return nil
	case !info.IsDir():
		return errors.New("is not a folder: move it away")
	}
	if info != nil && !l.root && ownerOf(info).uid != os.Geteuid() {
		return nil // root's, from an init or an agent that ran as root
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	if exact {
		err = f.Chmod(mode)
	}
	return errors.Join(err, l.give(f, uid), f.Close())
}

// give makes the file belong to the install's group, and to uid. Only root can give files away; for others the
// file is theirs already, and the group one of their own.
func (l *layout) give(f *os.File, uid int) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !l.root {
		uid = os.Geteuid()
	}
	if ownerOf(info) == (person{uid, l.gid}) {
		return nil
	}
	return f.Chown(uid, l.gid)
}

func ownerOf(info fs.FileInfo) person {
	st := info.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // os files on Unix have it
	return person{int(st.Uid), int(st.Gid)}
}

// files lays out what is shipped. Where it lies in the assets is where it belongs, but for the library.
func (l *layout) files() error {
	return fs.WalkDir(l.assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := l.place(name)
		if d.IsDir() {
			return l.folder(to, 0o755, l.uid, false)
		}
		data, err := fs.ReadFile(l.assets, name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, "extensions/services/") {
			to = switched(to)
		}
		if err := l.write(to, data); err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
		return nil
	})
}

// compare lists the shipped files that are not there and those that are another version, and how many there are. Folders
// that an installation has are among the missing. It changes nothing.
func (l *layout) compare() (missing, changed []string, shipped int, err error) {
	s := l.settings
	for _, dir := range []string{s.ServicesDir, filepath.Dir(s.AgentSocket), s.StateDir, s.DataDir, s.LibraryDir} {
		if !exists(dir) {
			missing = append(missing, dir)
		}
	}
	err = fs.WalkDir(l.assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		shipped++
		to := l.place(name)
		if strings.HasPrefix(name, "extensions/services/") {
			to = switched(to)
		}
		want, err := fs.ReadFile(l.assets, name)
		if err != nil {
			return err
		}
		switch info, err := os.Stat(to); {
		case errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(name, "extensions/library/"):
			missing = append(missing, seenFrom(s.InstallDir, to))
		case errors.Is(err, fs.ErrPermission):
			return err
		case err != nil || info.Size() != int64(len(want)) || !l.holds(to, want):
			changed = append(changed, seenFrom(s.InstallDir, to))
		}
		return nil
	})
	return missing, changed, shipped, err
}

// place is where a shipped file belongs.
func (l *layout) place(name string) string {
	for _, at := range []struct{ from, to string }{
		{"extensions/library", l.settings.LibraryDir},
		{"extensions/services", l.settings.ServicesDir},
	} {
		if rest, ok := strings.CutPrefix(name, at.from); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(at.to, filepath.FromSlash(rest))
		}
	}
	return filepath.Join(l.settings.InstallDir, filepath.FromSlash(name))
}

// switched is the name that the file has in the installation. State is the file name: a built-in extension that
// its owner switched off stays off, and one that is on stays on.
func switched(to string) string {
	twin := to + compose.DisabledSuffix
	if on, ok := strings.CutSuffix(to, compose.DisabledSuffix); ok {
		twin = on
	}
	if !exists(to) && exists(twin) {
		return twin
	}
	return to
}

func (l *layout) write(to string, data []byte) error {
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(data, []byte("#!")) { // embedded files have lost their mode
		mode = 0o755
	}
	info, err := os.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a folder: move it away")
	case info.Mode().IsRegular() && info.Mode().Perm() == mode && l.holds(to, data):
		l.same++
		return nil
	}
	if err := l.writeMode(to, data, mode); err != nil {
		return err
	}
	if info == nil {
		l.made = append(l.made, to)
	} else {
		l.updated = append(l.updated, to)
	}
	return nil
}

func (l *layout) holds(name string, data []byte) bool {
	have, err := os.ReadFile(name)
	return err == nil && bytes.Equal(have, data)
}

func (l *layout) writeMode(to string, data []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(to, renameio.WithTempDir(filepath.Dir(to)), renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // after a success there is nothing left to clean up
	if _, err := f.Write(data); err != nil {
		return err
	}
	return errors.Join(l.give(f.File, l.uid), f.CloseAtomicallyReplace())
}

// protect makes a file its owner's alone, whoever wrote it.
func (l *layout) protect(name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), l.give(f, l.uid), f.Close())
}

// checkPlace refuses a folder in which an installation would destroy or expose something.
func checkPlace(dir, home string) error {
	if strings.Contains(dir, "%") {
		return fmt.Errorf("%s has a %% in its name, which docker compose cannot read: name another folder", dir)
	}
	place, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if at, err := filepath.EvalSymlinks(home); place == "/" || err == nil && place == at {
		return fmt.Errorf("%s cannot be an installation: name a folder of its own, such as %s", dir, path.Join(home, "dream-server"))
	}
	entries, err := os.ReadDir(place)
	if err != nil {
		return err
	}
	var foreign []string
	for _, e := range entries {
		switch {
		case e.Name() == "go.mod":
			return fmt.Errorf("%s is a checkout of Go sources: switching extensions would rename tracked files; name another folder with --install-dir", dir)
		case !ours(e.Name()):
			foreign = append(foreign, e.Name())
		}
	}
	if len(foreign) > 0 && !exists(filepath.Join(place, compose.BaseFile)) {
		return fmt.Errorf("%s holds other files (%s) and is no installation: name a new or an empty folder", dir, list(foreign[:min(3, len(foreign))]))
	}
	return nil
}

// ours reports whether a file of this name can be from an installation that was begun: by make run, or by an
// init that did not end.
func ours(name string) bool {
	return slices.Contains([]string{"bin", "config", "data", "extensions", "run", "state", "tls", ".env", "lost+found"}, name) ||
		strings.HasPrefix(name, "docker-compose.") && name != "docker-compose.yml" || strings.HasPrefix(name, ".docker-compose.")
}
