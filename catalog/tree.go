package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"dreamserver/internal/problem"
)

// CopyTree copies the folder src link-free into dst below root and syncs it to disk. It refuses links, special
// files and more than [MaxExtensionBytes]; what is half done stays in dst for the caller to remove. When this
// process is root, the copy belongs to uid and gid unless they are negative. Where others can change src while
// it is read, make it with [FS].
func CopyTree(src fs.FS, root *os.Root, dst string, uid, gid int) error {
	c := copier{src: src, dst: root, into: dst, owner: owner{uid, gid}}
	return fs.WalkDir(src, ".", c.visit)
}

// TreeDigest is a digest of everything in the folder: names, executable bits and contents. It refuses what
// [CopyTree] refuses.
func TreeDigest(src fs.FS) (string, error) {
	h := sha256.New()
	var bytes int64
	var files int
	err := fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return storageError(err)
		}
		if files++; files > maxExtensionFiles {
			return tooMany()
		}
		if d.IsDir() {
			fmt.Fprintf(h, "d %q\n", name)
			return nil
		}
		if err := checkKind(name, d.Type()); err != nil {
			return err
		}
		f, err := src.Open(name)
		if err != nil {
			return storageError(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return storageError(err)
		}
		if !info.Mode().IsRegular() {
			return exchanged(name)
		}
		if bytes += info.Size(); bytes > MaxExtensionBytes {
			return tooLarge()
		}
		fmt.Fprintf(h, "f %q %t %d\n", name, info.Mode()&0o111 != 0, info.Size())
		_, err = io.Copy(h, io.LimitReader(f, MaxExtensionBytes))
		return storageError(err)
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// TreeFiles lists what is in the folder, folders too. It refuses what [CopyTree] refuses.
func TreeFiles(src fs.FS) (names []string, err error) {
	var bytes int64
	err = fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return storageError(err)
		}
		if names = append(names, name); len(names) > maxExtensionFiles {
			return tooMany()
		}
		if d.IsDir() {
			return nil
		}
		if err := checkKind(name, d.Type()); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return storageError(err)
		}
		if bytes += info.Size(); bytes > MaxExtensionBytes {
			return tooLarge()
		}
		return nil
	})
	return names, err
}

func tooMany() error {
	return problem.Newf(problem.ExtensionTooLarge, "more than %d files: an extension is a few small files", maxExtensionFiles)
}

// exchanged is the refusal of what was a regular file when its folder was listed, and is none now.
func exchanged(name string) error {
	return problem.Newf(problem.InvalidExtension, "%s was exchanged while it was read: try again", name)
}

func checkKind(name string, t fs.FileMode) error {
	switch {
	case t.IsRegular():
		return nil
	case t&fs.ModeSymlink != 0:
		return problem.Newf(problem.InvalidExtension, "%s is a symlink: replace it by the file itself", name)
	}
	return problem.Newf(problem.InvalidExtension, "%s is neither a file nor a folder (%s): remove it", name, t)
}

type copier struct {
	src   fs.FS
	dst   *os.Root
	into  string
	owner owner
	bytes int64
	files int
}

func (c *copier) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return storageError(err)
	}
	if c.files++; c.files > maxExtensionFiles {
		return tooMany()
	}
	if d.IsDir() {
		return c.dir(name)
	}
	if err := checkKind(name, d.Type()); err != nil {
		return err
	}
	return c.file(name)
}

func (c *copier) dir(name string) error {
	to := path.Join(c.into, name)
	if err := c.dst.Mkdir(to, 0o755); err != nil {
		return storageError(err)
	}
	f, err := c.dst.Open(to)
	if err != nil {
		return storageError(err)
	}
	defer f.Close()
	return storageError(errors.Join(f.Chmod(0o755), c.owner.give(f), f.Sync())) // whatever the umask is
}

func (c *copier) file(name string) error {
	in, err := c.src.Open(name)
	if err != nil {
		return storageError(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return storageError(err)
	}
	if !info.Mode().IsRegular() {
		return exchanged(name)
	}
	mode := 0o644 | info.Mode().Perm()&0o111 // containers read it as whoever they are
	out, err := c.dst.OpenFile(path.Join(c.into, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return storageError(err)
	}
	defer out.Close()
	n, err := io.Copy(out, io.LimitReader(in, MaxExtensionBytes-c.bytes+1))
	if err != nil {
		return storageError(err)
	}
	if c.bytes += n; c.bytes > MaxExtensionBytes {
		return tooLarge()
	}
	return storageError(errors.Join(out.Chmod(mode), c.owner.give(out), out.Sync()))
}
