package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/audit"
)

// mend takes away what can be taken away safely, file by file, and says what that was. The error has every file that
// could not be written. What the settings say lies elsewhere is mended where they are the owner's.
func mend(report *audit.Report, p audit.Project, elsewhere bool) (fixed []audit.Issue, err error) {
	files := report.Mendable()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		i := slices.IndexFunc(p.Roots, func(r audit.Root) bool { return strings.HasPrefix(name, r.Dir+"/") })
		if i < 0 {
			continue
		}
		gone, mendErr := mendBelow(p, p.Roots[i], strings.TrimPrefix(name, p.Roots[i].Dir+"/"), files[name], elsewhere)
		fixed = append(fixed, gone...)
		if mendErr != nil {
			err = errors.Join(err, fmt.Errorf("%s stays as it is: %w", name, mendErr))
		}
	}
	return fixed, err
}

// maxMended is more than a file may have that the audit reads.
const maxMended = 1 << 20

// mendBelow mends a file of one of the project's roots, which is no link and lies behind none: what a stranger's checkout
// points at is not part of it.
func mendBelow(p audit.Project, r audit.Root, name string, found []audit.Issue, elsewhere bool) ([]audit.Issue, error) {
	dir := p.Dir
	folder, ok := below(dir, r.Path)
	switch {
	case ok:
	case !elsewhere:
		return nil, fmt.Errorf("it lies outside %s: run this in the installation that it belongs to", p.Dir)
	default:
		dir, folder = filepath.Dir(r.Path), filepath.Base(r.Path)
	}
	project, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer project.Close()
	for i, c := range folder + "/" {
		if c != '/' {
			continue
		}
		if info, err := project.Lstat(folder[:i]); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s is a link or no folder: run this where the files are", filepath.Join(dir, folder[:i]))
		}
	}
	root, err := project.OpenRoot(folder + "/.") // a folder, see openDir
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return mendFile(root, name, found)
}

// mendFile puts the mended file in place at once and whole, with the owner and mode that it had. No link leads out of
// the root: others may write there.
func mendFile(root *os.Root, name string, found []audit.Issue) ([]audit.Issue, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file any more")
	}
	data, err := readRegular(catalog.FS(root), name, maxMended)
	if err != nil {
		return nil, err
	}
	if len(data) > maxMended {
		return nil, errors.New("it has grown since it was audited")
	}
	data, gone := audit.Mend(data, found)
	if len(gone) == 0 {
		return nil, nil
	}
	temporary := path.Join(path.Dir(name), fmt.Sprintf(".%s.mended-%d", path.Base(name), os.Getpid()))
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	if was := ownerOf(info); was.uid != os.Geteuid() {
		err = errors.Join(err, f.Chown(was.uid, was.gid)) // only root can; for others the file is somebody's, and stays
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return nil, errors.Join(err, root.Remove(temporary))
	}
	return gone, nil
}
