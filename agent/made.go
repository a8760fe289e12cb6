package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/renameio/v2"

	"dreamserver/compose"
	"dreamserver/security/drift"
)

// madeFile is where the agent keeps which containers it has made, below the state directory. Labels do not tell: who makes
// a container by hand may give it any.
const madeFile = "made.json"

// madeRecord is what is in it.
type madeRecord struct {
	Containers map[string]drift.Container `json:"containers"` // by name
	// Making are the services of each start that makes containers now, or was killed at it.
	Making map[string][]string `json:"making,omitempty"`
}

// madeBook reads and changes the record.
type madeBook struct{ mu sync.Mutex }

// read is the record, with the containers of the starts that worked where there is none: an older agent has written none.
func (b *madeBook) read(stateDir string) (madeRecord, error) {
	rec := madeRecord{Containers: map[string]drift.Container{}, Making: map[string][]string{}}
	data, err := os.ReadFile(filepath.Join(stateDir, madeFile))
	if errors.Is(err, fs.ErrNotExist) {
		entries, err := os.ReadDir(filepath.Join(stateDir, approvedDir))
		for _, e := range entries {
			var known started
			data, err := os.ReadFile(filepath.Join(stateDir, approvedDir, e.Name()))
			if err != nil || !strings.HasSuffix(e.Name(), ".json") || json.Unmarshal(data, &known) != nil {
				continue
			}
			for name, id := range known.Containers {
				rec.Containers[name] = drift.Container{ID: id}
			}
		}
		return rec, err
	}
	if err == nil {
		err = json.Unmarshal(data, &rec)
	}
	if err != nil {
		return rec, fmt.Errorf("which containers the host agent has made: %s: %w", filepath.Join(stateDir, madeFile), err)
	}
	return rec, nil
}

// change changes the record. One that cannot be read is begun anew: what it said is lost either way.
func (b *madeBook) change(stateDir string, do func(*madeRecord)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	rec, _ := b.read(stateDir)
	if rec.Containers == nil {
		rec.Containers = map[string]drift.Container{}
	}
	if rec.Making == nil {
		rec.Making = map[string][]string{}
	}
	do(&rec)
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(stateDir, madeFile), data, 0o600)
}

// making notes that containers of the project are made from now on. unsure are services of which an agent that was killed
// may have made the container that is there, and before what there is.
func (s *Server) making(ctx context.Context, p *prepared) (unsure []string, before []compose.Container, err error) {
	if before, err = s.opts.Engine.Containers(ctx); err != nil { // anew: the pull may have taken long
		return nil, nil, err
	}
	err = s.made.change(s.opts.Settings.StateDir, func(rec *madeRecord) {
		unsure = rec.Making[p.id]
		rec.Making[p.id] = slices.Sorted(maps.Keys(p.project.Services))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("extension %q: %w", p.id, err)
	}
	return unsure, before, nil
}

// noteMade notes which containers there are that were not there before. What the engine does not tell stays unsure.
func (s *Server) noteMade(ctx context.Context, p *prepared, before []compose.Container, unsure []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readLimit)
	defer cancel()
	now, err := s.opts.Engine.Containers(ctx)
	if err == nil {
		err = s.made.change(s.opts.Settings.StateDir, func(rec *madeRecord) {
			delete(rec.Making, p.id)
			names := map[string]bool{}
			for _, c := range now {
				names[c.Name] = true
				_, ours := p.project.Services[c.Service]
				old := slices.ContainsFunc(before, func(b compose.Container) bool { return b.ID == c.ID })
				if ours && (!old || slices.Contains(unsure, c.Service)) {
					rec.Containers[c.Name] = drift.Container{ID: c.ID, Config: c.ConfigDigest}
				}
			}
			maps.DeleteFunc(rec.Containers, func(name string, _ drift.Container) bool { return !names[name] })
		})
	}
	if err != nil {
		s.log.Warn().Err(err).Str("extension", p.id).Msg("which containers it has now is not noted")
	}
}

// knownMade is what the agent has made, as both records say it: while one comparison was made, a start may have ended.
func knownMade(records ...madeRecord) drift.Made {
	made := drift.Made{Containers: map[string][]drift.Container{}, Making: map[string]bool{}}
	for _, rec := range records {
		for name, c := range rec.Containers {
			made.Containers[name] = append(made.Containers[name], c)
		}
		for _, services := range rec.Making {
			for _, service := range services {
				made.Making[service] = true
			}
		}
	}
	return made
}
