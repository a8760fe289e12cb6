package api

import (
	"context"
	"slices"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

type planInput struct {
	ID     string `path:"id"`
	Body   *installBody
	Grants []manifest.Grant `query:"grants" enum:"gpu,build,host-gateway,lan-bind" doc:"what would be given with the change; the same as in the body"`
}

func (in *planInput) check() error { return checkID(in.ID) }

// PlanHash is the parameter of changes that carry out a plan.
type PlanHash struct {
	Plan string `query:"plan_hash" maxLength:"200" doc:"plan_hash of the plan that is to be carried out: when it is not what would run any more, nothing is changed, and the answer is plan_changed"`
}

// plan tells what the next change that turns the extension on would come to. It is an answer whatever the verdict.
func (s *server) plan(ctx context.Context, in *planInput) (*reply[catalog.Plan], error) {
	req := catalog.PlanRequest{ID: in.ID, Grants: in.Grants}
	if in.Body != nil {
		req.Grants, req.Values = slices.Concat(in.Grants, in.Body.Grants), in.Body.Values
	}
	if who := visitOf(ctx).caller; len(req.Values) > 0 && !who.scope.Allows(config.ScopeAdmin) {
		return nil, problem.Newf(problem.Forbidden, "values are given with an install, which takes the scope admin, and %s has %s: ask for the plan without them, or use a key of that scope",
			who, who.scope)
	}
	return respond(s.extensions.Plan(ctx, req))
}
