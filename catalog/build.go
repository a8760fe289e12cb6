package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// Library is what [BuildIndex] lists.
type Library struct {
	FS       fs.FS    // the folders of the extensions
	Services fs.FS    // the built-in extensions, whose names and secrets are taken
	Reserved []string // ids that are kept for built-in extensions, beside those of Services
	Version  string   // of the platform
}

// anyInstallation is where extensions are judged for the index. What is published is the same wherever it is made, so
// no machine's own settings take part.
func anyInstallation() config.Settings {
	return config.Settings{Names: config.DefaultNames(), InstallDir: "/dream-server", DataDir: "/dream-server/data", UID: -1, GID: -1}
}

// BuildIndex lists the extensions of a library, sorted by id, each with what the installer would say of it. One that it
// would refuse is listed with the reason. A folder that cannot be listed is an error, and the error names all of them:
// what is published must be whole.
func BuildIndex(ctx context.Context, lib Library, now time.Time) (Index, error) {
	index := Index{GeneratedAt: now.UTC().Format(time.RFC3339), SchemaVersion: indexVersion, Extensions: []Listing{}}
	folders, err := fs.ReadDir(lib.FS, ".")
	if err != nil {
		return index, fmt.Errorf("catalogue index: %w", err)
	}
	var broken []error
	for _, d := range folders { // ReadDir sorts by name, which is the id
		if strings.HasPrefix(d.Name(), ".") || !d.IsDir() && d.Type()&fs.ModeSymlink == 0 {
			continue
		}
		l, err := lib.list(ctx, d.Name())
		if err != nil {
			broken = append(broken, fmt.Errorf("catalogue index: %w", err))
			continue
		}
		index.Extensions = append(index.Extensions, l)
	}
	return index, errors.Join(broken...)
}

// Outdated says in which way the extensions that the index lists are not those of the library, one line for each. Folders
// that it does not list are its owner's own, and no reason to make it anew.
func (i Index) Outdated(library fs.FS) []string {
	var lines []string
	undigested := 0
	for _, l := range i.Extensions {
		folder, err := fs.Sub(library, l.ID)
		if err != nil {
			continue // no id of an index that was read
		}
		switch digest, err := TreeDigest(folder); {
		case errors.Is(err, fs.ErrNotExist):
			lines = append(lines, l.ID+": is not in the library")
		case err != nil:
			lines = append(lines, l.ID+": "+err.Error())
		case l.Digest == "":
			undigested++
		case l.Digest != digest:
			lines = append(lines, l.ID+": its files are not those that it was published with")
		}
	}
	if undigested > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d extensions have no digest: the file is of an older version", undigested, len(i.Extensions)))
	}
	return lines
}

// list is one folder's line. The error is for a folder that has none.
func (lib Library) list(ctx context.Context, id string) (Listing, error) {
	man, refusal := readOffer(lib.FS, id, lib.Version, manifest.Read)
	if man == nil {
		return Listing{}, refusal
	}
	at := anyInstallation()
	f := security.Folder{
		Root: compose.Root{FS: lib.FS}, Dir: id, OwnDir: path.Join(at.DataDir, "extensions-library", id),
		Source: compose.User, Manifest: man, Settings: at, Secrets: security.Secrets{},
	}
	reserved := append(Scan{Services: lib.Services}.neighbours(&f), lib.Reserved...)
	if reason := compose.Impostor(man, reserved); reason != "" {
		return Listing{}, problem.Newf(problem.ReservedID, "extension %q: %s: give it another", id, reason)
	}
	l := newListing(man)
	v, digest, err := lib.judge(ctx, f)
	if l.Rating, l.Grants, l.Digest = v.Rating, v.Grants, digest; refusal == nil {
		refusal = err
	}
	if refusal == nil {
		refusal = lib.checkDependencies(man, append(reserved, f.OtherIDs...))
	}
	if l.Installable = refusal == nil; !l.Installable {
		l.Problem = refusal.Error()
	}
	return l.normalize(), ctx.Err()
}

// checkDependencies refuses what needs an extension that is neither built in nor in the library.
func (lib Library) checkDependencies(man *manifest.Manifest, builtin []string) error {
	for _, dep := range man.Service.DependsOn {
		if slices.Contains(builtin, dep) {
			continue
		}
		if other, err := manifest.Read(lib.FS, dep); err != nil || other.Service.ID != dep {
			return unknownDependency(dep)
		}
	}
	return nil
}

// judge is what the gate says of the folder, and the digest of what it looked at.
func (lib Library) judge(ctx context.Context, f security.Folder) (security.Verdict, string, error) {
	worst := security.Verdict{Rating: security.WorstRating}
	folder, err := fs.Sub(lib.FS, f.Dir)
	if err != nil {
		return worst, "", err
	}
	digest, err := TreeDigest(folder)
	if err != nil {
		return worst, "", problem.About(f.Dir, err)
	}
	v, err := security.Judge(ctx, f)
	if err != nil {
		return worst, digest, err
	}
	return v, digest, v.Err()
}
