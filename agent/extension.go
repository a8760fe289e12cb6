package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// verb does one thing to one extension. It runs to its end even when the client goes away.
type verb func(ctx context.Context, id string) (*catalog.Report, error)

// Limits of one change; the reference's.
const (
	startLimit = 10 * time.Minute
	stopLimit  = 2 * time.Minute
)

// change is a handler for a verb. One change at a time is made to an extension; the second is told which.
func (s *Server) change(name string, do verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := s.readRequest(r)
		if err != nil {
			reply(w, err)
			return
		}
		report, err := s.perform(r.Context(), name, req.ServiceID, do)
		if err != nil {
			s.logFailure(name, req.ServiceID, err)
			reply(w, err)
			return
		}
		send(w, Done{Status: "ok", ServiceID: req.ServiceID, Action: name, Report: report})
	}
}

// perform runs a change that outlives its client, but not the agent.
func (s *Server) perform(ctx context.Context, name, id string, do verb) (*catalog.Report, error) {
	release, err := s.busy.take(id, name)
	if err != nil {
		return nil, err
	}
	defer release()
	s.work.Add(1)
	defer s.work.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	defer context.AfterFunc(s.stop, cancel)()
	began := time.Now()
	report, err := do(ctx, id)
	if err == nil {
		s.log.Info().Str("extension", id).Str("op", name).Dur("duration", time.Since(began)).Msg("done")
	}
	return report, err
}

func (s *Server) logFailure(name, id string, err error) {
	e := problem.As(err)
	line := s.log.Warn()
	if e.Code == problem.Internal {
		line = s.log.Error()
	}
	line.Str("extension", id).Str("op", name).Str("code", string(e.Code)).Err(err).Msg("refused or failed")
}

// readRequest reads the body of a verb. Malformed ids are refused here; core ids by each verb.
func (s *Server) readRequest(r *http.Request) (Request, error) {
	var req Request
	if err := readJSON(r, &req); err != nil {
		return req, err
	}
	if !manifest.ValidID(req.ServiceID) {
		return req, problem.Newf(problem.InvalidArgument, "service_id %.80q is no extension id", req.ServiceID)
	}
	return req, nil
}

func readJSON(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return problem.Newf(problem.BodyTooLarge, "the body is larger than %d bytes", large.Limit)
		}
		return problem.Newf(problem.InvalidBody, "the body cannot be read")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return problem.Newf(problem.InvalidBody, `the body is not a JSON object such as {"service_id": "hello"}`)
	}
	return nil
}

func (s *Server) stopExtension(ctx context.Context, id string) (*catalog.Report, error) {
	services, err := s.servicesOf(ctx, id)
	if err != nil || len(services) == 0 {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := s.runner.Stop(ctx, services, nil); err != nil {
		return nil, failed(problem.StopFailed, id, err)
	}
	s.fails.clear(id)
	return nil, nil //nolint:nilnil // a stop has no report
}

func (s *Server) removeExtension(ctx context.Context, id string) (*catalog.Report, error) {
	services, err := s.servicesOf(ctx, id)
	if err == nil && len(services) > 0 {
		err = s.runner.Remove(ctx, services, nil)
	}
	if err != nil {
		return nil, failed(problem.StopFailed, id, err)
	}
	s.fails.clear(id)
	return nil, s.forget(id)
}

// servicesOf lists the services of an extension by its containers, so that an extension whose files are broken
// or gone can still be turned off. Core services are refused.
func (s *Server) servicesOf(ctx context.Context, id string) ([]string, error) {
	w, err := s.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.refuseCore(id); err != nil {
		return nil, err
	}
	containers, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return nil, err
	}
	var services []string
	for _, c := range containers {
		if compose.OwnsService(id, c.Service, w.ids) && !w.isCore(c.Service) && !slices.Contains(services, c.Service) {
			services = append(services, c.Service)
		}
	}
	return services, nil
}

func (s *Server) enableBuiltin(_ context.Context, id string) (*catalog.Report, error) {
	return nil, s.toggleBuiltin(id, true)
}

func (s *Server) disableBuiltin(_ context.Context, id string) (*catalog.Report, error) {
	return nil, s.toggleBuiltin(id, false)
}

func (s *Server) toggleBuiltin(id string, enabled bool) error {
	w, err := s.world()
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.refuseCore(id); err != nil {
		return err
	}
	m, err := s.parsed.Read(w.services.FS(), id)
	if err != nil {
		return problem.Newf(problem.NotFound, "no built-in extension %q: %w", id, err)
	}
	return catalog.Toggle(w.services, id, compose.FragmentName(m), enabled)
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	req, err := s.readRequest(r)
	if err != nil {
		reply(w, err)
		return
	}
	l, err := s.readLogs(r.Context(), req)
	if err != nil {
		reply(w, err)
		return
	}
	send(w, l)
}

func (s *Server) readLogs(ctx context.Context, req Request) (catalog.Logs, error) {
	tail := req.Tail
	if tail == 0 {
		tail = defaultTail
	}
	tail = min(max(tail, 1), maxTail)
	world, err := s.world()
	if err != nil {
		return catalog.Logs{}, err
	}
	defer world.close()
	all, err := s.opts.Engine.Containers(ctx)
	if err != nil {
		return catalog.Logs{}, err
	}
	own := slices.DeleteFunc(all, func(c compose.Container) bool {
		return !compose.OwnsService(req.ServiceID, c.Service, world.ids)
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

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	req, err := s.readRequest(r)
	if err != nil {
		reply(w, err)
		return
	}
	p, err := s.prepare(r.Context(), req.ServiceID, judge(req.Library))
	if err != nil {
		reply(w, err)
		return
	}
	send(w, catalog.Verdict{ID: req.ServiceID, Accepted: true, Findings: nil, Services: p.services, Notes: p.notes})
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client left: nobody to tell
}

// reply answers with err as the wire contract's {"error": …} and as problem+json at once.
func reply(w http.ResponseWriter, err error) {
	d := problem.NewDocument(err)
	d.Legacy = d.Detail
	d.Write(w)
}

// failed gives a docker failure its code and keeps what compose said.
func failed(code problem.Code, id string, err error) error {
	var cmd *compose.CommandError
	if !errors.As(err, &cmd) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.Newf(code, "extension %q: docker compose %s took too long and was ended", id, cmd.Verb)
	}
	if strings.Contains(cmd.Reason, "Cannot connect to the Docker daemon") || strings.Contains(cmd.Reason, "failed to connect to the docker API") {
		return problem.Newf(problem.DockerUnavailable, "the Docker Engine does not answer: start it and try again (%w)", err)
	}
	return problem.Newf(code, "extension %q: %w", id, err)
}
