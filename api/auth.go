package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"dreamserver/internal/problem"
)

// access says who may call a route. The zero value is nobody.
type access string

const (
	open   access = "open"   // whoever reaches the port; tells nothing that a stranger may not know
	read   access = "read"   // changes nothing
	change access = "change" // changes the machine
)

// digest stands for a key. Comparing digests takes the same time whatever the length and content of a guess.
type digest [sha256.Size]byte

func digestOf(key string) digest { return sha256.Sum256([]byte(key)) }

// admit is nil when the request may go on to a route with this access. It looks at nothing but the headers, so
// that who has no key learns nothing, not even that an id is malformed.
func (s *server) admit(who access, r *http.Request) error {
	switch who {
	case open:
		return nil
	case read, change:
		if err := s.authenticate(r); err != nil {
			return err
		}
	default:
		return problem.Newf(problem.Forbidden, "this route is closed")
	}
	if who == change && s.settings.ReadOnly {
		return problem.Newf(problem.ReadOnly, "this API is read-only because DREAM_READ_ONLY is set: `make run` sets it where Docker or "+
			"root is missing and says which; otherwise unset it and restart dashboard-api")
	}
	return nil
}

func (s *server) authenticate(r *http.Request) error {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if key = strings.TrimSpace(key); !strings.EqualFold(scheme, "Bearer") || key == "" {
		return problem.Newf(problem.Unauthorized, "Authentication required: send the header `Authorization: Bearer <key>`; "+
			"the key is DASHBOARD_API_KEY in the installation's .env")
	}
	given := digestOf(key)
	if subtle.ConstantTimeCompare(given[:], s.key[:]) != 1 {
		return problem.Newf(problem.Forbidden, "Invalid API key.")
	}
	return nil
}
