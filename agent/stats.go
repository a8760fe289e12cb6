package agent

import (
	"context"
	"fmt"
	"net/http"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

// stats is what the project's containers use. Containers that do not answer in time are left out.
func (s *Server) stats(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	list, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		reply(w, slow(err))
		return
	}
	usages, err := s.opts.Engine.Stats(ctx, list)
	if err != nil && len(usages) == 0 {
		reply(w, slow(err))
		return
	}
	stats := catalog.Stats{Usages: usages}
	if err != nil {
		stats.Problem = fmt.Sprintf("not every container could be asked: %s", problem.As(slow(err)).Detail)
	}
	send(w, stats)
}
