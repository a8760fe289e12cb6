package agent

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
	"dreamserver/security/policy"
)

// planPath is where plans are asked for. Its body may hold values, and be as large as that of a configuration.
const planPath = "/v1/extension/plan"

// plansAtOnce is how many plans are made at a time: the programs of policies run for each.
const plansAtOnce = 4

// planning is a plan that is being made: what prepare has found out, whatever it came to in the end.
type planning struct {
	engine *policy.Engine // nil for that of the agent
	id     string
	values map[string]string
	// operation is the change that would turn the extension on, where the request does not say it.
	operation operation.Kind

	submitted map[string]any // before policies
	unit      *compose.Unit  // after them
	grants    []manifest.Grant
	ungranted error // what the extension may not do yet
	result    policy.Result
	secrets   map[string]string
	made      []string // keys
}

// submit notes what policies are asked about. It is for the extension itself, and not for what it depends on.
func (p *planning) submit(id string, unit acceptedUnit) {
	if p == nil || id != p.id {
		return
	}
	p.submitted, _ = compose.Model(unit.Project) // that of a unit that was loaded
	delete(p.submitted, "name")                  // of no project
	p.grants = unit.grants
}

// evaluated notes what policies have said.
func (p *planning) evaluated(id string, r policy.Result) {
	if p != nil && id == p.id {
		p.result = r
	}
}

// accept notes what policies have left.
func (p *planning) accept(unit acceptedUnit) {
	if p != nil && unit.ID == p.id {
		p.unit, p.grants = unit.Unit, unit.grants
	}
}

// plan answers with what a start would come to. What stands in the way of one is an answer, too.
func (s *Server) plan(w http.ResponseWriter, r *http.Request) {
	var req catalog.PlanRequest
	err := readJSON(w, r, &req)
	if err == nil && !manifest.ValidID(req.ID) {
		err = problem.Newf(problem.InvalidArgument, "service_id %.80q is no extension id", req.ID)
	}
	var engine *policy.Engine
	if err == nil && req.With != "" {
		engine, err = s.candidate(r.Context(), req.With)
	}
	var p catalog.Plan
	if err == nil {
		p, err = s.planOf(r.Context(), req, engine)
	}
	if err != nil {
		reply(w, err)
		return
	}
	send(w, p)
}

// candidate loads another config of policies. It may name programs, which run as the agent: only the owner may ask, and
// only with a file that nobody else can change.
func (s *Server) candidate(ctx context.Context, name string) (*policy.Engine, error) {
	who, _ := ctx.Value(callerKey{}).(caller)
	switch {
	case who < owner:
		return nil, problem.Newf(problem.Forbidden, "another config of policies may name programs: only the owner may ask what it would do, with `dream plan --with`")
	case !filepath.IsAbs(name):
		return nil, problem.Newf(problem.InvalidArgument, "with %.200q: write the whole path of the file", name)
	}
	e := policy.LoadCandidate(name, s.reader(ctx), s.policySources())
	if now := e.Inventory(); now.Locked {
		return nil, problem.Newf(problem.InvalidArgument, "%s cannot be loaded, and would lock the agent: %s", name, now.Reason)
	}
	return e, nil
}

// reader is the user who must be able to read what is read for them: the caller, or whoever has the owner's key.
func (s *Server) reader(ctx context.Context) int {
	if uid, err := strconv.Atoi(strings.TrimPrefix(callerPeer(ctx), uidPrefix)); err == nil {
		return uid
	}
	if uid := s.opts.Settings.UID; uid >= 0 {
		return uid
	}
	return os.Geteuid()
}

