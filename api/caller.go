package api

import (
	"context"
	"time"

	"dreamserver/catalog"
	"dreamserver/config"
)

// How a caller showed who they are.
const byKey = "key"

// caller is who asks. The zero value is anybody, on a route that is open.
type caller struct {
	kind    string       // byKey
	name    string       // of the key
	scope   config.Scope // of the key
	expires time.Time    // of the key; zero: never
}

// String names the caller in a sentence.
func (c caller) String() string { return "the " + c.kind + " " + c.name }

// actor names the caller in an audit log.
func (c caller) actor() string { return c.kind + ":" + c.name }

// note puts the caller into the context of their request.
func (c caller) note(ctx context.Context) context.Context {
	if c.kind == "" {
		return ctx
	}
	return catalog.WithActor(ctx, c.actor())
}
