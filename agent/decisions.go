package agent

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

// Bounds of a reply with records of decisions.
const (
	decisionsDefault = 100
	decisionsMax     = 1000
)

// recordDecision writes what the policies said of the subject; err is why it is refused. A start whose decision is on no
// disk is refused itself: what is applied can be accounted for. Of checks, which cost their caller nothing and could push
// the rest out, refusals alone are written, and not too many.
func (s *Server) recordDecision(ctx context.Context, subject policy.Subject, r policy.Result, err error, took time.Duration) error {
	planned, untold := subject.Phase != decisions.Apply, 0
	if planned {
		var tell bool
		if err == nil {
			return nil
		}
		if untold, tell = s.unplanned.tell(time.Now()); !tell {
			return nil
		}
	}
	code, why := "", ""
	if err != nil {
		p := problem.As(err)
		code = string(p.Code)
		why, _, _ = strings.Cut(p.Detail, "\n")
	}
	rec := decisions.Of(subject, r, code, why, took, s.redactor(subject))
	rec.RequestID, rec.Peer, rec.Untold = catalog.RequestID(ctx), callerPeer(ctx), untold
	if werr := s.writeDecision(rec); werr != nil && !planned {
		return problem.Newf(problem.PolicyUnavailable, "extension %q: what its policies decided cannot be recorded, and what is not recorded is not started: %w; "+
			"make room on the disk of the state directory, or mend it, and try again", subject.ID, werr)
	}
	return nil
}

// redactor hides the secrets of the extension and of the installation.
func (s *Server) redactor(subject policy.Subject) decisions.Redactor {
	settings, err := s.opts.Reload()
	if err != nil {
		settings = s.opts.Settings
	}
	return decisions.NewRedactor(subject.Secrets, secretsOf(settings))
}

// writeDecision tells the agent's own log what cannot be written.
func (s *Server) writeDecision(rec decisions.Record) error {
	err := s.decisions.Write(rec)
	if err != nil {
		s.log.Error().Err(err).Str("phase", rec.Phase).Str("extension", rec.Extension).Str("outcome", rec.Outcome).Msg("the log of decisions cannot be written")
	}
	return err
}

// recordLoad writes which plugins there are from now on, where the operator has any, and that a line was torn by a kill.
func (s *Server) recordLoad() {
	status := s.policies.Inventory()
	if status.Config == "" && !status.Locked {
		return
	}
	rec := decisions.Record{Phase: decisions.Load, Operation: "start", User: ownActor, Outcome: decisions.Loaded, Policies: &status}
	if status.Locked {
		rec.Outcome, rec.Code, rec.Message = decisions.Locked, string(problem.PolicyLocked), decisions.NewRedactor(nil, secretsOf(s.opts.Settings)).Text(status.Reason)
		short := status
		short.Reason = rec.Message
		rec.Policies = &short
	}
	if err := s.writeDecision(rec); err != nil {
		return
	}
	if _, sealed, err := s.decisions.Head(); err == nil && sealed > 0 {
		s.log.Warn().Int("lines", sealed).Msg("the log of decisions ended in the middle of a line: an agent was killed while it wrote; the piece is sealed")
	}
}

// policyStatus answers with what is loaded.
func (s *Server) policyStatus(w http.ResponseWriter, _ *http.Request) {
	out := catalog.PolicyStatus{Inventory: s.policies.Inventory()}
	out.Counts = catalog.PolicyCounts{
		Plugins: len(out.Plugins), Rules: len(out.Rules), Exceptions: len(out.Exceptions), Decisions: s.decisions.Counts(),
	}
	if head, _, err := s.decisions.Head(); err == nil && head.Seq > 0 {
		out.Head = &head
	}
	if drift := s.drift.last(); drift != nil {
		n := len(drift.Findings)
		out.Counts.Drift = &n
	}
	send(w, out)
}

// policyAudit answers with the newest records.
func (s *Server) policyAudit(w http.ResponseWriter, r *http.Request) {
	f, err := readDecisionFilter(r.URL.Query())
	if err != nil {
		reply(w, problem.Newf(problem.InvalidParameter, "%w", err))
		return
	}
	entries, err := s.decisions.Read(f)
	if err != nil {
		s.log.Error().Err(err).Msg("the log of decisions cannot be read")
		reply(w, err)
		return
	}
	page := catalog.PolicyAudit{Entries: entries}
	if head, _, err := s.decisions.Head(); err == nil && head.Seq > 0 {
		page.Head = &head
	}
	send(w, page)
}

func readDecisionFilter(q url.Values) (decisions.Filter, error) {
	f := decisions.Filter{Extension: q.Get("extension"), Outcome: q.Get("outcome"), Limit: decisionsDefault}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > decisionsMax {
			return f, problem.Newf(problem.InvalidParameter, "limit %.20q is not a number from 1 to %d", text, decisionsMax)
		}
		f.Limit = n
	}
	if text := q.Get("since"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return f, problem.Newf(problem.InvalidParameter, "since %.40q is no time: write 2026-12-31T18:00:00Z", text)
		}
		f.Since = at
	}
	return f, f.Check()
}
