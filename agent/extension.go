package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// stage is told in which part a start is, and what happens there; nil for nobody.
type stage func(operation.Progress)

// enter tells of a new stage.
func (on stage) enter(name string) {
	if on != nil {
		on(operation.Progress{Stage: name})
	}
}

// within is told docker compose's events in the stage.
func (on stage) within(name string) func(compose.Event) {
	if on == nil {
		return nil
	}
	return func(e compose.Event) { on(operation.Progress{Stage: name, Event: &e}) }
}

// verb does one thing to one extension. It runs to its end even when the client goes away.
type verb func(ctx context.Context, id string) (*catalog.Report, error)

// Limits of one change; the reference's.
const (
	startLimit = 10 * time.Minute
	stopLimit  = 2 * time.Minute
)

// startWith is the verb start with what comes with its request.
func (s *Server) startWith(req Request, on stage) verb {
	return func(ctx context.Context, id string) (*catalog.Report, error) {
		return s.start(ctx, id, catalog.Starting{Grants: req.Grants, Plan: req.Plan}, on)
	}
}

// restartWatched is the verb restart.
func (s *Server) restartWatched(_ Request, on stage) verb {
	return func(ctx context.Context, id string) (*catalog.Report, error) { return s.restart(ctx, id, on) }
}

// always is a verb that takes nothing but an id.
func always(do verb) func(Request, stage) verb { return func(Request, stage) verb { return do } }

// change is a handler for a verb. One change at a time is made to an extension; the second is told which.
func (s *Server) change(name string, do func(Request, stage) verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(w, r)
		if err != nil {
			reply(w, err)
			return
		}
		ctx, record := s.audit(r.Context(), name, req.ServiceID)
		var on stage
		var lines *lineStream
		if req.Progress {
			lines = newLineStream(w)
			on = func(p operation.Progress) { lines.write(ChangeMessage{Progress: &p}) }
		}
		report, err := s.perform(ctx, name, req.ServiceID, do(req, on))
		record(err)
		if err != nil {
			s.logFailure(name, req.ServiceID, err)
		}
		done := Done{Status: "ok", ServiceID: req.ServiceID, Action: name, Report: report}
		switch {
		case lines.begun() && err != nil:
			lines.write(ChangeMessage{Problem: problem.NewDocument(err)})
		case err != nil:
			reply(w, err)
		case req.Progress:
			lines.write(ChangeMessage{Done: &done})
		default:
			send(w, done)
		}
	}
}

// perform runs a change that outlives its client, but not the agent.
func (s *Server) perform(ctx context.Context, name, id string, do verb) (*catalog.Report, error) {
	if s.closing.Err() != nil {
		return nil, problem.Newf(problem.ShuttingDown, "the host agent is shutting down: %s was not begun; try again when it is back", name)
	}
	ctx, cancelAll := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancelAll()
	defer context.AfterFunc(s.stop, cancelAll)()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	release, err := s.busy.take(ctx, id, name, cancel)
	if err != nil {
		return nil, err
	}
	defer s.lookForDrift()
	defer release()
	began := time.Now()
	report, err := do(ctx, id)
	switch {
	case err == nil:
		s.log.Info().Str("extension", id).Str("op", name).Dur("duration", time.Since(began)).Msg("done")
	case errors.Is(context.Cause(ctx), errInterrupted):
		err = problem.Newf(problem.StartFailed, "%s%s was ended, because it was told to stop", of(id), name)
	case s.stop.Err() != nil && !problem.HasCode(err, problem.ShuttingDown):
		err = problem.Newf(problem.ShuttingDown, "the host agent is shutting down: %s was ended before it was done; try again when it is back (%w)", name, err)
	}
	return report, err
}

func (s *Server) logFailure(name, id string, err error) {
	code, level := problem.As(err).Code, zerolog.WarnLevel
	if code == problem.Internal {
		level = zerolog.ErrorLevel
	}
	s.log.WithLevel(level).Str("extension", id).Str("op", name).Str("code", string(code)).Err(err).Msg("refused or failed")
}

// readRequest reads the body of a verb. Malformed ids are refused here; core ids by each verb.
func readRequest(w http.ResponseWriter, r *http.Request) (Request, error) {
	var req Request
	if err := readJSON(w, r, &req); err != nil {
		return req, err
	}
	if !manifest.ValidID(req.ServiceID) {
		return req, problem.Newf(problem.InvalidArgument, "service_id %.80q is no extension id", req.ServiceID)
	}
	return req, nil
}

// readJSON reads a small body. A client that sends it too slowly is dropped.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.Newf(problem.BodyTooLarge, "the body is larger than %d bytes", large.Limit)
	case err != nil:
		return problem.Newf(problem.InvalidBody, "the body cannot be read: it is shorter than it says, or it came too slowly")
	}
	unhurried(w)
	if err := json.Unmarshal(data, into); err != nil {
		return problem.Newf(problem.InvalidBody, `the body is not a JSON object such as {"service_id": "hello"}`)
	}
	return nil
}

func (s *Server) enableBuiltin(_ context.Context, id string) (*catalog.Report, error) {
	return nil, s.toggleBuiltin(id, true)
}

func (s *Server) disableBuiltin(_ context.Context, id string) (*catalog.Report, error) {
	return nil, s.toggleBuiltin(id, false)
}

func (s *Server) toggleBuiltin(id string, enabled bool) error {
	w, err := s.folders()
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

func (s *Server) check(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(w, r)
	if err != nil {
		reply(w, err)
		return
	}
	ctx, record := s.audit(r.Context(), "check", req.ServiceID)
	p, err := s.prepare(ctx, req.ServiceID, judge(req.Library))
	if err != nil {
		s.refusedCheck(ctx, record, err) // what is accepted, the change itself tells
		reply(w, err)
		return
	}
	defer p.done()
	send(w, catalog.Verdict{
		Verdict: p.own.verdict, Ungranted: s.ungranted(req.ServiceID, req.Library, p.own.verdict.Grants),
		Digest: p.own.digest, Services: p.services, Notes: p.notes,
	})
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
