package catalog

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// readOffer reads the library's folder id as an install does, and says why there would be none: the one opinion that
// the installer, the snapshot and the catalogue's file have. read is [manifest.Read] or a cache of it, version the
// platform's. The manifest is nil for a folder that cannot be listed at all; with a manifest and an error there is an
// extension to show, and nothing to install.
func readOffer(library fs.FS, id, version string, read func(fs.FS, string) (*manifest.Manifest, error)) (*manifest.Manifest, error) {
	info, err := fs.Lstat(library, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem.Newf(problem.NotFound, "extension %q is not in the library", id)
	case err != nil:
		return nil, storageError(err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, problem.Newf(problem.InvalidExtension, "the library's entry %q is a symlink: replace it by the folder itself", id)
	case !info.IsDir():
		return nil, problem.Newf(problem.InvalidExtension, "the library's entry %q is not a folder", id)
	}
	man, err := read(library, id)
	if err == nil {
		err = manifest.CheckFolder(man, id)
	}
	if err != nil {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	if man.Service.Category == manifest.Core {
		return nil, problem.Newf(problem.InvalidExtension, "extension %q: category core is the platform's own: use optional or recommended", id)
	}
	if err := man.CheckCompatible(version); err != nil { // names the extension itself
		return man, problem.Newf(problem.Incompatible, "%w", err)
	}
	if err := checkOfferedVariables(id, man); err != nil {
		return man, err
	}
	return man, checkOfferedFragment(library, id, man)
}

// checkOfferedVariables refuses an extension that cannot be configured: it requires what no extension's configuration may
// set, and what the platform does not give it either.
func checkOfferedVariables(id string, man *manifest.Manifest) error {
	for _, v := range man.Service.EnvVars {
		platform := slices.ContainsFunc(config.PlatformKeys, func(k config.PlatformKey) bool { return k.Key == v.Key })
		if v.Required && (v.Default == nil || *v.Default == "") && config.ReservedEnv(v.Key) && !platform {
			return problem.Newf(problem.InvalidExtension, "extension %q requires the variable %s, which is reserved for the platform: give it another name", id, v.Key)
		}
	}
	return nil
}

// checkOfferedFragment refuses an extension of which nothing could run.
func checkOfferedFragment(library fs.FS, id string, man *manifest.Manifest) error {
	name := compose.FragmentName(man)
	if name == "" {
		return problem.Newf(problem.InvalidExtension, "extension %q has no compose file: nothing could run", id)
	}
	file, err := fs.Lstat(library, path.Join(id, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.InvalidExtension, "extension %q has no %s: it cannot be installed", id, name)
	case err != nil:
		return storageError(err)
	case !file.Mode().IsRegular():
		return problem.Newf(problem.InvalidExtension, "extension %q: %s is not a regular file (symlink, folder or device)", id, name)
	}
	return nil
}
