package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"dreamserver/internal/problem"
)

const (
	maxBody     = 1 << 20 // bytes; the contract's requests have no body, or a few options
	bodyTimeout = 10 * time.Second
	readTimeout = 45 * time.Second
	// replyTimeout is for the whole request, from its header to the last byte of the reply.
	replyTimeout = time.Minute
	// changeTimeout is longer than the agent's own limits on pulling and starting, so that its answer is the one
	// that arrives.
	changeTimeout = 30 * time.Minute
)

// admitted answers a request whose caller may ask.
type admitted func(w http.ResponseWriter, r *http.Request, who caller)

// guard is what every route stands behind.
func (s *server) guard(a access, next admitted) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, fresh, err := s.admit(a, r)
		if fresh != "" { // with a refusal, too: this id is the browser's now
			http.SetCookie(w, newCookie(fresh, overTLS(r)))
		}
		if err == nil {
			err = readBody(w, r)
		}
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		next(w, r, who)
	})
}

// attend gives a handler its context: a deadline, and who calls.
func (s *server) attend(does effect, handle http.HandlerFunc) admitted {
	return func(w http.ResponseWriter, r *http.Request, who caller) {
		ctx, cancel := limit(w, r, does)
		defer cancel()
		handle(w, r.WithContext(who.note(ctx, r, s.originOf(r))))
	}
}

// limit gives the request its deadline. A change goes on when the client leaves: half of one helps nobody. A stream
// lasts, and has a deadline for each write.
func limit(w http.ResponseWriter, r *http.Request, does effect) (context.Context, context.CancelFunc) {
	switch does {
	case streams:
		return context.WithCancel(r.Context())
	case changes:
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // see boundReplies
		return context.WithTimeout(context.WithoutCancel(r.Context()), changeTimeout)
	}
	return context.WithTimeout(r.Context(), readTimeout)
}

// boundReplies lets go of clients that do not read their reply. The deadline belongs to the connection and
// outlives the request, so each request sets it; a change, which takes its time, lifts it.
func boundReplies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A recorder in a test has no deadlines, and nobody waits there.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replyTimeout))
		next.ServeHTTP(w, r)
	})
}

// boundBodies gives the body of a request a time to arrive. Where it does not, and whoever answers has not waited for it,
// net/http would: it reads the rest before it sends the reply.
func boundBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // as above
			r.Body = timelyBody{r.Body, control}
		}
		next.ServeHTTP(w, r)
	})
}

// timelyBody lifts the deadline when it has arrived: what comes next on the connection may take its time.
type timelyBody struct {
	io.ReadCloser

	control *http.ResponseController
}

// Read reads the body.
func (b timelyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// readBody reads the whole body: a change must not begin while its request is still arriving. What is not
// empty must be a JSON object, whatever its content type says, because curl -d does not say the truth.
func readBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if r.ContentLength > maxBody {
		return tooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)) // boundBodies says for how long
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case err != nil:
		return problem.Newf(problem.InvalidBody, "the request body did not arrive whole within %s: %v", bodyTimeout, err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		r.Body = http.NoBody
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return problem.Newf(problem.InvalidBody, "the request body is not a JSON object: send one, such as {}, or nothing")
	}
	r.Header.Set("Content-Type", "application/json") // what it is
	return nil
}

func tooLarge() error {
	return problem.Newf(problem.BodyTooLarge, "the request body is larger than %d KiB: no request of this API needs as much", maxBody>>10)
}
