package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxConfig is the largest config that is read, in bytes.
const maxConfig = 1 << 20

// LoadFile makes the engine of an installation. Without the file there are no policies; one that cannot be understood, or
// that somebody else could change, locks the engine.
func LoadFile(installDir string, from Sources) *Engine {
	name := filepath.Join(installDir, ConfigFile)
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Load(Config{}, from)
	case err != nil:
		return Broken(err)
	case len(data) > maxConfig:
		return Broken(fmt.Errorf("%s is larger than %d bytes", ConfigFile, maxConfig))
	}
	for _, p := range []string{name, filepath.Dir(name)} {
		if err := from.ownersOnly(p); err != nil {
			return Broken(err)
		}
	}
	c, err := ParseConfig(data)
	if err != nil {
		return Broken(err)
	}
	return Load(c, from)
}

// ownersOnly refuses a file or folder that somebody else than root, this user and the installation's owner may change: who
// can write a policy is who it binds.
func (from Sources) ownersOnly(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() && int(st.Uid) != from.Owner {
		return fmt.Errorf("%s belongs to user %d: give it to root or to the installation's owner", name, st.Uid)
	}
	if info.Mode()&0o022 != 0 {
		return fmt.Errorf("%s may be changed by others (%s): chmod go-w %s", name, info.Mode(), name)
	}
	return nil
}
