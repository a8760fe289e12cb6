package config

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
)

// Pair is one line of a .env file.
type Pair struct{ Key, Value string }

// SetEnv gives values to the keys that the .env file lacks, or has empty. What has a value keeps it; comments
// and order stay. The file is replaced in one step, readable by its owner alone, and created if need be; root
// leaves it with the owner that it had, or that its folder has. When nothing is missing nothing is written.
//
// The new content is read back before it takes effect: every other key has the value that it had. SetEnv does
// not lock; two writers at once lose one's keys.
func SetEnv(file string, pairs ...Pair) error {
	if st, err := os.Lstat(file); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s: is a symbolic link, which writing would replace: name the file itself", file)
	}
	data, err := readEnvFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next, err := extend(file, data, pairs)
	if err != nil || next == nil {
		return err
	}
	return writeEnv(file, next)
}

// extend is the content of the file with the pairs that it lacks; nil when it lacks none.
func extend(file string, data []byte, pairs []Pair) ([]byte, error) {
	old, err := ParseEnv(file, data)
	if err != nil {
		return nil, err
	}
	missing, err := missingPairs(file, old, pairs)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	// An empty line of the key is the natural place. Where a later line refers to the key, filling it in
	// would change that line too; the end of the file is safe then.
	for _, edit := range []func([]byte, Pair) []byte{fillIn, appendLine} {
		next := bytes.Clone(data)
		for _, p := range missing {
			next = edit(next, p)
		}
		if holds(file, next, old, missing) {
			return next, nil
		}
	}
	return nil, fmt.Errorf("%s: cannot be extended without changing another value: add the keys by hand", file)
}

func missingPairs(file string, old map[string]string, pairs []Pair) ([]Pair, error) {
	var missing []Pair
	seen := map[string]bool{}
	for _, p := range pairs {
		switch {
		case !keyPattern.MatchString(p.Key):
			return nil, fmt.Errorf("%s: %q is not a variable's name: write letters, digits and _", file, p.Key)
		case strings.ContainsRune(p.Value, 0):
			return nil, fmt.Errorf("%s: %s: the value holds a NUL byte, which no environment can have", file, p.Key)
		case seen[p.Key]:
			return nil, fmt.Errorf("%s: %s is given twice", file, p.Key)
		}
		seen[p.Key] = true
		if old[p.Key] == "" && p.Value != "" {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// fillIn puts the pair in the place of an empty line of its key, else at the end.
func fillIn(data []byte, p Pair) []byte {
	empty := regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?` + p.Key + `[ \t]*=[ \t]*\r?$`)
	at := empty.FindIndex(data)
	if at == nil {
		return appendLine(data, p)
	}
	return bytes.Join([][]byte{data[:at[0]], []byte(p.Key + "=" + quoteEnv(p.Value)), data[at[1]:]}, nil)
}

func appendLine(data []byte, p Pair) []byte {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return fmt.Appendf(data, "%s=%s\n", p.Key, quoteEnv(p.Value))
}

// holds reports whether data reads as old with the pairs added.
func holds(file string, data []byte, old map[string]string, added []Pair) bool {
	got, err := ParseEnv(file, data)
	if err != nil {
		return false
	}
	want := maps.Clone(old)
	for _, p := range added {
		want[p.Key] = p.Value
	}
	return maps.Equal(got, want)
}

var (
	keyPattern   = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)
	plainPattern = regexp.MustCompile(`\A[A-Za-z0-9_./:@%+,=-]+\z`)
)

// quoteEnv writes a value so that Compose's parser reads the same bytes. Single quotes keep everything but a
// quote and a backslash, and shells read them alike, so double quotes are for the rest.
func quoteEnv(value string) string {
	switch {
	case plainPattern.MatchString(value):
		return value
	case !strings.ContainsAny(value, "'\\\n\r"):
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`).Replace(value) + `"`
}

func writeEnv(file string, data []byte) error {
	t, err := renameio.NewPendingFile(file, renameio.WithTempDir(filepath.Dir(file)), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { _ = t.Cleanup() }() // nothing is left of it once it has replaced the file
	if err := keepOwner(t.File, file); err != nil {
		return err
	}
	if _, err := t.Write(data); err != nil {
		return err
	}
	return t.CloseAtomicallyReplace()
}

// keepOwner gives the new file to who owns the old one, or else the folder. Only root can, and needs to.
func keepOwner(f *os.File, file string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	st, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		st, err = os.Stat(filepath.Dir(file))
	}
	if err != nil {
		return err
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// NewKey is a fresh random key of 256 bits, as 64 hexadecimal digits.
func NewKey() Secret {
	key := make([]byte, 32)
	rand.Read(key) // never fails: it ends the program instead
	return Secret(hex.EncodeToString(key))
}
