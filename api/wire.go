package api

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

// reply is what huma writes as JSON.
type reply[T any] struct{ Body T }

// respond ends a handler.
func respond[T any](body T, err error) (*reply[T], error) {
	if err != nil {
		return nil, err
	}
	return &reply[T]{body}, nil
}

// optional is a query parameter that can be absent, which the zero value of T would not tell.
type optional[T any] struct {
	value T
	given bool
}

// Schema, Receiver and OnParamSet are how huma treats it as a T.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeOf(o.value))
}

// Receiver is where huma puts the value.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet is told whether the parameter was there.
func (o *optional[T]) OnParamSet(given bool, _ any) { o.given = given }

func (o optional[T]) pointer() *T {
	if !o.given {
		return nil
	}
	return &o.value
}

const (
	idPattern = "^[a-z0-9][a-z0-9_-]{0,62}$"
	idRule    = "an extension's id is 1 to 63 lower-case letters, digits, - and _, and begins with a letter or digit"
)

// extensionInput names an extension. A malformed id is not found, rather than invalid: existing clients expect
// 404, so huma must not check the pattern.
type extensionInput struct {
	ID string `path:"id"`
}

func (in *extensionInput) check() error { return checkID(in.ID) }

func checkID(id string) error {
	if manifest.ValidID(id) {
		return nil
	}
	if len(id) > 80 {
		id = id[:80] + "…"
	}
	return problem.Newf(problem.NotFound, "%q is no extension id: %s", id, idRule)
}

// pathParameters documents what checkID checks.
func pathParameters(path string) []*huma.Param {
	switch {
	case !strings.Contains(path, "{id}"):
		return nil
	case strings.HasPrefix(path, "/api/features/"):
		return []*huma.Param{{
			Name: "id", In: "path", Required: true, Description: "the feature's id", Example: "hello", Schema: &huma.Schema{Type: huma.TypeString},
		}}
	}
	if strings.HasPrefix(path, operationPath) {
		return []*huma.Param{{
			Name: "id", In: "path", Required: true, Description: "the operation's id", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
		}}
	}
	return []*huma.Param{{
		Name: "id", In: "path", Required: true, Description: "the extension's id", Example: "hello",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: idPattern},
	}}
}

// changeInput is a change that takes nothing but the extension.
type changeInput struct {
	Preferences
	ID string `path:"id"`
}

func (in *changeInput) check() error { return checkID(in.ID) }

type catalogInput struct {
	Category      string         `query:"category" enum:"core,recommended,optional" doc:"only extensions of this category"`
	GPUCompatible optional[bool] `query:"gpu_compatible" doc:"true: only what runs on this machine's GPU; false: only what does not"`
	Query         string         `query:"q" maxLength:"100" doc:"words, all of which are in the id, name, description, tags or aliases"`
	Status        string         `query:"status" enum:"enabled,disabled,not_installed,incompatible" doc:"only extensions with this status"`
	Source        string         `query:"source" enum:"core,user,library" doc:"only extensions from there"`
	Feature       string         `query:"feature" maxLength:"100" doc:"only extensions with the feature of this id"`
	Sort          string         `query:"sort" enum:"id,name,category,status,rating" doc:"the order; id if nothing is said, and the best rating first"`
	Limit         int            `query:"limit" minimum:"0" maximum:"1000" doc:"how many at most; all if nothing is said"`
	Cursor        string         `query:"cursor" maxLength:"400" doc:"next_cursor of the page before"`
}

func (in *catalogInput) filter() catalog.Filter {
	return catalog.Filter{
		Category: in.Category, GPUCompatible: in.GPUCompatible.pointer(), Query: in.Query, Status: catalog.Status(in.Status),
		Source: catalog.Source(in.Source), Feature: in.Feature, Sort: catalog.Sort(in.Sort), Limit: in.Limit, Cursor: in.Cursor,
	}
}

