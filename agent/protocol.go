package agent

import (
	"time"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// versionHeader carries the caller's version, so that both ends can say when they differ.
const versionHeader = "X-Dream-Version"

// Limits of the wire contract.
const (
	maxHeader     = 16 << 10  // bytes of a request's header
	maxBody       = 16 << 10  // and of its body,
	maxConfigBody = 256 << 10 // which is larger where it brings values
	defaultTail   = 100       // log lines
	maxTail       = 500
	maxFollowed   = 10_000 // for who follows: lines that come one by one
	maxLogText    = 50_000 // characters of a log reply
)

// Request is the body of every POST below /v1/extension.
type Request struct {
	ServiceID string `json:"service_id"`
	Tail      int    `json:"tail,omitempty"` // logs: 1 to 500, default 100
	// Since is the earliest time of a line, for logs/follow, and Follow whether lines that will be written are wanted.
	Since   *time.Time `json:"since,omitempty"`
	Follow  bool       `json:"follow,omitempty"`
	Library bool       `json:"library,omitempty"` // check: judge what the library has instead of what is installed
	// Grants are what the owner gives the extension with a start.
	Grants []manifest.Grant `json:"grants,omitempty"`
	// Plan is the hash of the plan that a start is to carry out; empty for whatever there is.
	Plan string `json:"plan_hash,omitempty"`
	// Progress asks a start or restart for [ChangeMessage] lines instead of one reply.
	Progress bool `json:"progress,omitempty"`
}

// ChangeMessage is one line of the reply of a change that tells how far it is: progress, then what came of it.
type ChangeMessage struct {
	Progress *operation.Progress `json:"progress,omitempty"`
	Problem  *problem.Document   `json:"problem,omitempty"`
	Done     *Done               `json:"done,omitempty"`
}

// Done is the reply of a verb that worked.
type Done struct {
	Status    string          `json:"status"` // always "ok"
	ServiceID string          `json:"service_id"`
	Action    string          `json:"action"`
	Report    *catalog.Report `json:"report,omitempty"` // of start and restart
}

// Health is the reply of GET /health.
type Health struct {
	Status  string `json:"status"` // always "ok": the agent answers
	Version string `json:"version"`
	Docker  string `json:"docker,omitempty"` // why the Docker Engine does not work; empty when it does
	// Policies is why nothing may be installed, enabled or started; empty when everything may.
	Policies string `json:"policies,omitempty"`
}

// PlanAllRequest is the body of POST /v1/stack/plan.
type PlanAllRequest struct {
	With string `json:"with,omitempty"` // the whole path of another config of policies; empty for the one that holds
}

// PlanAllReply is what each extension that is installed or enabled would come to.
type PlanAllReply struct {
	Plans []PlanComparison `json:"plans"` // sorted by id
}

// PlanComparison is a plan under the policies that hold, and under those that are asked about.
type PlanComparison struct {
	ID      string       `json:"id"`
	Outcome PlanOutcome  `json:"outcome"`
	Now     catalog.Plan `json:"now"`
	With    catalog.Plan `json:"with"`
}

// PlanOutcome is what another config of policies would do to an extension.
type PlanOutcome string

// The outcomes.
const (
	PlanBreaks  PlanOutcome = "breaks"  // it is allowed now, and would be no more
	PlanMends   PlanOutcome = "mends"   // the other way round
	PlanChanges PlanOutcome = "changes" // it would run as something else
	PlanStays   PlanOutcome = "stays"
	PlanStaysNo PlanOutcome = "refused" // it is not allowed now, and would not be
)

// UpRequest is the body of POST /v1/stack/up.
type UpRequest struct {
	Services []string `json:"services,omitempty"` // core services and extensions; none means all that are enabled
	Wait     bool     `json:"wait,omitempty"`     // wait for healthchecks longer than a start does
}

// UpMessage is one line of the reply of POST /v1/stack/up: progress, then the report.
type UpMessage struct {
	Service string         `json:"service,omitempty"`
	Event   *compose.Event `json:"event,omitempty"`
	Report  *StackReport   `json:"report,omitempty"`
}

// StackReport is what became of the stack.
type StackReport struct {
	Started []catalog.Report  `json:"started"`
	Failed  map[string]string `json:"failed"` // id → why
	Skipped []compose.Skip    `json:"skipped"`
}

// StackInfo is the stack as it is resolved now.
type StackInfo struct {
	Files   []string       `json:"files"`
	Skipped []compose.Skip `json:"skipped"`
}

// AuditPage is the reply of GET /v1/audit.
type AuditPage struct {
	Entries []catalog.AuditEntry `json:"entries"` // newest first
}
