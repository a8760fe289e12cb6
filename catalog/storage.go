package catalog

import (
	"context"
	"time"

	"dreamserver/internal/problem"
)

// Storage is how much the data directory holds, as the host agent counted it.
type Storage struct {
	Models   FolderSize `json:"models"`
	VectorDB FolderSize `json:"vector_db"` // of all vector databases
	Total    FolderSize `json:"total"`

	At       time.Time     `json:"at,omitzero"` // when the count ended; zero before the first one has
	Took     time.Duration `json:"took_ns"`
	Counting bool          `json:"counting"`
	Problem  string        `json:"problem,omitempty"` // what is not counted, and why
}

// FolderSize is what a folder takes up on disk.
type FolderSize struct {
	Bytes uint64 `json:"bytes"`
	Files uint64 `json:"files"`
}

// storageSample is one answer of the agent.
type storageSample struct {
	Storage
	err error
}

const (
	storageEvery = 30 * time.Second
	storageSoon  = 500 * time.Millisecond // while the agent counts for the first time
)

var errCounting = problem.Newf(problem.Unavailable, "the data directory is not counted yet: the host agent does it in the background; try again in a few seconds")

// Storage is how much the data directory holds. It is asked for while somebody wants to know, and for a minute after. The agent
// counts in the background. Whoever asks first waits some seconds for it, and then there is an error that says so.
func (m *Manager) Storage(ctx context.Context) (Storage, error) {
	if m.live.current.Load() == nil {
		return Storage{}, errNotSampled
	}
	s := m.live.storage.get(ctx)
	switch {
	case s == nil:
		return Storage{}, errCounting
	case s.err != nil:
		return Storage{}, s.err
	}
	return s.Storage, nil
}

func (m *Manager) sampleStorage(ctx context.Context, _ *storageSample) (*storageSample, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, resourcesEvery)
	defer cancel()
	s, err := m.agent.Storage(ctx)
	if err != nil {
		return &storageSample{err: err}, resourcesEvery
	}
	if s.At.IsZero() {
		return nil, storageSoon // whoever asked waits a little for it
	}
	return &storageSample{Storage: s}, storageEvery
}