type installInput struct {
	Preferences
	PlanHash
	ID     string `path:"id"`
	Body   *installBody
	Grants []manifest.Grant `query:"grants" enum:"gpu,build,host-gateway,lan-bind" doc:"what the owner gives the extension beyond what every extension may do; one that asks for more is refused with grants_required, which says what and why"`
}

func (in *installInput) check() error { return checkID(in.ID) }

type installBody struct {
	Values map[string]string `json:"values,omitempty" doc:"variables that the extension needs; missing_config names them. They stay when the install fails"`
	Grants []manifest.Grant  `json:"grants,omitempty" doc:"the same as the parameter grants"`
	Plan   string            `json:"plan_hash,omitempty" maxLength:"200" doc:"the same as the parameter plan_hash"`
}

// given joins what the request says in its two places.
func (in *installInput) given() catalog.Given {
	given := catalog.Given{Grants: in.Grants}
	if in.Body != nil {
		given.Grants = slices.Concat(in.Grants, in.Body.Grants)
		given.Values = in.Body.Values
	}
	return given
}

// plan is the hash of the plan that the request says in either place.
func (in *installInput) plan() string {
	if in.Body != nil && in.Plan == "" {
		return in.Body.Plan
	}
	return in.Plan
}

type uninstallInput struct {
	Preferences
	ID     string `path:"id"`
	Forget bool   `query:"forget_config" doc:"take the extension's values out of .env, too, but for those that another installed extension reads"`
}

func (in *uninstallInput) check() error { return checkID(in.ID) }

type configInput struct {
	ID   string `path:"id"`
	Body struct {
		catalog.ConfigChange
		Restart bool `json:"restart,omitempty" doc:"restart what runs with the old values"`
	}
}

func (in *configInput) check() error {
	if err := checkID(in.ID); err != nil {
		return err
	}
	if len(in.Body.Keys()) == 0 { // a misspelt key of the body, which JSON readers pass over
		return problem.Newf(problem.InvalidBody, `the body changes nothing: send {"values": {"KEY": "value"}}, or unset or generate with a list of keys`)
	}
	return nil
}

// startInput may be the start of a plan.
type startInput struct {
	Preferences
	PlanHash
	ID string `path:"id"`
}

func (in *startInput) check() error { return checkID(in.ID) }

type enableInput struct {
	Preferences
	PlanHash
	ID               string `path:"id"`
	WithDependencies bool   `query:"with_dependencies" doc:"enable, and install if need be, what the extension needs first"`
}

func (in *enableInput) check() error { return checkID(in.ID) }

type logsInput struct {
	ID   string `path:"id"`
	Tail int    `query:"tail" minimum:"1" maximum:"500" default:"100" doc:"how many lines at most"`
}

func (in *logsInput) check() error { return checkID(in.ID) }

type auditInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"how many entries at most"`
}

type auditBody struct {
	Entries []catalog.AuditEntry `json:"entries" doc:"the newest first"`
}

type catalogBody struct {
	Extensions       []catalog.Entry     `json:"extensions"`
	Summary          catalog.Counts      `json:"summary" doc:"counts of the extensions that pass the filters, on every page"`
	NextCursor       string              `json:"next_cursor,omitempty" doc:"of the next page; absent on the last"`
	GPUBackend       string              `json:"gpu_backend"`
	LibraryAvailable bool                `json:"library_available"`
	AgentAvailable   bool                `json:"agent_available"`
	Agent            catalog.AgentStatus `json:"agent" doc:"how the host agent answers, and why it does not"`
	Skipped          []skippedBody       `json:"skipped" doc:"folders that take no part, and why"`
}

// skippedBody is compose.Skip, which this package may not name.
type skippedBody struct {
	ID      string `json:"id"`
	Path    string `json:"path"`
	Warning bool   `json:"warning" doc:"false for what is normal: disabled, made for another GPU"`
	Reason  string `json:"reason"`
}

func newCatalogBody(s *catalog.Snapshot, f catalog.Filter) (catalogBody, error) {
	page, err := s.Page(f)
	b := catalogBody{
		Extensions: page.Entries, Summary: page.Counts, NextCursor: page.Next, GPUBackend: s.GPUBackend, LibraryAvailable: s.LibraryAvailable,
		AgentAvailable: s.Agent.Available, Agent: s.Agent, Skipped: []skippedBody{},
	}
	for _, skip := range s.Skipped {
		b.Skipped = append(b.Skipped, skippedBody(skip))
	}
	return b, err
}

type extensionBody struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Status      catalog.Status     `json:"status" enum:"enabled,disabled,not_installed,incompatible"`
	Source      catalog.Source     `json:"source" enum:"core,user,library"`
	Installable bool               `json:"installable"`
	Manifest    catalog.Entry      `json:"manifest" doc:"the extension as the catalogue lists it"`
	EnvVars     []manifest.EnvVar  `json:"env_vars"`
	Features    []manifest.Feature `json:"features"`
	Setup       setupBody          `json:"setup_instructions"`
	Runtime     catalog.Runtime    `json:"runtime"`
	Findings    []scanFinding      `json:"findings" doc:"what its rating comes from: what it may not do, and what a person should know; the first of each rule"`
	Problem     string             `json:"problem,omitempty" doc:"why it takes no part although it is there"`
}

// scanFinding is a finding of the scan; doctor's has the same name.
type scanFinding security.Finding

func newScanFindings(findings []security.Finding) []scanFinding {
	b := make([]scanFinding, len(findings))
	for i, f := range findings {
		b[i] = scanFinding(f)
	}
	return b
}

type setupBody struct {
	Steps      []string `json:"steps"`
	CLIEnable  string   `json:"cli_enable"`
	CLIDisable string   `json:"cli_disable"`
}

func newExtensionBody(e catalog.Entry) extensionBody {
	return extensionBody{
		ID: e.ID, Name: e.Name, Description: e.Description, Status: e.Status, Source: e.Source, Installable: e.Installable,
		Manifest: e, EnvVars: e.EnvVars, Features: e.Features, Setup: newSetupBody(e), Runtime: e.Runtime, Findings: newScanFindings(e.Findings), Problem: e.Problem,
	}
}

// newSetupBody tells how to get the extension running from where it is now.
func newSetupBody(e catalog.Entry) setupBody {
	b := setupBody{CLIEnable: "dream enable " + e.ID, CLIDisable: "dream disable " + e.ID}
	status := "See that it runs: dream list; read its log: dream logs " + e.ID
	switch e.Status {
	case catalog.NotInstalled:
		b.Steps = []string{"Install and start it: dream install " + e.ID, status}
	case catalog.Disabled:
		b.Steps = []string{"Enable and start it: " + b.CLIEnable, status}
	case catalog.Incompatible:
		b.Steps = []string{"It runs on other hardware: " + strings.Join(e.GPUBackends, ", "), "Say which GPU this machine has: GPU_BACKEND in .env"}
	default:
		b.Steps = []string{"It is enabled: nothing is left to do", status}
		if e.Runtime.State == "failed" || e.Runtime.State == "partial" {
			b.Steps = []string{"It does not run as it should: " + e.Runtime.Reason, "Read its log: dream logs " + e.ID, "Start it again: dream start " + e.ID}
		}
	}
	return b
}

// disabledBody always lists who needs the extension.
type disabledBody struct {
	catalog.Result
	Dependents []string `json:"dependents_warning" doc:"enabled extensions that need this one"`
}

// uninstalledBody always says what stays.
type uninstalledBody struct {
	catalog.Result
	CleanupHint string `json:"cleanup_hint" doc:"what stays on disk"`
}

type healthBody struct {
	Status    string    `json:"status" enum:"ok"`
	Timestamp time.Time `json:"timestamp"`
}

// list makes a nil list an empty one: clients iterate over it.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
