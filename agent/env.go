package agent

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// getConfig shows how an extension is configured. A secret is never shown, whoever asks.
func (s *Server) getConfig(w http.ResponseWriter, r *http.Request) {
	c, err := s.configuration(r)
	if err != nil {
		reply(w, err)
		return
	}
	send(w, c.show())
}

// putConfig changes it. That is done in milliseconds and keeps nothing from starting or stopping, so it waits for no
// other change of the extension.
func (s *Server) putConfig(w http.ResponseWriter, r *http.Request) {
	ctx, record := s.audit(r.Context(), "configure", chi.URLParam(r, "id"))
	result, err := s.configure(w, r.WithContext(ctx))
	record(err)
	if err != nil {
		s.logFailure("configure", chi.URLParam(r, "id"), err)
		reply(w, err)
		return
	}
	send(w, result)
}

func (s *Server) configure(w http.ResponseWriter, r *http.Request) (catalog.ConfigResult, error) {
	var change catalog.ConfigChange
	if err := readJSON(w, r, &change); err != nil {
		return catalog.ConfigResult{}, err
	}
	if s.closing.Err() != nil {
		return catalog.ConfigResult{}, problem.Newf(problem.ShuttingDown, "the host agent is shutting down: nothing was changed; try again when it is back")
	}
	c, err := s.configuration(r)
	if err != nil {
		return catalog.ConfigResult{}, err
	}
	result, err := c.change(change)
	if err == nil {
		auditOf(r.Context()).Keys = result.Changed
		s.log.Info().Str("extension", c.service.ID).Strs("keys", result.Changed).Msg("configured")
	}
	return result, err
}

func (s *Server) configuration(r *http.Request) (*configuration, error) {
	settings, err := s.opts.Reload()
	if err != nil {
		return nil, unusable(err)
	}
	who, _ := r.Context().Value(callerKey{}).(caller)
	c, err := openConfiguration(settings, chi.URLParam(r, "id"), who, &s.parsed)
	if err == nil {
		c.keys = &s.keys
	}
	return c, err
}
