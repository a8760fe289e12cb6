package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"

	"dreamserver/catalog"
	"dreamserver/compose"
)

// started remembers which containers the approved file of an extension became: container name → id.
type started struct {
	Containers map[string]string `json:"containers"`
	Digest     string            `json:"digest,omitempty"` // of the extension's files, when it is not built in
}

func (s *Server) approvedFile(id string) string {
	return filepath.Join(s.opts.Settings.StateDir, approvedDir, id+".yaml")
}

func (s *Server) startedFile(id string) string {
	return filepath.Join(s.opts.Settings.StateDir, approvedDir, id+".json")
}

// approve writes the file that docker compose is given. What was checked is what runs.
func (s *Server) approve(p *prepared) (file string, err error) {
	file = s.approvedFile(p.id)
	if err := os.Remove(s.startedFile(p.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("approve %q: %w", p.id, err)
	}
	if err := renameio.WriteFile(file, p.file, 0o600); err != nil {
		return "", fmt.Errorf("approve %q: %w", p.id, err)
	}
	return file, nil
}

// remember records the containers of a start that worked.
func (s *Server) remember(p *prepared, containers []compose.Container) error {
	rec := started{Containers: map[string]string{}, Digest: p.own.digest}
	for _, c := range containers {
		if _, ok := p.project.Services[c.Service]; ok {
			rec.Containers[c.Name] = c.ID
		}
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return renameio.WriteFile(s.startedFile(p.id), data, 0o600)
}

// hasRun reports whether the last start of the extension worked, and what it became is not removed yet.
func (s *Server) hasRun(id string) bool {
	_, err := os.Lstat(s.startedFile(id))
	return !errors.Is(err, fs.ErrNotExist)
}

// withdraw removes what was approved for a start that failed before the extension had a container: whoever asked for the
// start may take the extension's files away again, and says no more of it. What the engine does not tell stays.
func (s *Server) withdraw(ctx context.Context, id string) {
	own := s.startedServices(id)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
	defer cancel()
	containers, err := s.opts.Engine.Containers(ctx)
	if err != nil || slices.ContainsFunc(containers, func(c compose.Container) bool {
		return slices.Contains(own, c.Service) || compose.OwnsService(id, c.Service, nil)
	}) {
		return
	}
	if err := os.Remove(s.approvedFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn().Err(err).Str("extension", id).Msg("what was approved stays")
	}
}

// forget drops what is known of an extension that is gone.
func (s *Server) forget(id string) error {
	for _, f := range []string{s.approvedFile(id), s.startedFile(id)} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget %q: %w", id, err)
		}
	}
	return s.forgetGrants(id)
}

// unchanged reports whether everything that p asks for runs already, made from the same file and the same images:
// the same containers as after the last start that worked, all of them up.
func (s *Server) unchanged(ctx context.Context, p *prepared) (*catalog.Report, bool) {
	last, err := os.ReadFile(s.approvedFile(p.id))
	if err != nil || !bytes.Equal(last, p.file) {
		return nil, false
	}
	data, err := os.ReadFile(s.startedFile(p.id))
	var rec started
	if err != nil || json.Unmarshal(data, &rec) != nil || len(rec.Containers) == 0 {
		return nil, false
	}
	now, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, false
	}
	report := &catalog.Report{ID: p.id, Unchanged: true, Notes: p.notes}
	up := 0
	for _, c := range now {
		if rec.Containers[c.Name] != c.ID {
			continue
		}
		image, err := s.opts.Engine.ImageID(ctx, p.project.Services[c.Service].Image)
		if err != nil || image != c.ImageID || c.State != "running" || c.Health == "unhealthy" {
			return nil, false
		}
		up++
		report.Containers = append(report.Containers, c)
	}
	return report, up == len(rec.Containers)
}
