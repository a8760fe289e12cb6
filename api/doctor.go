package api

import (
	"context"

	"dreamserver/catalog/doctor"
)

func (s *server) getDoctor(ctx context.Context, _ *struct{}) (*reply[doctor.Report], error) {
	return respond(s.extensions.Examine(ctx), nil)
}
