package main

import (
	"context"
	"os"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

// agentClient is what the commands ask the host agent; *agent.Client is the real one.
type agentClient interface {
	catalog.Agent
	Host(ctx context.Context) (catalog.HostFacts, error)
	Stack(ctx context.Context) (agent.StackInfo, error)
	Up(ctx context.Context, services []string, wait bool, on func(service string, e compose.Event)) (agent.StackReport, error)
	Down(ctx context.Context) error
	PlanAll(ctx context.Context, with string) ([]agent.PlanComparison, error)
	Audit(ctx context.Context, limit int) ([]catalog.AuditEntry, error)
	EvalPolicy(ctx context.Context, r agent.EvalRequest) (policy.Exchange, error)
	PolicyAudit(ctx context.Context, f decisions.Filter) (catalog.PolicyAudit, error)
	ScanDrift(ctx context.Context) (catalog.Drift, error)
}

// withoutAgent renames a built-in extension's compose file itself while the agent is away, which it may where it
// runs as the install's owner.
type withoutAgent struct {
	agentClient
	settings config.Settings
}

func (w withoutAgent) SetBuiltin(ctx context.Context, id string, enabled bool) error {
	away := w.agentClient.SetBuiltin(ctx, id, enabled)
	if !problem.AgentAway(away) {
		return away
	}
	root, err := os.OpenRoot(w.settings.ServicesDir)
	if err != nil {
		return away
	}
	defer root.Close()
	m, err := manifest.Read(root.FS(), id)
	if err != nil {
		return problem.Newf(problem.InvalidExtension, "extension %q: %w", id, err)
	}
	return catalog.Toggle(root, id, compose.FragmentName(m), enabled)
}

// Config and Configure read and write .env by themselves while the agent is away, which the owner may.
func (w withoutAgent) Config(ctx context.Context, id string) (catalog.Config, error) {
	c, away := w.agentClient.Config(ctx, id)
	if !problem.AgentAway(away) {
		return c, away
	}
	return agent.ReadConfig(w.settings, id)
}

// Configure is like Config.
func (w withoutAgent) Configure(ctx context.Context, id string, change catalog.ConfigChange) (catalog.ConfigResult, error) {
	r, away := w.agentClient.Configure(ctx, id, change)
	if !problem.AgentAway(away) {
		return r, away
	}
	return agent.ChangeConfig(w.settings, id, change)
}
