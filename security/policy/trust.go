package policy

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links a path may lead through; Linux has the same.
const maxLinks = 40

// walk visits all that a path stands on, as the kernel would go it: each folder from the root down, each symbolic link, and
// in the end what it names. It returns where that lies without links.
func walk(name string, visit func(path string, info fs.FileInfo) error) (string, error) {
	name, err := whole(name)
	if err != nil {
		return "", err
	}
	at, rest, links := "/", strings.Split(name, "/"), 0
	for {
		info, err := os.Lstat(at)
		if err == nil {
			err = visit(at, info)
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(at)
			if err != nil {
				return "", err
			}
			if links++; links > maxLinks {
				return "", fmt.Errorf("%s leads through more than %d links", name, maxLinks)
			}
			at, rest = filepath.Dir(at), append(strings.Split(target, "/"), rest...)
			if filepath.IsAbs(target) {
				at = "/"
			}
		}
		for len(rest) > 0 && (rest[0] == "" || rest[0] == "." || rest[0] == "..") {
			if rest[0] == ".." {
				at = filepath.Dir(at)
			}
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return at, nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// whole is an absolute path, with its links and dots as they are.
func whole(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	return filepath.Abs(name)
}

// ownersOnly refuses a file or folder that somebody else than root, this user and the installation's owner may change, or
// put another one in the place of: who can write a policy is who it binds. It is sshd's StrictModes, up to the root: each
// folder and link on the way has to be the owners', and nobody else may write there. In a folder with the sticky bit, such
// as /tmp, everybody has only what is theirs; so it may be on the way, and nothing may lie in it itself, beside what others
// put there.
func (from Sources) ownersOnly(name string) error {
	shared := map[string]fs.FileInfo{}
	at, err := walk(name, func(path string, info fs.FileInfo) error {
		if info.IsDir() && info.Mode()&fs.ModeSticky != 0 && info.Mode()&0o022 != 0 {
			shared[path] = info
			return from.belongs(path, info)
		}
		return from.ownersAlone(path, info)
	})
	if err != nil {
		return err
	}
	for _, path := range []string{at, filepath.Dir(at)} {
		if info, is := shared[path]; is {
			return changeable(path, info)
		}
	}
	return nil
}

// ownersAlone is what ownersOnly says of one file, folder or link.
func (from Sources) ownersAlone(path string, info fs.FileInfo) error {
	if err := from.belongs(path, info); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink == 0 && info.Mode()&0o022 != 0 {
		return changeable(path, info)
	}
	return nil
}

func (from Sources) belongs(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() && int(st.Uid) != from.Owner {
		return fmt.Errorf("%s belongs to user %d: give it to root or to the installation's owner", path, st.Uid)
	}
	return nil
}

func changeable(path string, info fs.FileInfo) error {
	return fmt.Errorf("%s may be changed by others (%s): chmod go-w %[1]s", path, info.Mode())
}

// readOwned reads a file of most bytes that the owners alone may change. What it is, is looked at before it is read: a device
// or a pipe would never come to an end. also judges it first; nil does not.
func (from Sources) readOwned(name string, most int64, also func(fs.FileInfo) error) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := regular(name, info, most); err != nil {
		return nil, err
	}
	if also != nil {
		if err := also(info); err != nil {
			return nil, err
		}
	}
	if err := from.ownersOnly(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := regular(name, info, most); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most { // some files of the kernel have no size
		err = tooLarge(name, most)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func regular(name string, info fs.FileInfo, most int64) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", name)
	case info.Size() > most:
		return tooLarge(name, most)
	}
	return nil
}

func tooLarge(name string, most int64) error {
	return fmt.Errorf("%s is larger than %d bytes", name, most)
}

// readableBy refuses a file that the user could not read: what is said of its content would be told to them. Groups do not
// count.
func readableBy(uid int, name string) error {
	if uid == 0 {
		return nil
	}
	_, err := walk(name, func(path string, info fs.FileInfo) error {
		need := fs.FileMode(0o004)
		if info.IsDir() {
			need = 0o001
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && int(st.Uid) == uid || info.Mode()&need == need || info.Mode()&fs.ModeSymlink != 0 {
			return nil
		}
		return fmt.Errorf("%s is not for user %d to read (%s): put the file where whoever asks may read it", path, uid, info.Mode())
	})
	return err
}
