package api

import (
	"context"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/security/policy/decisions"
)

// Policies is what the API asks of the host agent about the operator's policies.
type Policies interface {
	// PolicyStatus is what is loaded.
	PolicyStatus(ctx context.Context) (catalog.PolicyStatus, error)
	// PolicyAudit returns the newest records of what was decided, newest first.
	PolicyAudit(ctx context.Context, f decisions.Filter) (catalog.PolicyAudit, error)
	// Drift is the last comparison of what runs with what was approved; ScanDrift compares now.
	Drift(ctx context.Context) (catalog.Drift, error)
	ScanDrift(ctx context.Context) (catalog.Drift, error)
}

type policyAuditInput struct {
	Extension string    `query:"extension" doc:"id; only of this one"`
	Outcome   string    `query:"outcome" doc:"of the whole, or of one plugin: accepted, changed, rejected, failed, excepted; loaded, locked; drifted, mended"`
	Since     time.Time `query:"since" doc:"only what is not older, such as 2026-12-31T18:00:00Z"`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many records at most"`
}

func (in *policyAuditInput) filter() decisions.Filter {
	return decisions.Filter{Extension: in.Extension, Outcome: in.Outcome, Since: in.Since, Limit: in.Limit}
}

func (in *policyAuditInput) check() error {
	if err := in.filter().Check(); err != nil {
		return problem.Newf(problem.InvalidParameter, "%w", err)
	}
	return nil
}

func (s *server) policyStatus(ctx context.Context, _ *struct{}) (*reply[catalog.PolicyStatus], error) {
	return respond(s.auditLog.PolicyStatus(ctx))
}

func (s *server) policyAudit(ctx context.Context, in *policyAuditInput) (*reply[catalog.PolicyAudit], error) {
	return respond(s.auditLog.PolicyAudit(ctx, in.filter()))
}

func (s *server) getDrift(ctx context.Context, _ *struct{}) (*reply[catalog.Drift], error) {
	return respond(s.auditLog.Drift(ctx))
}

func (s *server) scanDrift(ctx context.Context, _ *struct{}) (*reply[catalog.Drift], error) {
	return respond(s.auditLog.ScanDrift(ctx))
}
