package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// need is what a route asks of its caller: a scope of [config], or nothing. The zero value is nobody.
type need string

const (
	open    need = "open" // whoever reaches the port; tells nothing that a stranger may not know
	metrics      = need(config.ScopeMetrics)
	read         = need(config.ScopeRead)
	operate      = need(config.ScopeOperate)
	admin        = need(config.ScopeAdmin)
)

// effect is what a route does to the machine. The zero value is a mistake.
type effect string

const (
	looks   effect = "looks"   // changes nothing
	streams effect = "streams" // changes nothing, and tells what happens until its client has heard enough: see stream.go
	changes effect = "changes" // changes the machine: DREAM_READ_ONLY refuses it, and it may take its time
)

// access is what a line in the table of routes says of its callers.
type access struct {
	need   need
	effect effect
}

// check is nil for an access that was declared in full. A slip must not open or close a route unseen.
func (a access) check() error {
	if !slices.Contains([]need{open, metrics, read, operate, admin}, a.need) {
		return fmt.Errorf("does not say who may call it: %q is not open, metrics, read, operate or admin", a.need)
	}
	if !slices.Contains([]effect{looks, streams, changes}, a.effect) {
		return fmt.Errorf("does not say what it does: %q is not looks, streams or changes", a.effect)
	}
	return nil
}

// admit says who calls. An error means that the request may not go on to a route with this access. It looks at
// nothing but the headers, so that who has no key learns nothing, not even that an id is malformed. fresh is the
// id of their session from now on, if it is time for another.
func (s *server) admit(a access, r *http.Request) (who caller, fresh string, err error) {
	if err := a.check(); err != nil {
		return caller{}, "", problem.Newf(problem.Forbidden, "this route is closed")
	}
	if a.need == open {
		return caller{}, "", nil
	}
	who, fresh, err = s.authenticate(r)
	switch {
	case err != nil:
		return caller{}, "", err
	case !who.scope.Allows(config.Scope(a.need)):
		err = problem.Newf(problem.Forbidden, "this takes the scope %s, and %s has %s: use a key of that scope, or make one with `dream key add`",
			a.need, who, who.scope)
	case a.effect == changes && s.settings.ReadOnly:
		err = problem.Newf(problem.ReadOnly, "this API is read-only because DREAM_READ_ONLY is set: `make run` sets it where Docker or "+
			"root is missing and says which; otherwise unset it and restart dashboard-api")
	}
	return who, fresh, err
}

// authenticate says whose request it is. A key counts before a session: who sends one means it.
func (s *server) authenticate(r *http.Request) (who caller, fresh string, err error) {
	if key, ok := bearer(r); ok {
		who, err = s.authenticateKey(key)
		return who, "", err
	}
	if ids := sessionIDs(r); len(ids) > 0 && r.Header.Get("Authorization") == "" {
		return s.authenticateSession(r, ids)
	}
	return caller{}, "", problem.Newf(problem.Unauthorized, "Authentication required: send the header `Authorization: Bearer <key>`, "+
		"or sign in; the key is DASHBOARD_API_KEY in the installation's .env, or one that `dream key add` made")
}

func (s *server) authenticateKey(key string) (caller, error) {
	k, ok := s.keys.find(config.DigestOf(key), s.now())
	if !ok {
		return caller{}, problem.Newf(problem.Forbidden, "Invalid API key.")
	}
	return caller{kind: byKey, name: k.Name, scope: k.Scope, expires: k.Expires, key: k.SHA256}, nil
}

// stillMay is nil while who was admitted would be admitted again: for streams, which outlast the look at their first
// request. A stream is no use of a session: it does not keep one from ending.
func (s *server) stillMay(who caller) error {
	now := s.now()
	if who.kind == "" {
		return nil
	}
	if who.kind == bySession && !s.sessions.goesOn(who.session, now) {
		return problem.Newf(problem.Unauthorized, "the session has ended: sign in again")
	}
	if key, ok := s.keys.holds(who.name, who.key, now); !ok || key.Scope != who.scope {
		return problem.Newf(problem.Forbidden, "%s was taken back, has ended, or has another scope now", who)
	}
	return nil
}

func bearer(r *http.Request) (key string, ok bool) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	return key, strings.EqualFold(scheme, "Bearer") && key != ""
}
