package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxConfig is the largest config that is read, in bytes.
const maxConfig = 1 << 20

// LoadFile makes the engine of an installation. Without the file there are no policies; one that cannot be understood, or
// that somebody else could change, locks the engine.
func LoadFile(installDir string, from Sources) *Engine {
	return from.load(filepath.Join(installDir, ConfigFile), ConfigFile, true)
}

// LoadCandidate makes the engine of another file that might take the place of an installation's, under the same rules. Errors
// have its own name. A file that is not there locks.
func LoadCandidate(name string, from Sources) *Engine { return from.load(name, name, false) }

// load reads a config that people know as called. maybe reports whether it need not be there.
func (from Sources) load(name, called string, maybe bool) *Engine {
	data, err := os.ReadFile(name)
	switch {
	case maybe && errors.Is(err, fs.ErrNotExist):
		return Load(Config{}, from)
	case err != nil:
		return Broken(err)
	case len(data) > maxConfig:
		return Broken(fmt.Errorf("%s is larger than %d bytes", called, maxConfig))
	}
	for _, p := range []string{name, filepath.Dir(name)} {
		if err := from.ownersOnly(p); err != nil {
			return Broken(err)
		}
	}
	c, err := ParseConfig(data)
	e := Broken(err)
	if err == nil {
		e = Load(c, from)
	}
	if e.locked != nil && called != ConfigFile {
		e.locked = errors.New(strings.ReplaceAll(e.locked.Error(), ConfigFile+":", called+":"))
	}
	sum := sha256.Sum256(data)
	e.source = hex.EncodeToString(sum[:])
	return e
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
