package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"dreamserver/manifest"
)

// Index is config/extensions-catalog.json: what the library offers, generated from it by [BuildIndex].
type Index struct {
	GeneratedAt   string    `json:"generated_at"` // RFC 3339, UTC
	SchemaVersion string    `json:"schema_version"`
	Extensions    []Listing `json:"extensions"` // sorted by id
}

const (
	indexVersion  = "1.0.0"
	maxIndexBytes = 16 << 20
)

// ReadIndex reads the index, one of an older version too. A missing file is an empty index.
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
	for _, l := range index.Extensions {
		if manifest.ValidID(l.ID) {
			valid = append(valid, l.normalize())
		}
	}
	index.Extensions = valid
	return index, nil
}

// keptIndex reads an index and keeps it while its file is the same. The zero value is ready. It is safe for concurrent use.
type keptIndex struct {
	mu    sync.Mutex
	file  fs.FileInfo // that was read; nil before
	index Index
}

// read is [ReadIndex] with a memory. The index is shared: do not change it.
func (k *keptIndex) read(file string) (Index, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(file) // before it is read: what is written in between is for the next look
	if err == nil && k.file != nil && os.SameFile(info, k.file) && info.Size() == k.file.Size() && info.ModTime().Equal(k.file.ModTime()) {
		return k.index, nil
	}
	index, failed := ReadIndex(file)
	if k.file, k.index = info, index; err != nil || failed != nil {
		k.file = nil
	}
	return index, failed
}

// forget has the file read again, whatever the disk says of it.
func (k *keptIndex) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.file = nil
}

// Encode is the file's content. The same index always has the same bytes.
func (i Index) Encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // people read it
	enc.SetIndent("", "  ")
	err := enc.Encode(i)
	return out.Bytes(), err
}

// Stale says in which way the content of a file is not what the index would be written as, one line for each
// extension. When it was generated makes no file stale.
func (i Index) Stale(file []byte) []string {
	var old Index
	if err := json.Unmarshal(file, &old); err != nil {
		return []string{"cannot be read: " + err.Error()}
	}
	i.GeneratedAt = old.GeneratedAt
	if now, err := i.Encode(); err == nil && bytes.Equal(now, file) {
		return nil
	}
	listed := map[string]Listing{}
	for _, l := range old.Extensions {
		listed[l.ID] = l
	}
	var lines []string
	for _, l := range i.Extensions {
		before, ok := listed[l.ID]
		delete(listed, l.ID)
		if !ok {
			lines = append(lines, l.ID+": is missing")
		} else if keys := l.differs(before.normalize()); len(keys) > 0 {
			lines = append(lines, l.ID+": "+strings.Join(keys, ", "))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		lines = append(lines, id+": is not in the library")
	}
	if len(lines) == 0 {
		lines = []string{"is not written as `dream catalog build` writes it"}
	}
	return lines
}

// differs lists the JSON names of what is not the same in both, in their order.
func (l Listing) differs(other Listing) (keys []string) {
	a, b := reflect.ValueOf(l), reflect.ValueOf(other)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
			keys = append(keys, key)
		}
	}
	return keys
}

// newEntry is a manifest as the catalogue shows it on this machine.
func newEntry(man *manifest.Manifest, source Source) Entry {
	aliases := man.Service.Aliases
	if aliases == nil {
		aliases = []string{}
	}
	return Entry{
		Listing: newListing(man), Aliases: aliases, Source: source,
		containerName: man.Service.ContainerName, variables: keysOf(man.Service.Variables()), service: &man.Service,
		OnHost: man.Service.Type == manifest.HostSystemd,
	}
}

// newListing is a manifest as the catalogue's file lists it.
func newListing(man *manifest.Manifest) Listing {
	svc := man.Service
	tags := svc.Tags
	if len(tags) == 0 {
		tags = man.Tags
	}
	return Listing{
		ID: svc.ID, Name: svc.Name, Description: svc.Description, Category: string(svc.Category),
		GPUBackends: svc.GPUBackends, ComposeFile: svc.ComposeFile, DependsOn: svc.DependsOn,
		Port: svc.Port, ExternalPortDefault: svc.PublishedPort(), HealthEndpoint: svc.Health,
		EnvVars: svc.EnvVars, Tags: tags, Features: man.Features,
	}.normalize()
}

// RunsOn reports whether the extension runs on a machine with this GPU backend. No list means any.
func (l *Listing) RunsOn(backend string) bool {
	return len(l.GPUBackends) == 0 || slices.ContainsFunc(l.GPUBackends, func(b string) bool {
		return b == backend || b == "all" || b == "none"
	})
}

// normalize makes absent lists empty ones: clients iterate over them.
func (l Listing) normalize() Listing {
	if l.GPUBackends == nil {
		l.GPUBackends = []string{}
	}
	if l.DependsOn == nil {
		l.DependsOn = []string{}
	}
	if l.EnvVars == nil {
		l.EnvVars = []manifest.EnvVar{}
	}
	if l.Tags == nil {
		l.Tags = []string{}
	}
	if l.Features == nil {
		l.Features = []manifest.Feature{}
	}
	if l.Grants == nil {
		l.Grants = []manifest.Grant{}
	}
	return l
}
