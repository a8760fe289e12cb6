package agent

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// readLimit bounds what is only read from Docker.
const readLimit = 5 * time.Second

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(w, r)
	if err != nil {
		reply(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readLimit)
	defer cancel()
	l, err := s.readLogs(ctx, req)
	if err != nil {
		reply(w, slow(err))
		return
	}
	send(w, l)
}

// slow says it when Docker took too long.
func slow(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.Newf(problem.DockerUnavailable, "the Docker Engine does not answer in time: look whether it is overloaded, and try again")
	}
	return err
}

// clampTail is how many lines are sent to who asks for so many.
func clampTail(tail, most int) int {
	return min(max(cmp.Or(tail, defaultTail), 1), most)
}

func (s *Server) readLogs(ctx context.Context, req Request) (catalog.Logs, error) {
	tail := clampTail(req.Tail, maxTail)
	w, err := s.folders()
	if err != nil {
		return catalog.Logs{}, err
	}
	defer w.close()
	all, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return catalog.Logs{}, err
	}
	own := slices.DeleteFunc(all, func(c compose.Container) bool {
		return !compose.OwnsService(req.ServiceID, c.Service, w.ids)
	})
	if len(own) == 0 {
		return catalog.Logs{ServiceID: req.ServiceID, Logs: "There is no container of " + req.ServiceID + " yet: it was not started.\n"}, nil
	}
	lines, err := s.opts.Engine.Logs(ctx, own, tail)
	if err != nil {
		return catalog.Logs{}, err
	}
	text := compose.FormatLog(lines)
	if len(text) > maxLogText {
		text = strings.ToValidUTF8(text[len(text)-maxLogText:], "")
	}
	return catalog.Logs{ServiceID: req.ServiceID, Logs: text, Lines: len(lines)}, nil
}
