package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// maxFiles is how many files a program may be made of: they are looked at before each question.
const maxFiles = 10_000

// code is what a program is made of, as far as its command line and its folder tell: the program, each argument that is a
// file, and all of its folder where it has one of its own among the plugins. What it takes from elsewhere nobody sees here.
type code struct {
	program string
	files   []codeFile
	whole   bool // there is nothing else that we know of
}

// codeFile is a file, or a symbolic link to one.
type codeFile struct {
	name string
	link string      // what it names, when it is one
	info fs.FileInfo // of the file
}

// pycache is where Python puts what it has compiled: it follows from the sources, and comes by itself.
const pycache = "__pycache__"

// codeOf finds it, and refuses what others than the owners could change.
func (from Sources) codeOf(argv []string) (code, error) {
	c := code{program: argv[0], whole: true}
	info, err := os.Stat(argv[0])
	switch {
	case err != nil:
		return c, err
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return c, fmt.Errorf("%s is no program: it is not a file that can be executed", argv[0])
	}
	if err := from.addTo(&c, argv[0], info); err != nil {
		return c, err
	}
	for _, word := range argv[1:] {
		if _, value, pair := strings.Cut(word, "="); pair {
			word = value // of --config=/etc/x.yml
		}
		if !filepath.IsAbs(word) {
			word = filepath.Join(filepath.Dir(argv[0]), word) // where it is run
		}
		info, err := os.Stat(word)
		switch {
		case err != nil: // a word
		case info.IsDir():
			c.whole = false // what is in it may be its code
		case info.Mode().IsRegular():
			if err := from.addTo(&c, word, info); err != nil {
				return c, err
			}
		}
	}
	if err := from.folderOf(&c); err != nil {
		return c, err
	}
	slices.SortFunc(c.files, func(a, b codeFile) int { return strings.Compare(a.name, b.name) })
	c.files = slices.CompactFunc(c.files, func(a, b codeFile) bool { return a.name == b.name })
	return c, nil
}

// addTo takes a file with everything on the way to it.
func (from Sources) addTo(c *code, name string, info fs.FileInfo) error {
	c.files = append(c.files, codeFile{name: filepath.Clean(name), info: info})
	return from.ownersOnly(name)
}

// folderOf takes the program's own folder.
func (from Sources) folderOf(c *code) error {
	if from.Dir == "" {
		return nil
	}
	below, err := filepath.Rel(from.Dir, c.program)
	if err != nil {
		return nil //nolint:nilerr // it is elsewhere
	}
	name, _, inside := strings.Cut(below, "/")
	if !inside || name == ".." {
		return nil
	}
	named := filepath.Join(from.Dir, name)
	root, err := filepath.EvalSymlinks(named)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := from.ownersAlone(path, info); err != nil {
			return err
		}
		if len(c.files) > maxFiles {
			return fmt.Errorf("%s has more than %d files: put what does not change elsewhere", named, maxFiles)
		}
		shown := filepath.Join(named, strings.TrimPrefix(path, root)) // as people, and the command line, know it
		switch {
		case info.Mode().IsRegular() && filepath.Base(filepath.Dir(path)) != pycache:
			c.files = append(c.files, codeFile{name: shown, info: info})
		case info.Mode()&fs.ModeSymlink != 0:
			return from.linkIn(c, root, path, shown)
		}
		return nil
	})
}

// linkIn takes a symbolic link of the program's folder, and the file that it names.
func (from Sources) linkIn(c *code, root, path, shown string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	f := codeFile{name: shown, link: target}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it leads nowhere
	case err != nil:
		return err
	default:
		if err := from.ownersOnly(path); err != nil {
			return err
		}
		f.info = info
		if at, err := filepath.EvalSymlinks(path); err != nil || info.IsDir() && !strings.HasPrefix(at, root+"/") {
			c.whole = false
		}
	}
	c.files = append(c.files, f)
	return nil
}

// digest is that of the program where it is all; else of all files, by their place.
func (c code) digest() (string, error) {
	if len(c.files) == 1 {
		return digestOf(c.program)
	}
	var all [][3]string
	for _, f := range c.files {
		name, err := filepath.Rel(filepath.Dir(c.program), f.name)
		if err != nil {
			return "", err
		}
		sum := ""
		if f.info != nil && f.info.Mode().IsRegular() {
			if sum, err = digestOf(f.name); err != nil {
				return "", err
			}
		}
		all = append(all, [3]string{name, f.link, sum})
	}
	data, err := json.Marshal(all)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// more says that a program is not all of the code.
func (c code) more() string {
	if n := len(c.files) - 1; n > 0 {
		return fmt.Sprintf(", or one of the %d files beside it,", n)
	}
	return ""
}

// marks are by file.
func (c code) marks(now time.Time) []fileMark {
	out := make([]fileMark, len(c.files))
	for i, f := range c.files {
		out[i] = fileMark{name: f.name, link: f.link, asked: now}
		if f.info == nil {
			continue
		}
		if st, ok := f.info.Sys().(*syscall.Stat_t); ok {
			out[i].dev, out[i].inode, out[i].size, out[i].changed = uint64(st.Dev), st.Ino, st.Size, changeTime(st) //nolint:unconvert // it is 32 bits wide on a Mac
		}
	}
	return out
}

// fileMark is what changes with a file's content: nobody but root can set the time of its last change.
type fileMark struct {
	name, link     string
	dev, inode     uint64
	size           int64
	changed, asked time.Time
}

// settled is how old a change must be for a second one to have another time.
const settled = 2 * time.Second

// settledAs reports whether the file is the one that was known, and old enough then for that to be certain.
func (m fileMark) settledAs(known fileMark) bool {
	same := m.name == known.name && m.link == known.link && m.dev == known.dev && m.inode == known.inode && m.size == known.size && m.changed.Equal(known.changed)
	return same && (m.inode == 0 && m.link != "" || m.inode != 0 && known.asked.Sub(known.changed) > settled)
}

// digestOf is the SHA-256 of a file.
func digestOf(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
