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

func newDiskBody(d catalog.Disk, at time.Time) diskBody {
	used := d.Total - min(d.Free, d.Total)
	return diskBody{
		Path: d.Path, UsedGB: gigabytes(used), FreeGB: gigabytes(d.Free), TotalGB: gigabytes(d.Total), Percent: percentOf(used, d.Total), SampledAt: at,
	}
}

func (s *server) getDisk(context.Context, *struct{}) (*reply[diskBody], error) {
	t := s.extensions.Telemetry()
	d, err := t.Disk()
	if err != nil {
		return nil, err
	}
	return respond(newDiskBody(d, t.At), nil)
}