// planOf makes a plan with the policies of that engine; nil is the agent's own. The error is for what has no plan.
func (s *Server) planOf(ctx context.Context, req catalog.PlanRequest, engine *policy.Engine) (catalog.Plan, error) {
	select {
	case s.planners <- struct{}{}:
		defer func() { <-s.planners }()
	case <-ctx.Done():
		return catalog.Plan{}, ctx.Err()
	}
	w, err := s.folders()
	if err != nil {
		return catalog.Plan{}, err
	}
	w.close()
	if err := w.refuseCore(req.ID); err != nil {
		return catalog.Plan{}, err
	}
	how := &planning{engine: engine, id: req.ID, values: req.Values}
	p, err := s.prepare(ctx, req.ID, wanted{grants: req.Grants, plan: how})
	if p != nil {
		defer p.done()
	}
	if problem.HasCode(err, problem.NotFound) && how.submitted == nil {
		return catalog.Plan{}, err // there is no such extension
	}
	plan := describe(req, how, p)
	plan.Refuse(err)
	if err == nil {
		plan.Refuse(how.ungranted)
	}
	var images map[string]string
	if p != nil {
		images = s.lookAtDocker(ctx, &plan, p)
	}
	if plan, err = redacted(plan, how.secrets); err != nil {
		return plan, err
	}
	if p != nil { // names and digests are no secrets, and must stay what they are
		h, err := s.planHash(p, how.engineOr(s.policies), images)
		if err != nil {
			return plan, err
		}
		plan.Hash, plan.Inputs = h.String(), p.inputs
	}
	return plan, nil
}

func (p *planning) engineOr(own *policy.Engine) *policy.Engine {
	if p.engine != nil {
		return p.engine
	}
	return own
}

// policies are those that the operation is judged by.
func (l *loading) policies() *policy.Engine {
	if l.want.plan != nil {
		return l.want.plan.engineOr(l.server.policies)
	}
	return l.server.policies
}

// describe tells what was found out. p is nil where nothing could run.
func describe(req catalog.PlanRequest, how *planning, p *prepared) catalog.Plan {
	plan := catalog.Plan{
		ID: req.ID, Verdict: catalog.PlanAllowed, Submitted: how.submitted, Diff: how.result.Changes, Decisions: []catalog.PlanDecision{},
		Warnings: how.result.Warnings, Ports: []catalog.PlanPort{}, Images: []catalog.PlanImage{}, Services: []catalog.PlanService{},
		Generated: how.made, Inputs: map[string]string{},
	}
	for _, d := range how.result.Decisions {
		plan.Decisions = append(plan.Decisions, catalog.PlanDecision{
			Plugin: d.Plugin, Digest: d.Digest, Hook: d.Hook, Mode: d.Mode, Outcome: d.Outcome, Message: d.Message, Warnings: d.Warnings,
			MS: float64(d.Took.Microseconds()) / 1000,
		})
	}
	asked := security.Asked(how.grants)
	plan.Grants = catalog.PlanGrants{Needed: asked, Given: asked, Missing: []manifest.Grant{}}
	if how.ungranted != nil {
		plan.Grants.Given = manifest.Without(asked, manifest.Without(asked, req.Grants))
		plan.Grants.Missing = manifest.Without(asked, req.Grants)
	}
	own := how.unit
	if p != nil {
		plan.Warnings = p.notes // the policies' among them
		plan.Effective, _ = compose.Model(p.project)
		final := *how.unit
		final.Project = p.project
		own = &final
	}
	if own != nil {
		plan.Ports = portsOf(own, serviceNames(how.unit))
	}
	return plan
}

func serviceNames(u *compose.Unit) []string {
	if u == nil {
		return nil
	}
	return u.ServiceNames()
}

func portsOf(u *compose.Unit, services []string) []catalog.PlanPort {
	ports := []catalog.PlanPort{}
	for _, name := range services {
		for _, p := range u.Project.Services[name].Ports {
			ports = append(ports, catalog.PlanPort{Service: name, HostIP: p.HostIP, Published: p.Published, Target: p.Target, Protocol: p.Protocol})
		}
	}
	return ports
}

// redacted is the plan without secrets, wherever in it they are: what policies say of a model may quote it.
func redacted(p catalog.Plan, secrets map[string]string) (catalog.Plan, error) {
	text, err := policy.Plain[any](p)
	if err != nil {
		return catalog.Plan{}, err
	}
	data, err := json.Marshal(hide(text, secrets))
	if err != nil {
		return catalog.Plan{}, err
	}
	out := catalog.Plan{}
	if err := json.Unmarshal(data, &out); err != nil {
		return catalog.Plan{}, err
	}
	out.ID, out.Verdict, out.Code = p.ID, p.Verdict, p.Code
	out.Diff, out.Warnings, out.Generated = slices.Clip(orNone(out.Diff)), orNone(out.Warnings), orNone(out.Generated)
	return out, nil
}

// orNone is a list, even when empty.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
