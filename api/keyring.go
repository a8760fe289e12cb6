package api

import (
	"crypto/subtle"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"dreamserver/config"
)

// keyring is the keys that open the API: the one in .env, and the files of named keys as they are at this moment.
// The folder is looked at for each request that shows a named key, so that a key that was taken back opens
// nothing any more; what a file says is remembered until the file is another.
type keyring struct {
	admin config.APIKey
	dir   string
	log   zerolog.Logger

	mu     sync.Mutex
	read   map[string]keyFile // by file name
	unread string             // why the folder could not be read, as logged
}

// keyFile is what a file said when it was this one.
type keyFile struct {
	id  fileID
	key config.APIKey
	bad bool
}

// fileID is another whenever the file is replaced or written: ctime cannot be set back.
type fileID struct {
	dev, ino uint64
	size     int64
	mtime    unix.Timespec
	ctime    unix.Timespec
}

func newKeyring(s config.Settings, log zerolog.Logger) *keyring {
	return &keyring{
		admin: config.APIKey{Name: config.AdminKeyName, Scope: config.ScopeAdmin, SHA256: config.DigestOf(s.APIKey.Reveal())},
		dir:   s.APIKeysDir(), log: log, read: map[string]keyFile{},
	}
}

// find is the key with this digest. It takes the same time wherever among the keys that one is.
func (k *keyring) find(digest config.KeyDigest, now time.Time) (config.APIKey, bool) {
	if same(digest, k.admin.SHA256) {
		return k.admin, true
	}
	var found config.APIKey
	ok := false
	for _, key := range k.named() {
		if same(digest, key.SHA256) && !key.Expired(now) && !ok {
			found, ok = key, true
		}
	}
	return found, ok
}

// holds is the key of this name, while it is still the one with this digest.
func (k *keyring) holds(name string, digest config.KeyDigest, now time.Time) (config.APIKey, bool) {
	if name == config.AdminKeyName {
		return k.admin, same(digest, k.admin.SHA256)
	}
	for _, key := range k.named() {
		if key.Name == name {
			return key, same(digest, key.SHA256) && !key.Expired(now)
		}
	}
	return config.APIKey{}, false
}

func same(a, b config.KeyDigest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// named is the named keys as their files are now. A file that is no key is said in the log, once.
func (k *keyring) named() []config.APIKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, err := config.ListAPIKeyFiles(k.dir)
	if err != nil {
		if k.unread != err.Error() {
			k.log.Warn().Err(err).Msg("the named keys cannot be read: none of them opens anything")
			k.unread = err.Error()
		}
		return nil
	}
	k.unread = ""
	now := make(map[string]keyFile, len(files))
	var keys []config.APIKey
	for _, name := range files {
		f := k.look(name)
		now[name] = f
		if !f.bad {
			keys = append(keys, f.key)
		}
	}
	k.read = now
	return keys
}

// look reads the file, unless it is the one that was read before.
func (k *keyring) look(name string) keyFile {
	id, ok := fileNow(filepath.Join(k.dir, name))
	if before, seen := k.read[name]; ok && seen && before.id == id {
		return before
	}
	f := keyFile{id: id}
	var err error
	if f.key, err = config.ReadAPIKey(k.dir, name); err != nil {
		f.bad = true
		k.log.Warn().Str("file", name).Err(err).Msg("ignored: no key of the API")
	}
	return f
}

func fileNow(file string) (fileID, bool) {
	var st unix.Stat_t
	if err := unix.Lstat(file, &st); err != nil {
		return fileID{}, false
	}
	return fileID{dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}, true //nolint:unconvert // Dev is int32 elsewhere
}
