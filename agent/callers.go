package agent

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

// caller is who sends a request, by the key that it shows. Each may do what those before it may.
type caller int

const (
	anybody caller = iota // no key
	meter                 // a key of the API with the scope metrics, or one that may more there: Prometheus
	api                   // DREAM_AGENT_API_KEY: the API in its container, which may be in other hands
	owner                 // DREAM_AGENT_KEY: the command line
)

// wrongKey is the reference's text; by it the client knows that its key is wrong, and not only too small.
const wrongKey = "Invalid API key."

// authorized lets in whoever has the key that the route takes, or one that opens more.
func (s *Server) authorized(least caller, next http.HandlerFunc) http.HandlerFunc {
	if least == anybody {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := s.checkKey(r)
		if least == meter && who == anybody && s.mayMeasure(r) {
			who, err = meter, nil
		}
		if err != nil {
			s.refusedKey(r, err)
			w.Header().Set("Connection", "close") // who has no key keeps no connection
			reply(w, err)
			return
		}
		if who < least {
			err := problem.Newf(problem.Forbidden, "%s %s is for the owner: the API's key (DREAM_AGENT_API_KEY) does not open it, "+
				"DREAM_AGENT_KEY does; use `dream`", r.Method, r.URL.Path)
			s.refusedKey(r, err)
			reply(w, err)
			return
		}
		s.versions.compare(s.log, r.Header.Get(versionHeader), s.opts.Version)
		next(w, withCaller(r, who))
	}
}

// mayMeasure reports whether the request shows a key with which the API would show its metrics. The API's container cannot
// write the files of keys, so that it makes none for itself.
func (s *Server) mayMeasure(r *http.Request) bool {
	key, ok := bearer(r)
	if !ok || key == "" {
		return false
	}
	settings, err := s.opts.Reload() // a key that was exchanged opens nothing any more
	if err != nil {
		settings = s.opts.Settings
	}
	dir := settings.APIKeysDir()
	files, err := config.ListAPIKeyFiles(dir)
	if err != nil {
		s.log.Warn().Err(err).Msg("the named keys cannot be read: none of them opens the metrics")
	}
	digest, may := config.DigestOf(key), sameKey(key, settings.APIKey)
	for _, file := range files { // all of them: it takes the same time wherever among the keys this one is
		k, err := config.ReadAPIKey(dir, file)
		same := subtle.ConstantTimeCompare(k.SHA256[:], digest[:]) == 1
		may = may || err == nil && same && !k.Expired(time.Now()) && k.Scope.Allows(config.ScopeMetrics)
	}
	return may
}

// checkKey is whose key the request shows. Both keys are compared, in constant time, whichever it is.
func (s *Server) checkKey(r *http.Request) (caller, error) {
	key, ok := bearer(r)
	if !ok {
		return anybody, problem.Newf(problem.Unauthorized, "send Authorization: Bearer with DREAM_AGENT_KEY")
	}
	isOwner, isAPI := sameKey(key, s.opts.Settings.AgentKey), sameKey(key, s.opts.Settings.AgentAPIKey)
	switch {
	case isOwner:
		return owner, nil
	case isAPI:
		return api, nil
	}
	return anybody, problem.Newf(problem.Forbidden, wrongKey)
}

func bearer(r *http.Request) (key string, ok bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// sameKey compares in constant time. A key that is not set is nobody's.
func sameKey(shown string, key config.Secret) bool {
	got, want := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(key.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && key != ""
}
