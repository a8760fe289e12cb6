package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

const requestIDHeader = "X-Request-Id"

// Shield stands in front of everything that a browser can reach: it gives each request an id, turns a panic
// into a problem, sets the headers that keep pages from misusing replies, bounds the time of its body, and lets only known
// hosts in.
func Shield(settings config.Settings, log zerolog.Logger) func(http.Handler) http.Handler {
	known := knownHosts(settings)
	return func(next http.Handler) http.Handler {
		return boundBodies(identify(log, recoverPanics(secureHeaders(known.only(next)))))
	}
}

// identify gives the request an id, keeping one that a proxy before us gave it, and a logger that names it.
func identify(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !validRequestID(id) {
			id = rand.Text()
			r.Header.Set(requestIDHeader, id) // for what we forward
		}
		w.Header().Set(requestIDHeader, id)
		ctx := context.WithValue(r.Context(), requestKey{}, &request{id: id, method: r.Method, path: r.URL.Path, log: &log})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// request is what a log says of one.
type request struct {
	id, method, path string
	log              *zerolog.Logger
}

type requestKey struct{}

// Log is a logger that names the request of the context. Few requests have anything to say, so it is made for those.
func Log(ctx context.Context) *zerolog.Logger {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		nop := zerolog.Nop()
		return &nop
	}
	log := r.log.With().Str("request", r.id).Str("method", r.method).Str("path", r.path).Logger()
	return &log
}

func requestID(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.id
	}
	return ""
}

func validRequestID(id string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return id != "" && len(id) <= 64 && strings.Trim(id, allowed) == ""
}

// recoverPanics keeps a bug in one request from ending the program.
func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww, ok := w.(middleware.WrapResponseWriter) // as whoever counts requests needs one, too
		if !ok {
			ww = middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause) // how a handler hangs up on purpose
			}
			if r.Context().Err() != nil {
				return // writing to a client that left is no bug
			}
			Log(r.Context()).Error().Str("panic", fmt.Sprint(cause)).Bytes("stack", debug.Stack()).Msg("handler panicked")
			if ww.Status() == 0 {
				internalError(r.Context()).Write(ww)
			}
		}()
		next.ServeHTTP(ww, r)
	})
}

var safeHeaders = newHeaders(
	"Cache-Control", "no-store",
	"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy", "same-origin",
	"Referrer-Policy", "no-referrer",
	"X-Content-Type-Options", "nosniff",
	"X-Frame-Options", "DENY",
	"Cross-Origin-Opener-Policy", "same-origin",
	"Permissions-Policy", "camera=(), geolocation=(), microphone=()",
)

// headers are the same for many replies, which share their values: adding one to a reply copies them.
type headers []struct {
	name  string
	value []string
}

func newHeaders(pairs ...string) (out headers) {
	for pair := range slices.Chunk(pairs, 2) {
		out = append(out, headers{{http.CanonicalHeaderKey(pair[0]), []string{pair[1]}}}...)
	}
	return out
}

func (s headers) set(h http.Header) {
	for _, one := range s {
		h[one.name] = one.value
	}
}

// secureHeaders sets what a handler may replace: the pages among them have policies of their own.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		safeHeaders.set(h)
		if overTLS(r) && !isLocal(r.Host) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// isLocal reports whether the browser names this machine: with TLS on one of its ports, the others, where the
// extensions are, would have to have it as well.
func isLocal(host string) bool {
	name := hostName(host)
	ip := net.ParseIP(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}

// internalError is what a client sees of a bug: where to find it in the log, and nothing of it.
func internalError(ctx context.Context) *problem.Document {
	d := problem.NewDocument(problem.Newf(problem.Internal, "internal error"))
	if id := requestID(ctx); id != "" {
		d.Detail = "internal error: the log of dashboard-api has the cause under request " + id
	}
	return d
}
