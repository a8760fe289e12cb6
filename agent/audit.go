package agent

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// ownActor is who asks when the agent finishes a change by itself.
const ownActor = "agent"

const (
	auditDefault   = 100 // entries of a reply
	auditMax       = 1000
	maxAuditDetail = 500 // bytes
)

type auditKey struct{}

// auditOf is the entry that is being made for the change in ctx; a verb may add to it. Outside of a change it is
// one that nobody writes.
func auditOf(ctx context.Context) *catalog.AuditEntry {
	if e, ok := ctx.Value(auditKey{}).(*catalog.AuditEntry); ok {
		return e
	}
	return &catalog.AuditEntry{}
}

// audit begins the entry of a change. What came of the change is told to record, which writes it.
func (s *Server) audit(ctx context.Context, op, id string) (changing context.Context, record func(error)) {
	began := time.Now()
	part := catalog.ChangeOf(ctx)
	if string(part) == op || !part.TurnsOn() || op != "start" && op != "check" {
		part = "" // it is the verb, or says no more than that
	}
	changing = context.WithValue(ctx, auditKey{}, &catalog.AuditEntry{
		Actor: catalog.Actor(ctx), Peer: callerPeer(ctx), Op: op, Change: part, Extension: id,
	})
	return changing, func(err error) {
		e := *auditOf(changing)
		e.Duration = time.Since(began).Milliseconds()
		if e.Result = "ok"; err != nil {
			p := problem.As(err)
			e.Result, e.Detail = string(p.Code), s.presentable(p)+e.Detail
			if op != "check" && fromAPI(ctx) && refused(err) { // it costs nothing, and must not push the rest out
				untold, ok := s.vain.tell(time.Now())
				if !ok {
					return
				}
				e.Detail += andMore(untold)
			}
		}
		s.writeAudit(e)
	}
}

// refused reports whether a change was refused before anything was done.
func refused(err error) bool {
	return errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) || errdefs.IsConflict(err) || errdefs.IsPermissionDenied(err)
}

// writeAudit never fails: what was done is done, and turning something off must work with a full disk, too. The
// entry goes to the agent's own log instead, loudly.
func (s *Server) writeAudit(e catalog.AuditEntry) {
	e.Time = time.Now().UTC()
	if err := s.trail.write(e); err != nil {
		s.log.Error().Err(err).Interface("entry", e).Msg("the audit log cannot be written")
	}
}

// presentable is the first line of why something was refused or failed, without secrets: what follows are log lines of
// containers, which may say anything. Where we write a list ourselves, its first line is kept, too: it says what is
// wrong.
func (s *Server) presentable(p *problem.Error) string {
	text := p.Detail
	settings, err := s.opts.Reload()
	if err != nil {
		settings = s.opts.Settings
	}
	for _, secret := range secretsOf(settings) {
		text = strings.ReplaceAll(text, secret, config.Secret(secret).String())
	}
	first, rest, _ := strings.Cut(text, "\n") // after the secrets: one may have several lines
	text = first
	if next, _, _ := strings.Cut(rest, "\n"); next != "" && (p.Code == problem.ScanRefused || p.Code == problem.GrantsRequired) {
		text += " " + next
	}
	return strings.ToValidUTF8(text[:min(len(text), maxAuditDetail)], "")
}

// secretsOf lists the values that must not be shown: the keys, and of .env all that is long enough to be found in
// a text, but for settings of ours that are no keys.
func secretsOf(s config.Settings) []string {
	var secrets []string
	for _, key := range []config.Secret{s.AgentKey, s.AgentAPIKey, s.APIKey} {
		if key != "" {
			secrets = append(secrets, key.Reveal())
		}
	}
	public := map[string]bool{}
	for _, p := range config.PlatformKeys {
		public[p.Key] = true
	}
	for name, value := range s.Env {
		long := 8
		if soundsSecret(name) {
			long = 4
		} else if public[name] || strings.HasPrefix(name, "DREAM_") {
			continue
		}
		if len(value) >= long {
			secrets = append(secrets, value)
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a piece of another
	return secrets
}

func soundsSecret(name string) bool {
	for _, word := range []string{"KEY", "SECRET", "TOKEN", "PASS", "CRED", "SALT"} {
		if strings.Contains(strings.ToUpper(name), word) {
			return true
		}
	}
	return false
}

// refusedPeer tells of a connection that was closed because of who made it.
func (s *Server) refusedPeer(uid int, err error) {
	untold, ok := s.strangers.tell(time.Now())
	if !ok {
		return
	}
	const why = "only root and the install's owner (DREAM_UID) may use the socket"
	s.writeAudit(catalog.AuditEntry{
		Peer: uidPrefix + strconv.Itoa(uid), Op: "connect", Result: string(problem.Forbidden), Detail: why + andMore(untold),
	})
	s.log.Warn().Int("uid", uid).Err(err).Int("untold", untold).Msg("a connection is refused: " + why)
}

// crowded tells of a connection that was closed because its user has enough of them.
func (s *Server) crowded(uid int) {
	untold, ok := s.crowds.tell(time.Now())
	if !ok {
		return
	}
	why := fmt.Sprintf("this user has %d of the socket's %d connections, and the others are kept for root", s.limits.connsOfOne(), s.limits.SocketConns)
	s.writeAudit(catalog.AuditEntry{
		Peer: uidPrefix + strconv.Itoa(uid), Op: "connect", Result: string(problem.Unavailable), Detail: why + andMore(untold),
	})
	s.log.Warn().Int("uid", uid).Int("untold", untold).Msg("a connection is refused: " + why)
}

// refusedKey tells of a request without the key that it needs. What the caller says about itself is not kept: it may be anybody.
func (s *Server) refusedKey(r *http.Request, err error) {
	untold, ok := s.guesses.tell(time.Now())
	if !ok {
		return
	}
	peer, code := peerOf(r.RemoteAddr), string(problem.As(err).Code)
	s.log.Warn().Str("peer", peer).Str("code", code).Int("untold", untold).Msg("a request is refused")
	s.writeAudit(catalog.AuditEntry{Peer: peer, Op: "authorize", Result: code, Detail: problem.As(err).Detail + andMore(untold)})
}

// refusedCheck tells of an extension that was judged and refused. A check costs its caller nothing, and could be asked
// for without end.
func (s *Server) refusedCheck(ctx context.Context, record func(error), err error) {
	untold, ok := s.verdicts.tell(time.Now())
	if !ok {
		return
	}
	auditOf(ctx).Detail = andMore(untold) // record puts it behind the reason
	record(err)
}

func andMore(untold int) string {
	if untold == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more before this one)", untold)
}

// auditPage answers with the newest entries.
func (s *Server) auditPage(w http.ResponseWriter, r *http.Request) {
	limit := auditDefault
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > auditMax {
			reply(w, problem.Newf(problem.InvalidParameter, "limit %.20q is not a number from 1 to %d", text, auditMax))
			return
		}
		limit = n
	}
	entries, err := s.trail.read(limit)
	if err != nil {
		s.log.Error().Err(err).Msg("the audit log cannot be read")
		reply(w, err)
		return
	}
	send(w, AuditPage{Entries: entries})
}
