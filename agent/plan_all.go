package agent

import (
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/security/policy"
)

// planAll answers with what another config of policies would do to each extension that is installed or enabled.
func (s *Server) planAll(w http.ResponseWriter, r *http.Request) {
	var req PlanAllRequest
	err := readJSON(w, r, &req)
	var engine *policy.Engine
	if err == nil && req.With != "" {
		engine, err = s.candidate(r.Context(), req.With)
	}
	var ids []string
	if err == nil {
		ids, err = s.plannable()
	}
	if err != nil {
		reply(w, err)
		return
	}
	plans := make([]PlanComparison, len(ids))
	var g errgroup.Group
	g.SetLimit(plansAtOnce)
	for i, id := range ids {
		g.Go(func() (err error) {
			plans[i], err = s.comparePlans(r, id, engine)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		reply(w, err)
		return
	}
	send(w, PlanAllReply{Plans: slices.DeleteFunc(plans, func(c PlanComparison) bool { return c.ID == "" })})
}

// plannable are the extensions that are installed, and the built-in ones that are enabled.
func (s *Server) plannable() ([]string, error) {
	w, err := s.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	var ids []string
	for _, id := range w.ids {
		_, enabled := w.stack.Unit(id)
		if !w.isCore(id) && (enabled || !slices.Contains(w.builtin, id)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// comparePlans makes both plans of an extension. One that is gone meanwhile is left out.
func (s *Server) comparePlans(r *http.Request, id string, engine *policy.Engine) (PlanComparison, error) {
	c := PlanComparison{ID: id}
	var err error
	if c.Now, err = s.planOf(r.Context(), catalog.PlanRequest{ID: id}, nil); err == nil {
		c.With = c.Now
		if engine != nil {
			c.With, err = s.planOf(r.Context(), catalog.PlanRequest{ID: id}, engine)
		}
	}
	if problem.HasCode(err, problem.NotFound) {
		return PlanComparison{}, nil
	}
	c.Outcome = comparison(c.Now, c.With)
	return c, err
}

// comparison is what a plan becomes under other policies.
func comparison(now, with catalog.Plan) PlanOutcome {
	was, is := now.Verdict == catalog.PlanAllowed, with.Verdict == catalog.PlanAllowed
	switch {
	case was && !is:
		return PlanBreaks
	case !was && is:
		return PlanMends
	case !is:
		return PlanStaysNo
	case modelOf(now.Hash) != modelOf(with.Hash):
		return PlanChanges
	}
	return PlanStays
}

// modelOf is the part of a plan's hash that is of what would run.
func modelOf(hash string) string { return hash[max(0, len(hash)-catalog.PlanPart):] }
