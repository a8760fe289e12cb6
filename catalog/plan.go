package catalog

import (
	"context"

	"github.com/containerd/errdefs"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// Plan is what an install, an enable or a start of an extension would come to now. Nothing was changed to find out. No
// secret is in it: «secret:KEY» stands for the value.
type Plan struct {
	ID        string         `json:"id"`
	Operation operation.Kind `json:"operation" enum:"install,enable,start" doc:"what the plan is of: what the extension is ready for"`
	Verdict   PlanVerdict    `json:"verdict" enum:"allow,refused,failed" doc:"failed: it cannot be decided now"`
	Code      problem.Code   `json:"code,omitempty" doc:"why not, as the change itself would be refused"`
	Text      string         `json:"text,omitempty" doc:"the same in words, with what to do"`
	Errors    []problem.Item `json:"errors,omitempty" doc:"every single cause, where there are several"`
	// Hash is what install, enable and start take as plan_hash. It is there as soon as the model could be made, so that the
	// hash of a plan that lacks grants holds when they are given.
	Hash string `json:"plan_hash,omitempty" doc:"what install, enable and start accept as plan_hash: they refuse what is not this plan any more"`

	Submitted map[string]any `json:"submitted" doc:"the extension's services before any policy has seen them, in the words of Compose"`
	Effective map[string]any `json:"effective" doc:"what would be approved: the services after all policies, and those that they depend on; null where that is not known"`

	Diff      []PlanChange      `json:"diff" doc:"what policies have changed, and which of them"`
	Decisions []PlanDecision    `json:"decisions" doc:"what each plugin and rule has said, in order"`
	Warnings  []string          `json:"warnings"`
	Ports     []PlanPort        `json:"ports" doc:"what would be published on the host"`
	Grants    PlanGrants        `json:"grants"`
	Images    []PlanImage       `json:"images"`
	Services  []PlanService     `json:"services" doc:"what would happen to each container"`
	Generated []string          `json:"generated" doc:"secrets that the change would make up, and keep"`
	Inputs    map[string]string `json:"inputs" doc:"the SHA-256 of each file that takes part; of an installed folder as a whole, its digest"`
}

// PlanVerdict is what a plan comes to.
type PlanVerdict string

// The verdicts.
const (
	PlanAllowed PlanVerdict = "allow"
	PlanRefused PlanVerdict = "refused"
	PlanFailed  PlanVerdict = "failed" // it cannot be decided now
)

// PlanChange is one difference between what was submitted and what would run.
type PlanChange = policy.Change

// PlanDecision is what one plugin has said to one hook.
type PlanDecision struct {
	Plugin   string         `json:"plugin"`
	Digest   string         `json:"digest,omitempty" doc:"of the program"`
	Hook     policy.Hook    `json:"hook" enum:"on_service_apply,on_fleet_apply,on_volume_apply,on_gateway_apply"`
	Mode     policy.Mode    `json:"mode" enum:"enforce,warn,audit"`
	Outcome  policy.Outcome `json:"outcome" enum:"accepted,changed,rejected,failed,excepted"`
	Message  string         `json:"message,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
	MS       float64        `json:"ms" doc:"how long it took, in milliseconds"`
}

// PlanPort is a port that a service would publish.
type PlanPort struct {
	Service   string `json:"service"`
	HostIP    string `json:"host_ip"`
	Published string `json:"published" doc:"on the host; empty for one that Docker chooses"`
	Target    uint32 `json:"target"`
	Protocol  string `json:"protocol"`
}

// PlanGrants are what the extension may do beyond what every extension may.
type PlanGrants struct {
	Needed  []manifest.Grant `json:"needed"`
	Given   []manifest.Grant `json:"given" doc:"those of them that are on record, or came with the request"`
	Missing []manifest.Grant `json:"missing" doc:"those that the change has to bring"`
}

// PlanImage is an image that would run.
type PlanImage struct {
	Image    string   `json:"image"`
	Services []string `json:"services"`
	State    string   `json:"state" enum:"present,pull,build,unknown" doc:"unknown: Docker does not answer"`
	Bytes    *int64   `json:"bytes" doc:"what is to be fetched: 0 for an image that is there; null where nobody knows before the pull"`
}

// PlanService is what would happen to the container of a service.
type PlanService struct {
	Service string `json:"service"`
	Action  string `json:"action" enum:"create,recreate,start,keep,remove,unknown" doc:"unknown: it is there, and nothing tells from what it was made, or Docker does not answer"`
}

// PlanRequest asks for a plan.
type PlanRequest struct {
	ID     string            `json:"service_id"`
	Grants []manifest.Grant  `json:"grants,omitempty"` // that would come with the change
	Values map[string]string `json:"values,omitempty"` // of variables that would
	With   string            `json:"with,omitempty"`   // the whole path of another config of policies; the owner's alone
}

// PlanVerdictOf is what a refusal makes of a plan. What somebody can change about the extension, its values or the request
// is refused; what works at another time is failed.
func PlanVerdictOf(err error) PlanVerdict {
	switch {
	case err == nil:
		return PlanAllowed
	case errdefs.IsInvalidArgument(err), errdefs.IsConflict(err), errdefs.IsNotFound(err), errdefs.IsPermissionDenied(err):
		return PlanRefused
	}
	return PlanFailed
}

// Refuse makes the plan one that err stands in the way of; nil leaves it as it is.
func (p *Plan) Refuse(err error) {
	if err == nil {
		return
	}
	e := problem.As(err)
	p.Verdict, p.Code, p.Text, p.Errors = PlanVerdictOf(err), e.Code, e.Detail, e.Items
}

// Plan is what the next change that turns the extension on would come to: its install from the library, its enable, or its
// start. It changes nothing, and waits for no change. An error means that there is no plan: no such extension, a core
// service, or no agent to ask.
func (m *Manager) Plan(ctx context.Context, req PlanRequest) (Plan, error) {
	s, e, err := m.lookup(req.ID, func(*Snapshot, Entry) error { return nil })
	if err != nil {
		return Plan{}, err
	}
	if e.Status == "" {
		return Plan{}, unknown(req.ID)
	}
	kind, check := operation.Start, checkRun
	switch e.Status {
	case Disabled:
		kind, check = operation.Enable, m.checkEnable
	case NotInstalled, Incompatible:
		kind, check = operation.Install, m.checkInstall
	}
	p, err := m.agent.Plan(WithChange(ctx, kind), req) // policies are asked what they will be asked then
	if err != nil {
		return Plan{}, err
	}
	p.Operation = kind
	if p.Verdict == PlanAllowed {
		p.Refuse(check(s, e))
	}
	return p, nil
}
