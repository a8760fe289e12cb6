// Package agent is the host agent: the one program that can start and stop containers. It obeys a closed list of
// verbs on ids that it finds on disk itself; what it runs it has read, judged and written itself.
//
//	server.go     who may ask, and what                 listen.go       listening, shutting down
//	socket.go     the socket and its directory          peer.go, refusals.go  who may connect
//	limits.go     what one client can hold              actor.go       who asks
//	notify.go     what the service manager is told
//	audit.go      what is told of a change              auditlog.go    the file that it is told to
//	policies.go   the operator's plugins                decisions.go   the record of what they decided
//	drift.go      what runs, against what was approved
//	extension.go  the verbs of one extension           stop.go, logs.go
//	stack.go      the verbs of the whole stack         events.go
//	metrics.go    what Prometheus reads
//	host.go       facts about the machine              leftovers.go    what nobody needs any more
//	kernel.go     what the kernel counts
//	stats.go      what containers use                  portuse.go      who has a port
//	storage.go    how much the data directory holds    systemd.go      how programs of the host fare
//	prepare.go    from files to an accepted project    world.go, base.go, loading.go, dependencies.go, override.go
//	trees.go      the copies that are judged, mounted  units.go        models are made once
//	plan.go, plan_all.go  what a start would come to, without a copy (plan_load.go): plan_hash.go, plan_docker.go
//	start.go      from a project to containers         settle.go       what became of them
//	grants.go     what the owner gave an extension     retire.go       what an earlier version left running
//	generate.go   secrets that nobody has to invent    configuration.go, configure.go, env.go   what the owner gives an extension
//	apikeys.go    keys of the API that an extension has
//	approved.go   what was started last                ports.go, datadirs.go
//	reconcile.go  finishes changes that were made while the agent was away
//	client.go     the other end: implements catalog.Agent; client_send.go, client_machine.go, client_plan.go,
//	client_policies.go, away.go
package agent

import (
	"context"

	"dreamserver/catalog"
	"dreamserver/compose"
)

// Engine is what the agent reads from Docker; *compose.Engine is the real one.
type Engine interface {
	Ping(ctx context.Context) error
	Version(ctx context.Context) (compose.EngineVersion, error)
	Info(ctx context.Context) (compose.EngineInfo, error)
	Containers(ctx context.Context) ([]compose.Container, error)
	Inspect(ctx context.Context, id string) (compose.Container, error)
	InspectAll(ctx context.Context, named func(name string) bool) ([]compose.Inspected, error)
	ImageID(ctx context.Context, ref string) (string, error)
	ImageUser(ctx context.Context, ref string) (string, error)
	ImagePlatforms(ctx context.Context, ref string) ([]compose.Platform, error)
	RemoveNetworks(ctx context.Context, prefix string) error
	Stats(ctx context.Context, containers []compose.Container) ([]compose.Usage, error)
	Published(ctx context.Context) ([]compose.Publication, error)
	PortHolder(ctx context.Context, port int, protocol string, except func(service string) bool) (string, error)
	Logs(ctx context.Context, containers []compose.Container, tail int) ([]compose.LogLine, error)
	FollowLogs(ctx context.Context, wanted func(service string) bool, q compose.LogQuery, on func(compose.LogLine)) error
	Changes(ctx context.Context) (<-chan compose.Change, <-chan error)
}

var _ catalog.Agent = (*Client)(nil)
