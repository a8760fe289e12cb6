package api

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

const sessionCookie = "dream_session"

type loginInput struct {
	Body *struct {
		Key string `json:"key" doc:"DASHBOARD_API_KEY, or a key that dream key add made"`
	}
}

func (in *loginInput) check() error {
	if in.Body == nil || in.Body.Key == "" {
		return problem.Newf(problem.InvalidBody, `send {"key": "…"} with a key of the API`)
	}
	return nil
}

type sessionBody struct {
	Who     string       `json:"who" doc:"session:NAME or key:NAME; NAME is that of the key, admin for the one in .env"`
	Scope   config.Scope `json:"scope" enum:"admin,operate,read,metrics"`
	Expires *time.Time   `json:"expires,omitempty" doc:"the end, at the latest; absent for a key without one"`
}

type sessionReply struct {
	SetCookie string `header:"Set-Cookie"`
	Body      sessionBody
}

type signedOutReply struct {
	SetCookie string `header:"Set-Cookie"`
	Body      signedOutBody
}

type signedOutBody struct {
	Status string `json:"status" enum:"signed_out"`
}

// login opens a session with a key. A session that the browser had ends: nobody goes on under an id that somebody
// else may have put there.
func (s *server) login(ctx context.Context, in *loginInput) (*sessionReply, error) {
	v, log, now := visitOf(ctx), Log(ctx), s.now()
	if wait := s.logins.take(v.origin.client, now); wait > 0 {
		s.measures.logins.WithLabelValues(loginThrottled).Inc()
		log.Warn().Str("client", v.origin.client).Msg("sign-in throttled")
		return nil, throttledError{wait}
	}
	key, ok := s.keys.find(config.DigestOf(in.Body.Key), now)
	if !ok {
		s.measures.logins.WithLabelValues(loginRefused).Inc()
		log.Warn().Str("client", v.origin.client).Msg("sign-in refused")
		return nil, problem.Newf(problem.Forbidden, "Invalid API key.")
	}
	s.logins.giveBack(v.origin.client)
	s.measures.logins.WithLabelValues(loginAccepted).Inc()
	for _, id := range v.sessionIDs {
		s.sessions.close(id, v.origin.from)
	}
	id := s.sessions.open(key, v.origin.from, now)
	who := caller{kind: bySession, name: key.Name, scope: key.Scope, expires: (&session{opened: now}).end(key)}
	log.Info().Str("client", v.origin.client).Str("actor", who.actor()).Msg("signed in")
	return &sessionReply{newCookie(id, v.secure).String(), newSessionBody(who)}, nil
}

func (s *server) getSession(ctx context.Context, _ *struct{}) (*reply[sessionBody], error) {
	return respond(newSessionBody(visitOf(ctx).caller), nil)
}

// logout is open, because it must work when the session has ended by itself.
func (s *server) logout(ctx context.Context, _ *struct{}) (*signedOutReply, error) {
	v := visitOf(ctx)
	for _, id := range v.sessionIDs {
		s.sessions.close(id, v.origin.from)
	}
	return &signedOutReply{newCookie("", v.secure).String(), signedOutBody{"signed_out"}}, nil
}

func newSessionBody(who caller) sessionBody {
	b := sessionBody{Who: who.actor(), Scope: who.scope}
	if !who.expires.IsZero() {
		end := who.expires.UTC()
		b.Expires = &end
	}
	return b
}

// authenticateSession says whose session it is. fresh is the id that the browser is to use from now on, if any.
func (s *server) authenticateSession(r *http.Request, ids []string) (who caller, fresh string, err error) {
	now, from := s.now(), s.originOf(r)
	for _, id := range ids {
		o, fresh, ok, stolen := s.sessions.use(id, from.from, now)
		if stolen {
			Log(r.Context()).Warn().Str("actor", bySession+":"+o.key).Str("client", from.client).
				Msg("a session's cookie came from another address than the session's: refused; said once")
		}
		if !ok {
			continue
		}
		key, ok := s.keys.holds(o.key, o.digest, now)
		if !ok {
			s.sessions.close(id, o.from) // the key was taken back, and with it what it opened
			continue
		}
		return caller{kind: bySession, name: key.Name, scope: key.Scope, expires: o.end(key), key: o.digest, session: o.number}, fresh, nil
	}
	return caller{}, "", problem.Newf(problem.Unauthorized, "the session has ended: sign in again")
}

// newCookie is gone when the browser is closed, and at once without an id. Scripts cannot read it, and pages of other
// sites cannot send it. It has no Max-Age: the session ends here, whatever the browser keeps.
func newCookie(id string, secure bool) *http.Cookie {
	c := &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure} //nolint:gosec // Secure wherever TLS is
	if id == "" {
		c.MaxAge = -1
	}
	return c
}

// sessionIDs are those that a page of ours sent. SameSite keeps other sites' pages from sending the cookie, and
// takes all ports of a machine for one site: extensions are on those.
func sessionIDs(r *http.Request) []string {
	if !fromOurPage(r) {
		return nil
	}
	const most = 4 // another port of this machine can plant cookies of this name
	var ids []string
	for _, c := range r.CookiesNamed(sessionCookie) {
		if c.Value != "" && len(ids) < most {
			ids = append(ids, c.Value)
		}
	}
	return ids
}

// fromOurPage reports whether a browser says that a page of ours asks, or a person who typed the address. What is
// no browser says nothing of the kind.
func fromOurPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// throttledError refuses an attempt to sign in, until wait has passed.
type throttledError struct{ wait time.Duration }

func (e throttledError) Error() string { return e.Unwrap().Error() }

// Unwrap is the refusal as the client sees it.
func (e throttledError) Unwrap() error {
	return problem.Newf(problem.TooManyAttempts, "too many attempts to sign in: try again in %s seconds", e.seconds())
}

func (e throttledError) seconds() string { return strconv.Itoa(int(math.Ceil(e.wait.Seconds()))) }

func (e throttledError) headers() http.Header { return http.Header{"Retry-After": {e.seconds()}} }
