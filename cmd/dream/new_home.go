package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// home is where new extensions are made.
type home struct {
	settings config.Settings
	dir      string
	library  bool // it is an installation's library
}

// newHome is the folder asked for, else the installation's library, else this folder.
func newHome(s config.Settings, dir string) home {
	installed := isInstallation(s.InstallDir)
	switch {
	case dir == "" && installed:
		dir = s.LibraryDir
	case dir == "":
		dir = "."
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	return home{settings: s, dir: abs, library: installed && abs == filepath.Clean(s.LibraryDir)}
}

func (h home) folder(id string) string { return filepath.Join(h.dir, id) }

const schemaFile = "extensions/schema/service-manifest.v1.json"

// schema is the path of the manifest's schema from the new folder: in a checkout or an installation around it, else in
// the installation. Editors read it.
func (h home) schema(id string) string {
	roots := []string{}
	for dir := h.dir; ; dir = filepath.Dir(dir) {
		roots = append(roots, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, root := range append(roots, h.settings.InstallDir) {
		file := filepath.Join(root, filepath.FromSlash(schemaFile))
		if !exists(file) {
			continue
		}
		if rel, err := filepath.Rel(h.folder(id), file); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return ""
}

// write puts the files in place, all at once, with what the gate says of them. A folder that cannot be whole does not
// appear.
func (h home) write(ctx context.Context, done *made) error {
	info, err := os.Stat(h.dir)
	if err != nil {
		return notWritten(err)
	}
	stage, err := os.MkdirTemp(h.dir, ".staging-")
	if err != nil {
		return notWritten(err)
	}
	defer os.RemoveAll(stage) //nolint:errcheck // a name that begins with a dot is no extension
	owner := ownerOf(info)
	if h.library && h.settings.UID >= 0 && h.settings.GID >= 0 {
		owner = person{h.settings.UID, h.settings.GID}
	}
	l := &layout{root: os.Geteuid() == 0, uid: owner.uid, gid: owner.gid}
	if !l.root {
		l.gid = os.Getegid()
	}
	folder := filepath.Join(stage, done.ID)
	if err := l.folder(folder, 0o755, l.uid, true); err != nil {
		return notWritten(err)
	}
	for _, file := range done.Files {
		name := filepath.Join(folder, filepath.FromSlash(file.Name))
		if err := l.folder(filepath.Dir(name), 0o755, l.uid, true); err != nil {
			return notWritten(err)
		}
		if err := l.writeMode(name, file.Content, 0o644); err != nil {
			return notWritten(err)
		}
	}
	verdict, err := h.judge(ctx, folder)
	if err != nil {
		return err
	}
	done.Verdict = &verdict
	if verdict.Verdict == security.Rejected && !done.converted {
		return refusedByGate(verdict)
	}
	if exists(done.Folder) {
		return problem.Newf(problem.Conflict, "%s exists: choose another id, or remove it", done.Folder)
	}
	done.Next = h.next(*done)
	if err := os.Rename(folder, done.Folder); err != nil {
		return notWritten(err)
	}
	return nil
}

// refusedByGate is for an extension whose maker has no file to mend: nothing of it stays.
func refusedByGate(v security.Verdict) error {
	var why []string
	for _, f := range v.Findings {
		if f.Severity == security.Error {
			why = append(why, fmt.Sprintf("%s: %s; %s", f.Where(), f.Message, f.Fix))
		}
	}
	return problem.Newf(problem.ScanRefused, "%s is not made, because the scan would refuse it: %s", v.ID, strings.Join(why, "; "))
}

// notWritten says what to do about a folder that cannot be written.
func notWritten(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.InvalidArgument, "%w: make the folder first, or name another with --dir", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return problem.Newf(problem.DataReadOnly, "%w: run it as the folder's owner or with sudo, or name another folder with --dir", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return problem.Newf(problem.DiskFull, "%w: free some space and run it again", err)
	}
	return err
}

// judge is what `dream scan` will say.
func (h home) judge(ctx context.Context, folder string) (security.Verdict, error) {
	scan, err := scanOf(folder, "", h.settings)
	if err != nil {
		return security.Verdict{}, err
	}
	return catalog.ScanFolder(ctx, scan)
}
