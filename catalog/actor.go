package catalog

import (
	"context"

	"dreamserver/catalog/operation"
)

type actorKey struct{}

// WithActor notes in ctx who asks for what follows: a kind and a name, such as "key:backup", "session:admin" or
// "cli:alice". It is for the audit log and decides nothing.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Actor is who asks, as [WithActor] noted it; empty when nobody did.
func Actor(ctx context.Context) string {
	actor, _ := ctx.Value(actorKey{}).(string)
	return actor
}

type requestKey struct{}

// WithRequestID notes in ctx which request asks for what follows, so that logs of several programs can be laid side by side.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the request's id, as [WithRequestID] noted it; empty when nobody did.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

type changeKey struct{}

// WithChange notes in ctx which change what follows is part of, so that the host agent, its policies and its logs know an
// install from a start.
func WithChange(ctx context.Context, kind operation.Kind) context.Context {
	return context.WithValue(ctx, changeKey{}, kind)
}

// ChangeOf is the change that [WithChange] noted; empty when nobody did.
func ChangeOf(ctx context.Context) operation.Kind {
	kind, _ := ctx.Value(changeKey{}).(operation.Kind)
	return kind
}
