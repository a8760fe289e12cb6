package agent

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
)

// actorHeader carries who asks, in the words of the caller, to the audit log.
const actorHeader = "X-Dream-Actor"

// requestHeader carries the id of the API's request to the log of decisions.
const requestHeader = "X-Request-Id"

// changeHeader carries which change the request is part of: an install, an enable, …
const changeHeader = "X-Dream-Change"

// maxActor is what of it is kept, in bytes.
const maxActor = 128

// cleanActor is an actor that fits into a header, a line and a terminal: printable ASCII, and not much of it.
func cleanActor(actor string) string {
	actor = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, actor)
	return strings.TrimSpace(actor[:min(len(actor), maxActor)])
}

type peerKey struct{}

// withCaller notes who sent the request: who they say they are, who the kernel says they are, and whose key they have.
func withCaller(r *http.Request, who caller) *http.Request {
	ctx := context.WithValue(r.Context(), callerKey{}, who)
	ctx = catalog.WithActor(ctx, cleanActor(r.Header.Get(actorHeader)))
	ctx = catalog.WithRequestID(ctx, cleanActor(r.Header.Get(requestHeader)))
	if kind := operation.Kind(r.Header.Get(changeHeader)); slices.Contains(operation.Kinds(), kind) {
		ctx = catalog.WithChange(ctx, kind)
	}
	return r.WithContext(context.WithValue(ctx, peerKey{}, peerOf(r.RemoteAddr)))
}

type callerKey struct{}

// fromAPI reports whether the request came with the API's key.
func fromAPI(ctx context.Context) bool { return ctx.Value(callerKey{}) == api }

// callerPeer is who the kernel says sent the request; empty for what the agent does by itself.
func callerPeer(ctx context.Context) string {
	peer, _ := ctx.Value(peerKey{}).(string)
	return peer
}
