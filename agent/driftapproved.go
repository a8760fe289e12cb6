package agent

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security/drift"
)

// approvedCache keeps what was read of approved files that have not changed since. One comparison at a time uses it.
type approvedCache map[string]readApproved

type readApproved struct {
	at   time.Time
	size int64
	drift.Approved
}

// allApproved reads what was approved.
func (s *Server) allApproved(ctx context.Context) ([]drift.Approved, error) {
	dir := filepath.Join(s.opts.Settings.StateDir, approvedDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	core := s.coreIDs()
	out, next := []drift.Approved{}, approvedCache{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".yaml")
		if !ok || strings.HasPrefix(id, ".") {
			continue
		}
		one, err := s.readApproved(ctx, filepath.Join(dir, e.Name()), s.drift.read[id])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // it was removed meanwhile
		case err != nil:
			return nil, err
		}
		one.ID, one.Core = id, slices.Contains(core, id)
		next[id] = one
		rec, _ := s.startedRecord(id)
		one.Containers = rec.Containers
		out = append(out, one.Approved)
	}
	s.drift.read = next
	return out, nil
}

func (s *Server) readApproved(ctx context.Context, name string, known readApproved) (readApproved, error) {
	info, err := os.Stat(name)
	if err != nil {
		return readApproved{}, err
	}
	if known.Project != nil && info.ModTime().Equal(known.at) && info.Size() == known.size {
		return known, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return readApproved{}, err
	}
	project, err := compose.Decode(ctx, data)
	if err != nil {
		return readApproved{}, problem.Newf(problem.Unavailable, "%s cannot be read: %w", name, err)
	}
	return readApproved{at: info.ModTime(), size: info.Size(), Approved: drift.Approved{At: info.ModTime(), Project: project}}, nil
}

// coreIDs are the core services; none where the folders cannot be read.
func (s *Server) coreIDs() []string {
	w, err := s.folders()
	if err != nil {
		return nil
	}
	defer w.close()
	return w.core
}
