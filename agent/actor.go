package agent

import (
	"context"
	"net/http"
	"strings"

	"dreamserver/catalog"
)

// actorHeader carries who asks, in the words of the caller, to the audit log.
const actorHeader = "X-Dream-Actor"

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

// withCaller notes who sent the request: who they say they are, and who the kernel says they are.
func withCaller(r *http.Request) *http.Request {
	ctx := catalog.WithActor(r.Context(), cleanActor(r.Header.Get(actorHeader)))
	return r.WithContext(context.WithValue(ctx, peerKey{}, peerOf(r.RemoteAddr)))
}

// callerPeer is who the kernel says sent the request; empty for what the agent does by itself.
func callerPeer(ctx context.Context) string {
	peer, _ := ctx.Value(peerKey{}).(string)
	return peer
}
