package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// grantRecord is what the owner has given an installed extension. It holds for one tree of files: a changed tree asks
// again.
type grantRecord struct {
	Digest string           `json:"digest"`
	Grants []manifest.Grant `json:"grants"`
	Actor  string           `json:"actor,omitempty"` // who said so, as the caller tells
	At     time.Time        `json:"at"`
}

func (s *Server) grantsFile(id string) string {
	return filepath.Join(s.opts.Settings.StateDir, grantsDir, id+".json")
}

// checkGrants refuses an installed extension that uses what the owner has not given it. given is what comes with
// the request: it counts for files that are the library's own, byte for byte, because the API's container, which
// sends the request, can write the installed files but not the library. What is to be recorded is returned; nil is nothing.
func (s *Server) checkGrants(w *world, id, digest, actor string, used, given []manifest.Grant) (*grantRecord, error) {
	needed := security.Asked(used)
	if len(needed) == 0 {
		return nil, nil //nolint:nilnil // nothing to record is an answer
	}
	had := s.readGrants(id)
	if had.Digest == digest && len(manifest.Without(needed, had.Grants)) == 0 {
		return nil, nil //nolint:nilnil // the same
	}
	if len(manifest.Without(needed, given)) > 0 {
		return nil, security.GrantsRequired(id, needed, had.Digest != "" && had.Digest != digest)
	}
	if inLibrary(w, id) != digest {
		return nil, problem.Newf(problem.GrantsRequired, "extension %q asks for %s, and its files are not the library's: put them into %s, then install it again",
			id, manifest.JoinGrants(needed), filepath.Join(w.settings.LibraryDir, id)).With(security.GrantItems(needed)...)
	}
	return &grantRecord{Digest: digest, Grants: needed, Actor: actor, At: time.Now().UTC()}, nil
}

// keepGrants records what was given.
func (s *Server) keepGrants(id string, record *grantRecord) error {
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(s.grantsFile(id), data, 0o600); err != nil {
		return fmt.Errorf("grants of %q: %w", id, err)
	}
	return nil
}

// readGrants is what was given; nothing when that cannot be read.
func (s *Server) readGrants(id string) grantRecord {
	var rec grantRecord
	data, err := os.ReadFile(s.grantsFile(id))
	if err != nil || json.Unmarshal(data, &rec) != nil {
		return grantRecord{}
	}
	return rec
}

func (s *Server) forgetGrants(id string) error {
	if err := os.Remove(s.grantsFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the grants of %q: %w", id, err)
	}
	return nil
}

// ungranted are the grants that an extension asks for and that are not on record. For an installed one the record is
// taken at its word here; whether it is for these very files, the start finds out.
func (s *Server) ungranted(id string, library bool, used []manifest.Grant) []manifest.Grant {
	asked := security.Asked(used)
	if library {
		return asked
	}
	return manifest.Without(asked, s.readGrants(id).Grants)
}

// inLibrary is the digest of the library's folder of this id; empty when there is none.
func inLibrary(w *world, id string) string {
	root, err := os.OpenRoot(w.settings.LibraryDir)
	if err != nil {
		return ""
	}
	defer root.Close()
	folder, err := fs.Sub(catalog.FS(root), id)
	if err != nil {
		return ""
	}
	digest, err := catalog.TreeDigest(folder)
	if err != nil {
		return ""
	}
	return digest
}
