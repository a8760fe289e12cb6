package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// APIKey is a named key of the API as its file holds it: <install>/config/api-keys/<name>.json. Of the key itself
// there is only the SHA-256. The key has 256 random bits, so that the file tells nobody what it is.
type APIKey struct {
	Name    string    `json:"-"` // of the file
	Scope   Scope     `json:"scope"`
	SHA256  KeyDigest `json:"sha256"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	// Extension is whose key it is, when the host agent made it for one; empty for keys of the owner's.
	Extension string `json:"extension,omitempty"`
}

// MaxAPIKeyBytes is how large a key's file may be.
const MaxAPIKeyBytes = 4 << 10

// MaxAPIKeys is how many files of keys count, in the order of their names.
const MaxAPIKeys = 256

// AdminKeyName is what the one key in .env, DASHBOARD_API_KEY, goes by. No named key may have it.
const AdminKeyName = "admin"

const apiKeySuffix = ".json"

var apiKeyName = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)

// APIKeysDir is the folder of the named keys. The API mounts config/ read-only: it cannot give itself a key.
func (s Settings) APIKeysDir() string { return filepath.Join(s.InstallDir, "config", "api-keys") }

// CheckAPIKeyName is nil when a key may have this name.
func CheckAPIKeyName(name string) error {
	switch {
	case !apiKeyName.MatchString(name):
		return fmt.Errorf("%q is no name of a key: write 1 to 63 lower-case letters, digits, - and _, beginning with a letter or digit", name)
	case name == AdminKeyName:
		return fmt.Errorf("%q is the name of the key in .env, DASHBOARD_API_KEY: choose another", name)
	}
	return nil
}

// APIKeyFile is where the named key is, seen from the folder of keys.
func APIKeyFile(name string) string { return name + apiKeySuffix }

// ListAPIKeyFiles lists the names of the files in dir that may be keys. A folder that does not exist has none.
func ListAPIKeyFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries { // sorted
		if strings.HasSuffix(e.Name(), apiKeySuffix) && !strings.HasPrefix(e.Name(), ".") && len(names) < MaxAPIKeys {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// ReadAPIKey reads a key's file in dir. A link, a folder, a pipe, a large or malformed file is an error: whoever
// can put a link there must not make another file count as a key.
func ReadAPIKey(dir, file string) (APIKey, error) {
	name := strings.TrimSuffix(file, apiKeySuffix)
	if err := CheckAPIKeyName(name); err != nil {
		return APIKey{}, err
	}
	// O_NONBLOCK: opening a pipe would wait for a writer.
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return APIKey{}, errors.New("is a symbolic link")
	}
	if err != nil {
		return APIKey{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return APIKey{}, err
	case !info.Mode().IsRegular():
		return APIKey{}, errors.New("is not a regular file")
	case info.Size() > MaxAPIKeyBytes:
		return APIKey{}, fmt.Errorf("is larger than %d bytes", MaxAPIKeyBytes)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxAPIKeyBytes))
	if err != nil {
		return APIKey{}, err
	}
	return parseAPIKey(name, data)
}

// parseAPIKey is strict: a key whose "expire" is a slip of the pen must not live for ever.
func parseAPIKey(name string, data []byte) (APIKey, error) {
	k := APIKey{Name: name}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&k); err != nil {
		return APIKey{}, fmt.Errorf("is not a key's JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return APIKey{}, errors.New("is not a key's JSON: it goes on after the object")
	}
	if !slices.Contains(scopes, k.Scope) {
		return APIKey{}, fmt.Errorf("scope %q is not admin, operate, read or metrics", k.Scope)
	}
	if k.SHA256 == (KeyDigest{}) {
		return APIKey{}, errors.New("has no sha256")
	}
	return k, nil
}

// Expired reports whether the key has ended.
func (k APIKey) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// KeyDigest stands for a key. Comparing digests takes the same time whatever the length and content of a guess.
type KeyDigest [sha256.Size]byte

// DigestOf is the digest of a key.
func DigestOf(key string) KeyDigest { return sha256.Sum256([]byte(key)) }

// MarshalText writes the digest as 64 hexadecimal digits.
func (d KeyDigest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (d *KeyDigest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) || len(text)%2 != 0 {
		return errors.New("sha256 is not 64 hexadecimal digits")
	}
	if _, err := hex.Decode(d[:], text); err != nil {
		return errors.New("sha256 is not 64 hexadecimal digits") // the cause quotes a part of it
	}
	return nil
}
