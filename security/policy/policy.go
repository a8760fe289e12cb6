// Package policy lets the operator's plugins change or refuse what is applied, as dstack's do: a list in
// config/server/config.yml, hooks for services, fleets, volumes and gateways, and a rejection that says why.
//
//	policy.go    what a plugin is             engine.go    asks them all, twice, and judges the end
//	config.go    config/server/config.yml     view.go      what a hook sees of the model, and may change
//	load.go      from config to engine        secrets.go   placeholders for what others must not see
//	exec.go      programs                     registry.go  plugins that are compiled in
//	rest.go      servers, dstack's contract   value.go     plain values
//	describe.go  what a program says of itself cache.go     answers that are kept
//	auth.go      keys for servers             trace.go     one question and its answer, for authors
//	inventory.go what is loaded                trust.go     who may change what policies are made of
//	answer.go    what a plugin may answer
//	file.go      config.yml and candidates    code.go      what a program is made of
//
// Rules in CEL are in package rules, plugins that are compiled in in packages of their own: cmd/host-agent says which there
// are.
//
// A rejection is a decision, and travels in a [Response]; a plugin that cannot decide returns an error. The two are never
// one: who is told "forbidden" must not have to wonder whether a server was down.
package policy

import (
	"context"
	"encoding/json"
	"io"
	"slices"
)

// Hook names what a plugin is asked about.
type Hook string

// The hooks, in the order in which a plugin is asked.
const (
	OnService Hook = "on_service_apply"
	OnFleet   Hook = "on_fleet_apply"
	OnVolume  Hook = "on_volume_apply"
	OnGateway Hook = "on_gateway_apply"

	onRun Hook = "on_run_apply" // dstack's name of OnService
)

// Hooks are all hooks, in their order.
func Hooks() []Hook { return []Hook{OnService, OnFleet, OnVolume, OnGateway} }

// ParseHook accepts dstack's name as well.
func ParseHook(name string) (Hook, bool) {
	h := Hook(name)
	if h == onRun {
		h = OnService
	}
	return h, slices.Contains(Hooks(), h)
}

// Operations are what a plugin may hear that it is asked for. check is a look at what may run one day, up the start of
// everything that is enabled. Who asks says which it is, as they say who they are.
func Operations() []string { return []string{"install", "enable", "start", "restart", "up", "check"} }

// Spec is what a hook sees of the model: plain values as JSON has them, numbers as [json.Number].
type Spec map[string]any

// apiVersion is of the question and the answer.
const apiVersion = "v1"

// Request is what a plugin is asked. The first three keys are dstack's.
type Request struct {
	User    string `json:"user"`
	Project string `json:"project"`
	Spec    Spec   `json:"spec"`

	APIVersion string          `json:"api_version"` // "v1"
	Hook       Hook            `json:"hook"`
	Phase      string          `json:"phase"`     // plan or apply
	Operation  string          `json:"operation"` // one of [Operations]
	Config     json.RawMessage `json:"config,omitempty"`
	Context    Facts           `json:"context"`
}

// Facts are what a plugin may want to know and cannot change.
type Facts struct {
	Extension ExtensionFacts `json:"extension"`
	Host      HostFacts      `json:"host"`
}

// ExtensionFacts are of the extension that is applied.
type ExtensionFacts struct {
	ID       string   `json:"id"`
	Source   string   `json:"source"` // builtin or user
	Digest   string   `json:"digest,omitempty"`
	Category string   `json:"category"`
	Grants   []string `json:"grants"`
}

// HostFacts are of the machine.
type HostFacts struct {
	GPUBackend string `json:"gpu_backend"`
	Arch       string `json:"arch"`
	CPUs       int    `json:"cpus,omitempty"` // 0 where nobody knows
}

// Response is what a plugin answers. Error that is not empty is a rejection; Spec may be left out when nothing changes.
type Response struct {
	Spec     Spec     `json:"spec,omitempty"`
	Error    string   `json:"error"`
	Warnings []string `json:"warnings,omitempty"`
}

// Info is what a plugin says of itself.
type Info struct {
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	Transport string `json:"transport"` // go, exec, http or cel
	Digest    string `json:"digest,omitempty"`
	Hooks     []Hook `json:"hooks"`
	// Cache reports whether the answer to a question holds as long as the plugin is loaded: it looks at nothing but the question.
	Cache bool `json:"cache,omitempty"`
}

// Plugin decides about what is applied. Apply may be called by several goroutines at once, must not keep or change what it
// is given, and ends when ctx does. Its error means that there is no decision.
type Plugin interface {
	Info() Info
	Apply(ctx context.Context, r Request) (Response, error)
}

// Wire is a plugin that is asked in bytes: a program or a server. Ask sends a question as it is, to a hook of any name, and
// returns the answer as it is; an error means that there is none.
type Wire interface {
	Plugin
	Ask(ctx context.Context, hook string, question io.Reader) ([]byte, error)
}
