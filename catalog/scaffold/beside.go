package scaffold

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// What lies beside the compose file is a stranger's, too: a file that is taken along, and all of them together.
const (
	maxShipped    = 256 << 10
	maxAllShipped = 4 << 20
)

// errLink is for a name that leads elsewhere: what it leads to is not the compose file's to give away.
var errLink = errors.New("is or lies behind a link")

// checkBeside looks at every folder on the way to the file, and at the file itself. A missing one wraps [fs.ErrNotExist].
func (c *converter) checkBeside(name string) error {
	if c.source.Folder == nil || !fs.ValidPath(name) {
		return fs.ErrNotExist
	}
	for end, r := range name + "/" {
		if r != '/' {
			continue
		}
		info, err := fs.Lstat(c.source.Folder, name[:end])
		switch last := end == len(name); {
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s %w", name[:end], errLink)
		case last && !info.Mode().IsRegular():
			return errors.New("it is no file")
		}
	}
	return nil
}

func (c *converter) isFile(name string) bool { return c.checkBeside(name) == nil }

// besides reads a file that lies beside the compose file, behind no link and not too large.
func (c *converter) besides(name string) ([]byte, error) {
	if err := c.checkBeside(name); err != nil {
		return nil, err
	}
	f, err := c.source.Folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() { // it may have been exchanged since
		return nil, errors.Join(err, errors.New("it is no file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxShipped+1))
	if err == nil && len(data) > maxShipped {
		err = fmt.Errorf("it is larger than the %d bytes that go along", maxShipped)
	}
	return data, err
}

// shippedFolder is where files that are mounted lie in the extension's folder. The platform reads what lies beside the
// manifest by its name: another compose.cpu.yaml there would be an overlay.
const shippedFolder = "files"

// takeAlong reads the file for the extension's folder, and returns the name that it has there.
func (c *converter) takeAlong(source, what string) (name string, err error) {
	name = shippedFolder + "/" + strings.ReplaceAll(source, "/", "-")
	if c.shipped[name] == source {
		return name, nil
	}
	if c.shipped[name] != "" {
		return name, errors.New("another file has the name " + name)
	}
	data, err := c.besides(source)
	if err != nil {
		return name, err
	}
	if c.shippedBytes+len(data) > maxAllShipped {
		return name, fmt.Errorf("the files together are larger than the %d bytes that go along", maxAllShipped)
	}
	c.shippedBytes += len(data)
	c.shipped[name] = source
	c.ships = append(c.ships, File{Name: name, Content: data, What: what})
	return name, nil
}

// whyNot says in a few words why a file is not read.
func whyNot(name string, err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return name + " is not beside the compose file"
	}
	if errors.Is(err, errLink) {
		return name + " is or lies behind a link"
	}
	return name + " cannot be read (" + err.Error() + ")"
}
