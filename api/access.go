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
	if a.effect != looks && a.effect != changes {
		return fmt.Errorf("does not say what it does: %q is not looks or changes", a.effect)
	}
	return nil
}

// admit says who calls. An error means that the request may not go on to a route with this access. It looks at
// nothing but the headers, so that who has no key learns nothing, not even that an id is malformed.
func (s *server) admit(a access, r *http.Request) (caller, error) {
	if err := a.check(); err != nil {
		return caller{}, problem.Newf(problem.Forbidden, "this route is closed")
	}
	if a.need == open {
		return caller{}, nil
	}
	who, err := s.authenticate(r)
	if err != nil {
		return caller{}, err
	}
	if !who.scope.Allows(config.Scope(a.need)) {
		return caller{}, problem.Newf(problem.Forbidden, "this takes the scope %s, and %s has %s: %s",
			a.need, who, who.scope, "use a key of that scope, or make one with `dream key add`")
	}
	if a.effect == changes && s.settings.ReadOnly {
		return caller{}, problem.Newf(problem.ReadOnly, "this API is read-only because DREAM_READ_ONLY is set: `make run` sets it where Docker or "+
			"root is missing and says which; otherwise unset it and restart dashboard-api")
	}
	return who, nil
}

// authenticate says whose request it is. It knows nothing of scopes.
func (s *server) authenticate(r *http.Request) (caller, error) {
	key, ok := bearer(r)
	if !ok {
		return caller{}, problem.Newf(problem.Unauthorized, "Authentication required: send the header `Authorization: Bearer <key>`; "+
			"the key is DASHBOARD_API_KEY in the installation's .env, or one that `dream key add` made")
	}
	k, ok := s.keys.find(config.DigestOf(key), s.now())
	if !ok {
		return caller{}, problem.Newf(problem.Forbidden, "Invalid API key.")
	}
	return caller{kind: byKey, name: k.Name, scope: k.Scope, expires: k.Expires}, nil
}

func bearer(r *http.Request) (key string, ok bool) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	return key, strings.EqualFold(scheme, "Bearer") && key != ""
}
