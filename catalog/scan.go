package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// Scan is what [ScanFolder] judges, and for what.
type Scan struct {
	Dir      string
	Settings config.Settings
	Version  string // of the platform
	Backend  string // of the machine to judge for; empty means every one that the manifest supports
	Builtin  bool   // by the wider rules of what ships with the platform
	Services fs.FS  // the built-in extensions, whose names and secrets are taken
	User     fs.FS  // the installed ones; may be nil
	Library  fs.FS  // what can be installed, whose secrets are taken; may be nil
}

// ScanFolder judges an extension's folder as an install would, wherever it lies. What is wrong with the extension is
// in the verdict; the error is for a folder that cannot be read.
func ScanFolder(ctx context.Context, s Scan) (security.Verdict, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return security.Verdict{}, err
	}
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return security.Verdict{}, unreadable(s.Dir, err)
	}
	defer parent.Close()
	id := filepath.Base(dir)
	switch info, err := parent.Stat(id); {
	case err != nil:
		return security.Verdict{}, unreadable(s.Dir, err)
	case !info.IsDir():
		return security.Verdict{}, fmt.Errorf("%s is no folder: name the folder that has the extension's manifest", s.Dir)
	}
	fsys := FS(parent)
	man, found := readManifest(fsys, id, s.Version)
	if man == nil {
		return rejected(id, found), nil
	}
	f := security.Folder{
		Root: compose.Root{FS: fsys}, Dir: id, OwnDir: dir, Source: compose.User, Manifest: man, Settings: s.Settings, Secrets: security.Secrets{},
	}
	if s.Builtin {
		f.Source = compose.Builtin
	}
	reserved := s.neighbours(&f)
	if reason := compose.Impostor(man, reserved); reason != "" && !s.Builtin {
		key := "service.id"
		if strings.HasPrefix(reason, "category") {
			key = "service.category"
		}
		found = append(found, manifestFinding(fsys, id, key, reason, "choose another"))
	}
	if s.Backend != "" {
		f.Backends = []string{s.Backend}
		if !man.Service.Supports(s.Backend) {
			found = append(found, manifestFinding(fsys, id, "service.gpu_backends", "is not made for "+s.Backend, "add it to service.gpu_backends, or scan for another"))
		}
	}
	own, err := parent.OpenRoot(id + "/.") // a folder: opening a FIFO would wait
	if err != nil {
		return security.Verdict{}, err
	}
	defer own.Close()
	if _, err := TreeDigest(FS(own)); err != nil {
		found = append(found, security.Finding{Rule: "files", Severity: security.Error, Path: id, Message: err.Error(), Fix: "mend the folder"})
	}
	v, err := security.Judge(ctx, f)
	if problem.HasCode(err, problem.InvalidExtension) {
		return rejected(id, append(found, security.Finding{Rule: "shape", Severity: security.Error, Path: id, Message: err.Error(), Fix: "mend the folder"})), nil
	}
	if err != nil {
		return v, err
	}
	if len(found) > 0 {
		v.Verdict, v.Rating, v.Findings = security.Rejected, security.WorstRating, append(found, v.Findings...)
	}
	return v, nil
}

func unreadable(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s does not exist", dir)
	}
	return fmt.Errorf("%s cannot be looked at: %w", dir, err)
}

// neighbours notes whose names and secrets are taken, and returns the ids that nobody may have.
func (s Scan) neighbours(f *security.Folder) (reserved []string) {
	for i, fsys := range []fs.FS{s.Services, s.User} {
		ships := i == 0
		if fsys == nil || f.Source == compose.Builtin && !ships {
			continue
		}
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			continue // nobody there
		}
		for _, e := range entries {
			m, err := manifest.Read(fsys, e.Name())
			if err != nil || m.Service.ID == "" {
				continue
			}
			id := m.Service.ID
			if ships {
				reserved = append(reserved, id)
			}
			if m.Service.Category == manifest.Core {
				f.CoreIDs = append(f.CoreIDs, id)
			}
			f.OtherIDs = append(f.OtherIDs, id)
			if id != f.Manifest.Service.ID {
				f.Secrets.Declare(id, m.Service.EnvVars)
			}
		}
	}
	if s.Library != nil && f.Source != compose.Builtin {
		f.Secrets.DeclareFolder(s.Library, f.Manifest.Service.ID, manifest.Read)
	}
	return reserved
}

// readManifest reads the folder's manifest. It is nil when nothing can be made of it.
func readManifest(fsys fs.FS, dir, version string) (*manifest.Manifest, []security.Finding) {
	var found []security.Finding
	man, err := manifest.Read(fsys, dir)
	if issues, ok := errors.AsType[*manifest.Error](err); ok {
		for _, i := range issues.Issues {
			found = append(found, security.Finding{
				Rule: "manifest", Severity: security.Error, Path: i.Path, File: i.File, Line: i.Line, Message: i.Message, Fix: "mend the manifest",
			})
		}
		return nil, found
	}
	if err != nil {
		return nil, []security.Finding{manifestFinding(fsys, dir, "", err.Error(), "add manifest.yaml")}
	}
	if err := manifest.CheckFolder(man, dir); err != nil {
		found = append(found, manifestFinding(fsys, dir, "service.id", err.Error(), "mend the manifest"))
	}
	if err := man.CheckCompatible(version); err != nil {
		found = append(found, manifestFinding(fsys, dir, "compatibility", err.Error(), "mend the manifest"))
	}
	return man, found
}

// manifestFinding is what is wrong at that key of the manifest of the folder dir.
func manifestFinding(fsys fs.FS, dir, key, message, fix string) security.Finding {
	file, err := manifest.FileName(fsys, dir)
	if err != nil {
		file = path.Join(dir, "manifest.yaml")
	}
	f := security.Finding{Rule: "manifest", Severity: security.Error, Path: key, File: file, Message: message, Fix: fix}
	if key != "" {
		f.Line = manifest.Line(fsys, dir, key)
	}
	return f
}

func rejected(id string, findings []security.Finding) security.Verdict {
	return security.Verdict{ID: id, Verdict: security.Rejected, Rating: security.WorstRating, Grants: []manifest.Grant{}, Findings: slices.Clone(findings)}
}
