package api

import (
	"context"
	"net/http"
	"time"

	"dreamserver/catalog"
	"dreamserver/config"
)

// How a caller showed who they are.
const (
	byKey     = "key"
	bySession = "session"
)

// caller is who asks. The zero value is anybody, on a route that is open.
type caller struct {
	kind    string       // byKey or bySession
	name    string       // of the key
	scope   config.Scope // of the key
	expires time.Time    // of the key or the session; zero: never
	key     config.KeyDigest
	session uint64 // its number, see session
}

// String names the caller in a sentence.
func (c caller) String() string {
	if c.kind == bySession {
		return "the session of the key " + c.name
	}
	return "the key " + c.name
}

// actor names the caller in an audit log.
func (c caller) actor() string { return c.kind + ":" + c.name }

// visit is what handlers may know of a request beside its input.
type visit struct {
	caller     caller
	origin     origin
	sessionIDs []string // that the browser sent; not looked at yet
	secure     bool     // the browser is on TLS
	host       string   // that the request names, with its port; one that we are known by
}

type visitKey struct{}

// note puts who calls into the context of their request.
func (c caller) note(ctx context.Context, r *http.Request, from origin) context.Context {
	if c.kind != "" {
		ctx = catalog.WithRequestID(catalog.WithActor(ctx, c.actor()), requestID(ctx))
	}
	return context.WithValue(ctx, visitKey{}, visit{caller: c, origin: from, sessionIDs: sessionIDs(r), secure: overTLS(r), host: r.Host})
}

func visitOf(ctx context.Context) visit {
	v, _ := ctx.Value(visitKey{}).(visit)
	return v
}

// overTLS reports whether the browser is on TLS: with us, or with our own web server before us. Somebody else who
// says so deceives nobody but themselves.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
