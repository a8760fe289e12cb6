package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"dreamserver/manifest"
)

// Index is config/extensions-catalog.json: what the library offers, generated from it.
type Index struct {
	GeneratedAt   string  `json:"generated_at"`
	SchemaVersion string  `json:"schema_version"`
	Extensions    []Entry `json:"extensions"`
}

const (
	indexVersion  = "1.0.0"
	maxIndexBytes = 16 << 20
)

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

// BuildIndex lists the extensions of a library, sorted by id. A folder that cannot be read is an error: what is
// published must be whole.
func BuildIndex(library fs.FS, now time.Time) (Index, error) {
	index := Index{GeneratedAt: now.UTC().Format(time.RFC3339), SchemaVersion: indexVersion, Extensions: []Entry{}}
	folders, err := fs.ReadDir(library, ".")
	if err != nil {
		return index, fmt.Errorf("catalogue index: %w", err)
	}
	var broken []error
	for _, d := range folders { // ReadDir sorts by name, which is the id
		if !d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			continue
		}
		man, err := manifest.Read(library, d.Name())
		if err == nil {
			err = manifest.CheckFolder(man, d.Name())
		}
		if err != nil {
			broken = append(broken, fmt.Errorf("catalogue index: %w", err))
			continue
		}
		index.Extensions = append(index.Extensions, newEntry(man, FromLibrary))
	}
	return index, errors.Join(broken...)
}

// MarshalJSON writes the keys of the wire contract. What is known only at run time is no part of the file.
func (i Index) MarshalJSON() ([]byte, error) {
	type entry struct {
		ID                  string             `json:"id"`
		Name                string             `json:"name"`
		Description         string             `json:"description"`
		Category            string             `json:"category"`
		GPUBackends         []string           `json:"gpu_backends"`
		ComposeFile         string             `json:"compose_file"`
		DependsOn           []string           `json:"depends_on"`
		Port                int                `json:"port"`
		ExternalPortDefault int                `json:"external_port_default"`
		HealthEndpoint      string             `json:"health_endpoint"`
		EnvVars             []manifest.EnvVar  `json:"env_vars"`
		Tags                []string           `json:"tags"`
		Features            []manifest.Feature `json:"features"`
	}
	entries := make([]entry, 0, len(i.Extensions))
	for _, e := range i.Extensions {
		entries = append(entries, entry{
			e.ID, e.Name, e.Description, e.Category, e.GPUBackends, e.ComposeFile, e.DependsOn, e.Port,
			e.ExternalPortDefault, e.HealthEndpoint, e.EnvVars, e.Tags, e.Features,
		})
	}
	return json.Marshal(struct {
		GeneratedAt   string  `json:"generated_at"`
		SchemaVersion string  `json:"schema_version"`
		Extensions    []entry `json:"extensions"`
	}{i.GeneratedAt, i.SchemaVersion, entries})
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
		containerName: svc.ContainerName, variables: keysOf(svc.Variables()),
	}.normalize()
}

// runsOn reports whether the extension runs on a machine with this GPU backend. No list means any.
func (e *Entry) runsOn(backend string) bool {
	return len(e.GPUBackends) == 0 || slices.ContainsFunc(e.GPUBackends, func(b string) bool {
		return b == backend || b == "all" || b == "none"
	})
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
	if e.Grants == nil {
		e.Grants = []manifest.Grant{}
	}
	if e.Aliases == nil {
		e.Aliases = []string{}
	}
	return e
}
