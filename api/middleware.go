package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"

	"dreamserver/config"
	"dreamserver/internal/problem"
)

const requestIDHeader = "X-Request-Id"

// Shield stands in front of everything that a browser can reach: it gives each request an id, turns a panic
// into a problem, sets the headers that keep pages from misusing replies, and lets only known hosts in.
func Shield(settings config.Settings, log zerolog.Logger) func(http.Handler) http.Handler {
	known := knownHosts(settings)
	return func(next http.Handler) http.Handler {
		return identify(log, recoverPanics(secureHeaders(known.only(next))))
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
		ctx := log.With().Str("request", id).Str("method", r.Method).Str("path", r.URL.Path).Logger().WithContext(r.Context())
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, requestIDKey{}, id)))
	})
}

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func validRequestID(id string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return id != "" && len(id) <= 64 && strings.Trim(id, allowed) == ""
}

// recoverPanics keeps a bug in one request from ending the program.
func recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
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
			zerolog.Ctx(r.Context()).Error().Str("panic", fmt.Sprint(cause)).Bytes("stack", debug.Stack()).Msg("handler panicked")
			if ww.Status() == 0 {
				internalError(r.Context()).Write(ww)
			}
		}()
		next.ServeHTTP(ww, r)
	})
}

// secureHeaders sets what a handler may replace: the pages among them have policies of their own.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
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
