// Package catalog knows every extension: what the library offers, what is installed, what is built in, and in
// which state each is. [Manager] changes that state, under one file lock that the API and the command line
// share; [Snapshot] is the immutable answer that readers get.
//
// State is the file name: compose.yaml is enabled, compose.yaml.disabled is disabled. Nothing else decides.
package catalog

import (
	"context"
	"iter"
	"time"

	"dreamserver/catalog/health"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/manifest"
	"dreamserver/security"
)

// Status is what a person is told about an extension. The words are those of the reference's clients.
type Status string

// The statuses.
const (
	Enabled      Status = "enabled"
	Disabled     Status = "disabled"
	NotInstalled Status = "not_installed"
	Incompatible Status = "incompatible"
)

// Source is where an extension comes from.
type Source string

// The sources.
const (
	FromCore    Source = "core"    // built in
	FromUser    Source = "user"    // installed
	FromLibrary Source = "library" // can be installed
)

// Listing is what the catalogue's file says of an extension: what holds on every machine. The JSON names are the wire
// contract's.
type Listing struct {
	ID                  string             `json:"id"`
	Name                string             `json:"name"`
	Description         string             `json:"description"`
	Category            string             `json:"category"`
	GPUBackends         []string           `json:"gpu_backends"`
	ComposeFile         string             `json:"compose_file"`
	DependsOn           []string           `json:"depends_on"`
	Port                int                `json:"port"`
	ExternalPortDefault int                `json:"external_port_default"`
	HealthEndpoint      string             `json:"health_endpoint"`
	EnvVars             []manifest.EnvVar  `json:"env_vars"`
	Tags                []string           `json:"tags"`
	Features            []manifest.Feature `json:"features"`

	// Rating is how little the extension may do and how well it is made, from 1 to 8 (security.Deductions); a refused
	// one has 1. 0 for a core service, and where nobody asked.
	Rating int `json:"rating,omitempty"`
	// Grants are what it uses beyond what every extension may do.
	Grants []manifest.Grant `json:"grants"`
	// Digest is the [TreeDigest] of the files that were published; empty for what is not from the catalogue's file.
	Digest string `json:"digest,omitempty"`
	// Installable reports whether an install would take it: in the catalogue's file on a machine that it is made for, in
	// an [Entry] on this one.
	Installable bool `json:"installable"`
	// Problem is why not, or why the extension takes no part although it is there: a broken manifest or fragment.
	Problem string `json:"problem,omitempty"`
}

// Entry is one extension on this machine.
type Entry struct {
	Listing

	Status  Status   `json:"status"`
	Source  Source   `json:"source"`
	Aliases []string `json:"aliases"`
	// Toggles reports whether enable and disable apply: not to core services and not to what is not installed.
	Toggles bool    `json:"can_toggle"`
	Runtime Runtime `json:"runtime"`
	// Findings are what Rating comes from, one for each rule; for who looks at one extension.
	Findings []security.Finding `json:"-"`
	// Reach is where people reach it. OnHost reports whether systemd runs it: Docker knows nothing of it.
	Reach  Reach `json:"-"`
	OnHost bool  `json:"-"`

	otherVersion  bool     // Problem is that it was made for another version of the platform
	containerName string   // of its main service, as the manifest says
	variables     []string // that it reads; of those that are in place
	service       *manifest.Service
}

