package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"

	"dreamserver/internal/problem"
)

// refusal is err as the client sees it. What is our fault or that of something we depend on is logged, once:
// whoever answers with a refusal makes it here.
func (s *server) refusal(ctx context.Context, err error) *problem.Document {
	d := problem.NewDocument(err)
	if d.Status < http.StatusInternalServerError || errors.Is(context.Cause(ctx), context.Canceled) {
		return d
	}
	level := zerolog.WarnLevel // something that we depend on
	if d.Code == problem.Internal {
		level, d = zerolog.ErrorLevel, internalError(ctx)
	}
	Log(ctx).WithLevel(level).Str("code", string(d.Code)).Int("status", d.Status).
		Err(err).AnErr("cause", errors.Unwrap(err)).Msg("request refused")
	return d
}

func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.refusal(r.Context(), err).Write(w)
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/extensions/") {
		s.refuse(w, r, problem.Newf(problem.NotFound, "no such path: %s; %s", r.URL.Path, idRule))
		return
	}
	s.refuse(w, r, problem.Newf(problem.NotFound, "no such path: %s; /docs lists all", r.URL.Path))
}

func (s *server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if s.router.Match(chi.NewRouteContext(), method, path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.refuse(w, r, problem.Newf(problem.MethodNotAllowed, "%s is not allowed for %s: use %s", r.Method, r.URL.Path, strings.Join(allowed, " or ")))
}

// speakProblem is a [huma.Transformer]: it turns huma's own refusals into ours. It cannot change the status, which
// huma has chosen before.
func (s *server) speakProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var d *problem.Document
	if m.Status < http.StatusInternalServerError {
		d = problem.NewDocument(clientError(m))
	} else {
		d = s.refusal(ctx.Context(), m) // a bug in here
	}
	d.Status = m.Status
	return d, nil
}

// clientError says what to send instead. Most of it is refused before huma sees the request, and so never said.
func clientError(m *huma.ErrorModel) error {
	switch m.Status {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		if len(m.Errors) > 0 {
			return invalidParameters(m.Errors)
		}
	case http.StatusMethodNotAllowed:
		return problem.Newf(problem.MethodNotAllowed, "this path has no such method: /docs lists all")
	case http.StatusNotAcceptable:
		return problem.Newf(problem.InvalidArgument, "the reply is JSON: send `Accept: application/json`, or no such header")
	case http.StatusRequestTimeout:
		return problem.Newf(problem.InvalidBody, "the request body did not arrive in time: send it again")
	case http.StatusRequestEntityTooLarge:
		return tooLarge()
	case http.StatusUnsupportedMediaType:
		return problem.Newf(problem.InvalidBody, "send the request body as JSON, with `Content-Type: application/json`")
	}
	return problem.Newf(problem.InvalidArgument, "%s: /docs says what this path takes", m.Detail)
}

// invalidParameters names each parameter and what it may be. The value itself is not sent back.
func invalidParameters(details []*huma.ErrorDetail) error {
	var items []problem.Item
	var texts []string
	for _, d := range details {
		_, name, within := strings.Cut(d.Location, ".") // query.category
		if !within {
			name = d.Location // body
		}
		message := d.Message
		if message == "invalid boolean" {
			message = "expected true or false"
		}
		items = append(items, problem.Item{Path: name, Message: message})
		texts = append(texts, name+": "+message)
	}
	return problem.Newf(problem.InvalidParameter, "%s", strings.Join(texts, "; ")).With(items...)
}
