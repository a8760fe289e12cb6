package api

import (
	"context"
	"time"

	"dreamserver/catalog"
)

// diskBody keeps the reference's field names; a GB is 2^30 bytes.
type diskBody struct {
	Path      string    `json:"path" doc:"of the data directory on the host"`
	UsedGB    float64   `json:"used_gb"`
	FreeGB    float64   `json:"free_gb" doc:"for an ordinary user: a file system keeps some for root"`
	TotalGB   float64   `json:"total_gb"`
	Percent   float64   `json:"percent" doc:"of it is used"`
	SampledAt time.Time `json:"sampled_at" doc:"when it was asked: every 5 s"`
}

// storageBody keeps the reference's field names.
type storageBody struct {
	Models    sizeBody  `json:"models"`
	VectorDB  sizeBody  `json:"vector_db"`
	TotalData sizeBody  `json:"total_data"`
	Disk      diskBody  `json:"disk"`
	CountedAt time.Time `json:"counted_at" doc:"when the files were counted: every two minutes at most, while somebody asks"`
	Counting  bool      `json:"counting" doc:"they are being counted again"`
	Problem   string    `json:"problem,omitempty" doc:"what is not counted, and why"`
}

type sizeBody struct {
	Formatted string  `json:"formatted"`
	GB        float64 `json:"gb"`
	Percent   float64 `json:"percent" doc:"of the disk"`
	Bytes     uint64  `json:"bytes" doc:"what it takes up on disk"`
	Files     uint64  `json:"files"`
}

func newDiskBody(d catalog.Disk, at time.Time) diskBody {
	used := d.Total - min(d.Free, d.Total)
	return diskBody{
		Path: d.Path, UsedGB: gigabytes(used), FreeGB: gigabytes(d.Free), TotalGB: gigabytes(d.Total), Percent: percentOf(used, d.Total), SampledAt: at,
	}
}

func (s *server) getStorage(ctx context.Context, _ *struct{}) (*reply[storageBody], error) {
	t := s.extensions.Telemetry()
	disk, err := t.Disk()
	if err != nil {
		return nil, err
	}
	holds, err := s.extensions.Storage(ctx)
	if err != nil {
		return nil, err
	}
	size := func(f catalog.FolderSize) sizeBody {
		return sizeBody{inWords(f.Bytes), gigabytes(f.Bytes), percentOf(f.Bytes, disk.Total), f.Bytes, f.Files}
	}
	return respond(storageBody{
		Models: size(holds.Models), VectorDB: size(holds.VectorDB), TotalData: size(holds.Total),
		Disk: newDiskBody(disk, t.At), CountedAt: holds.At, Counting: holds.Counting, Problem: holds.Problem,
	}, nil)
}

func (s *server) getDisk(context.Context, *struct{}) (*reply[diskBody], error) {
	t := s.extensions.Telemetry()
	d, err := t.Disk()
	if err != nil {
		return nil, err
	}
	return respond(newDiskBody(d, t.At), nil)
}