// Runtime is what Docker says about an extension's containers.
type Runtime struct {
	// State is running, partial, starting, failed, stopped, not_deployed, or unknown while the agent is away.
	State string `json:"state"`
	// Health is how the service fares: a [health.Status] where [Manager.Live] asks it, else Docker's word, which is
	// healthy, unhealthy, starting, or empty without a healthcheck. It is for enabled extensions.
	Health string `json:"health,omitempty"`
	// HealthSince is when Health became what it is, and HealthReason why it is no better. Both are of Live.
	HealthSince  time.Time `json:"health_since,omitzero"`
	HealthReason string    `json:"health_reason,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why the containers do not run as they should
	// StartedAt and Image are of the container that the extension is named after; Restarts are those of all.
	StartedAt  time.Time           `json:"started_at,omitzero"`
	Restarts   int                 `json:"restarts,omitempty"`
	Image      string              `json:"image,omitempty"`
	Containers []compose.Container `json:"containers,omitempty"`
	// Pending is a change that waits for the host agent.
	Pending string `json:"pending,omitempty"`
	// Operation is the id of the change that is being made.
	Operation string `json:"operation,omitempty"`
}

// Counts are the summary of a list of entries.
type Counts struct {
	Total        int `json:"total"`
	Installed    int `json:"installed"`
	Enabled      int `json:"enabled"`
	Disabled     int `json:"disabled"`
	NotInstalled int `json:"not_installed"`
	Incompatible int `json:"incompatible"`
}

// AgentStatus is how the host agent answers.
type AgentStatus struct {
	Available bool   `json:"available"`
	Code      string `json:"code,omitempty"`   // why not: agent_no_socket, agent_refused, agent_unauthorized, agent_hung
	Reason    string `json:"reason,omitempty"` // the same in words, with what to do
	Version   string `json:"version,omitempty"`
	Mismatch  string `json:"version_mismatch,omitempty"` // set when the agent's version is not ours
	Docker    string `json:"docker,omitempty"`           // why Docker does not work; empty when it does
	Policies  string `json:"policies,omitempty"`         // why nothing may be started; empty when everything may
}

// Result is what a change did.
type Result = operation.Result

// Verdict is what the gate says about an extension before it runs.
type Verdict struct {
	security.Verdict
	// Ungranted are the grants that the owner has not given yet.
	Ungranted []manifest.Grant `json:"ungranted"`

	Digest   string   `json:"digest,omitempty"` // of the files that were judged; empty for built-in extensions
	Services []string `json:"services"`
	Notes    []string `json:"notes,omitempty"`
}

// Starting is what comes with a start.
type Starting struct {
	Grants []manifest.Grant // what the owner gives the extension
	Plan   string           // the hash of the plan that is to be carried out; empty for whatever there is
}

// Report is what became of a start.
type Report struct {
	ID         string              `json:"service_id"`
	Unchanged  bool                `json:"unchanged"` // everything ran already; nothing was done
	Containers []compose.Container `json:"containers"`
	Waiting    []string            `json:"waiting,omitempty"` // services that run and whose health is not known yet
	Notes      []string            `json:"notes,omitempty"`
}

// Logs is the end of an extension's log.
type Logs struct {
	ServiceID string `json:"service_id"`
	Logs      string `json:"logs"`
	Lines     int    `json:"lines"`
}

// Agent is what the manager asks the host agent. Its errors are problem errors: problem.AgentAway tells that no
// request reached a working agent.
type Agent interface {
	Ping(ctx context.Context) (AgentStatus, error)
	// Check judges the extension as installed (library false) or as the library has it.
	Check(ctx context.Context, id string, library bool) (Verdict, error)
	// Plan is what a start would come to, of an extension that is built in, installed or in the library.
	Plan(ctx context.Context, req PlanRequest) (Plan, error)
	// Start starts the extension. on is told how far it is, by one goroutine.
	Start(ctx context.Context, id string, with Starting, on func(operation.Progress)) (Report, error)
	Stop(ctx context.Context, id string) error
	Restart(ctx context.Context, id string, on func(operation.Progress)) (Report, error)
	// Remove removes the containers of an extension that is disabled or gone.
	Remove(ctx context.Context, id string) error
	// Config is how an extension is configured; Configure changes it.
	Config(ctx context.Context, id string) (Config, error)
	Configure(ctx context.Context, id string, change ConfigChange) (ConfigResult, error)
	// SetBuiltin enables or disables a built-in extension by renaming its file.
	SetBuiltin(ctx context.Context, id string, enabled bool) error
	Containers(ctx context.Context) (State, error)
	// Machine is what the agent knows of the computer without asking Docker: that is empty. It is cheap enough to be
	// asked every few seconds.
	Machine(ctx context.Context) (HostFacts, error)
	// Host is all of it, for a moment's question.
	Host(ctx context.Context) (HostFacts, error)
	// Drift is where what runs is not what was approved, as it was found last.
	Drift(ctx context.Context) (Drift, error)
	// Stats is what the running containers use.
	Stats(ctx context.Context) (Stats, error)
	// Storage is how much the data directory holds. It does not wait for a count.
	Storage(ctx context.Context) (Storage, error)
	// Unit is what systemd says of the extension's program of the host.
	health.Host
	// Ports says which ports of the host are taken.
	Ports(ctx context.Context, ports []int) (PortUses, error)
	// Follow calls on as soon as what happens to containers is heard, and after anything has, until ctx ends or the agent
	// goes away.
	Follow(ctx context.Context, on func()) error
	Logs(ctx context.Context, id string, tail int) (Logs, error)
	// FollowLogs are the lines that q asks for, until ctx ends; an error is the last element.
	FollowLogs(ctx context.Context, id string, q LogQuery) (iter.Seq2[LogLine, error], error)
}

// State is what the agent knows about the project's containers.
type State struct {
	Containers []compose.Container `json:"containers"`
	// Failures are the last failed start of each extension, until one succeeds.
	Failures map[string]string `json:"failures,omitempty"`
	At       time.Time         `json:"at"`
}
