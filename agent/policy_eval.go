package agent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// EvalRequest is the body of POST /v1/policy/eval.
type EvalRequest struct {
	ServiceID string      `json:"service_id"`
	Hook      policy.Hook `json:"hook,omitempty"`   // empty for on_service_apply
	Plugin    string      `json:"plugin,omitempty"` // of the config; empty asks nobody, and answers with the question alone
}

// asking is what an author wants to see, and what there was to see.
type asking struct {
	EvalRequest
	exchange policy.Exchange
}

// errAsked ends the work for a question: there is nothing more to see.
var errAsked = errors.New("asked")

// evalPolicy shows what a plugin is asked about an extension as it lies on disk, and what it answers. Only plugins that the
// config lists are asked. Nothing is started, and the reply has no secret.
func (s *Server) evalPolicy(w http.ResponseWriter, r *http.Request) {
	var q asking
	err := readJSON(w, r, &q.EvalRequest)
	if err == nil {
		q.Hook, err = hookOf(q.Hook)
	}
	if err == nil && !manifest.ValidID(q.ServiceID) {
		err = problem.Newf(problem.InvalidArgument, "service_id %.80q is no extension id", q.ServiceID)
	}
	if err != nil {
		reply(w, err)
		return
	}
	ctx, _ := s.audit(r.Context(), "start", q.ServiceID) // as a start would ask; it is no change, and not recorded
	p, err := s.prepare(ctx, q.ServiceID, wanted{asks: &q})
	switch {
	case err == nil: // a core service, which policies are not asked about
		p.done()
		reply(w, problem.Newf(problem.InvalidArgument, "%q is no extension: policies are not asked about it", q.ServiceID))
	case errors.Is(err, errAsked):
		send(w, q.exchange)
	default:
		reply(w, err)
	}
}

// hookOf takes dstack's name as well.
func hookOf(name policy.Hook) (policy.Hook, error) {
	if name == "" {
		return policy.OnService, nil
	}
	h, ok := policy.ParseHook(string(name))
	if !ok {
		return "", problem.Newf(problem.InvalidArgument, "%.80q is no hook: write one of %v", name, policy.Hooks())
	}
	return h, nil
}

// ask has the question put. Its error is [errAsked] when that worked.
func (q *asking) ask(ctx context.Context, e *policy.Engine, s policy.Subject) (err error) {
	if q.Plugin == "" {
		q.exchange.Request, err = policy.Question(s, q.Hook)
	} else {
		q.exchange, err = e.Trace(ctx, s, q.Plugin, q.Hook)
	}
	if err != nil {
		return err
	}
	return errAsked
}

// EvalPolicy shows what a plugin is asked about an extension, and what it answers.
func (c *Client) EvalPolicy(ctx context.Context, r EvalRequest) (policy.Exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var exact json.RawMessage // numbers as they are
	if err := c.call(ctx, http.MethodPost, "/v1/policy/eval", r, &exact, asked); err != nil {
		return policy.Exchange{}, err
	}
	return policy.Plain[policy.Exchange](exact)
}
