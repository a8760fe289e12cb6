package catalog

import "context"

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
