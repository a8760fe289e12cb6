package api

import "context"

func (s *server) listAudit(ctx context.Context, in *auditInput) (*reply[auditBody], error) {
	entries, err := s.auditLog.Audit(ctx, in.Limit)
	return respond(auditBody{list(entries)}, err)
}
