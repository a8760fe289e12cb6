package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxConfig is the largest config that is read, in bytes.
const maxConfig = 1 << 20

// LoadFile makes the engine of an installation. Without the file there are no policies; one that cannot be understood, or
// that somebody else could change, or take away, locks the engine.
func LoadFile(installDir string, from Sources) *Engine {
	name := filepath.Join(installDir, ConfigFile)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		if err := from.absent(installDir); err != nil {
			return Broken(err)
		}
		return Load(Config{}, from)
	}
	return from.load(name, ConfigFile)
}

// LoadCandidate makes the engine of another file that might take the place of an installation's, under the same rules, for a
// user who could read it. Errors have its own name. A file that is not there locks. Its answers are kept apart.
func LoadCandidate(name string, reader int, from Sources) *Engine {
	from.Cache = nil
	if err := readableBy(reader, name); err != nil {
		return Broken(err)
	}
	return from.load(name, name)
}

// absent refuses that a config is not there where somebody else could have moved it away.
func (from Sources) absent(installDir string) error {
	for dir := filepath.Join(installDir, filepath.Dir(ConfigFile)); ; dir = filepath.Dir(dir) {
		info, err := os.Lstat(dir)
		switch {
		case err == nil && info.Mode()&fs.ModeSymlink != 0:
			err = from.ownersOnly(dir) // and it leads somewhere
		case err == nil:
			err = from.ownersAlone(dir, info)
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		}
		if err != nil || dir == filepath.Clean(installDir) {
			return err
		}
	}
}

// load reads a config that people know as called.
func (from Sources) load(name, called string) *Engine {
	data, err := from.readOwned(name, maxConfig, nil)
	if err != nil {
		return Broken(err)
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
