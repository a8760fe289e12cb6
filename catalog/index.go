package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"dreamserver/manifest"
)

// Index is config/extensions-catalog.json: what the library offers, generated from it.
type Index struct {
	GeneratedAt   string  `json:"generated_at"`
	SchemaVersion string  `json:"schema_version"`
	Extensions    []Entry `json:"extensions"`
}

const maxIndexBytes = 16 << 20

// ReadIndex reads the index. A missing file is an empty index.
func ReadIndex(file string) (Index, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Index{}, nil
	}
	if err != nil {
		return Index{}, fmt.Errorf("catalogue index: %w", err)
	}
	if info.Size() > maxIndexBytes {
		return Index{}, fmt.Errorf("catalogue index: %d bytes: at most %d are read", info.Size(), maxIndexBytes)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Index{}, fmt.Errorf("catalogue index: %w", err)
	}
	var index Index
	if err := json.Unmarshal(data, &index); err != nil {
		return Index{}, fmt.Errorf("catalogue index: %w: run `dream init` to restore it", err)
	}
	valid := index.Extensions[:0]
	for _, e := range index.Extensions {
		if manifest.ValidID(e.ID) {
			valid = append(valid, e.normalize())
		}
	}
	index.Extensions = valid
	return index, nil
}

// newEntry is a manifest as the catalogue shows it.
func newEntry(man *manifest.Manifest, source Source) Entry {
	svc := man.Service
	tags := svc.Tags
	if len(tags) == 0 {
		tags = man.Tags
	}
	return Entry{
		ID: svc.ID, Name: svc.Name, Description: svc.Description, Category: string(svc.Category),
		GPUBackends: svc.GPUBackends, ComposeFile: svc.ComposeFile, DependsOn: svc.DependsOn,
		Port: svc.Port, ExternalPortDefault: svc.PublishedPort(), HealthEndpoint: svc.Health,
		EnvVars: svc.EnvVars, Tags: tags, Features: man.Features, Aliases: svc.Aliases, Source: source,
	}.normalize()
}

// normalize makes absent lists empty ones: clients iterate over them.
func (e Entry) normalize() Entry {
	if e.GPUBackends == nil {
		e.GPUBackends = []string{}
	}
	if e.DependsOn == nil {
		e.DependsOn = []string{}
	}
	if e.EnvVars == nil {
		e.EnvVars = []manifest.EnvVar{}
	}
	if e.Tags == nil {
		e.Tags = []string{}
	}
	if e.Features == nil {
		e.Features = []manifest.Feature{}
	}
	if e.Aliases == nil {
		e.Aliases = []string{}
	}
	return e
}
