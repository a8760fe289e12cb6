package agent_test

import (
	"os"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
	"dreamserver/security/policy/decisions"
)

// Policies, the log of decisions and the audit log know what a start or a check is part of, and a plan is asked what the
// change will be asked.
func TestPolicies_HearWhatTheyAreAskedFor(t *testing.T) {
	in := prepare(t, extension("app", ""), inFolder("data/extensions-library", "idle", ""), extension("off", ""))
	in.rename("data/user-extensions/off/compose.yaml", "data/user-extensions/off/compose.yaml.disabled")
	in.policies("rules:\n- {name: op, set: {services.*.labels.was: operation}}\n- {name: no-up, match: operation == 'up', deny: not by up}\n", nil)
	in.serve()
	as := func(kind operation.Kind) (string, string) {
		ctx := catalog.WithChange(t.Context(), kind)
		p, err := in.client.Plan(ctx, catalog.PlanRequest{ID: "app"})
		in.must(err)
		_, err = in.client.Check(ctx, "app", false)
		in.must(err)
		_, err = in.client.Start(ctx, "app", catalog.Starting{Plan: p.Hash}, nil) // which is refused where they differ
		in.must(err)
		last := in.decided(decisions.Filter{Extension: "app"})[0]
		audited, err := in.client.Audit(t.Context(), 1)
		in.must(err)
		if !strings.Contains(in.files("state")["state/approved/app.yaml"], "was: "+last.Operation) {
			t.Errorf("%s: the rule heard another operation than %s", kind, last.Operation)
		}
		return last.Operation, strings.TrimSpace(audited[0].Op + " " + string(audited[0].Change))
	}
	for _, tt := range []struct {
		kind          operation.Kind
		want, audited string
	}{
		{operation.Install, "install", "start install"},
		{operation.Enable, "enable", "start enable"},
		{operation.Start, "start", "start"},
		{"", "start", "start"},
		{operation.Disable, "start", "start"}, // which turns nothing on
		{"nonsense", "start", "start"},
	} {
		got, audited := as(tt.kind)
		wantEqual(t, "operation of "+string(tt.kind), tt.want, got)
		wantEqual(t, "audited of "+string(tt.kind), tt.audited, audited)
	}
	_, err := in.client.Restart(catalog.WithChange(t.Context(), operation.Restart), "app", nil)
	in.must(err)
	wantEqual(t, "of a restart", "restart", in.decided(decisions.Filter{Extension: "app"})[0].Operation)
	report, err := in.client.Up(t.Context(), []string{"app"}, false, nil)
	in.must(err)
	wantEqual(t, "of up", `extension "app" is refused by policy no-up: not by up`, report.Failed["app"])
	// Where nobody says of what a plan is, the agent sees what the extension is ready for.
	for id, want := range map[string]string{"app": "start", "off": "enable", "idle": "install"} {
		labels := in.plan(catalog.PlanRequest{ID: id}).Effective["services"].(map[string]any)[id].(map[string]any)["labels"].(map[string]any)
		wantEqual(t, "plan of "+id, want, labels["was"].(string))
	}
}

// What the agent finishes by itself is the change that was begun.
func TestReconcile_PoliciesHearTheChange(t *testing.T) {
	in := prepare(t, extension("app", ""))
	in.policies("rules:\n- {name: no-install, match: operation == 'install', deny: nothing new}\n", nil)
	in.must(os.MkdirAll(in.settings.OperationsDir, 0o755))
	c, err := in.journal().Begin("app", catalog.Intent{Kind: operation.Install, Actor: "test"})
	in.must(err)
	c.Leave()
	in.serve()
	in.log.wait(t, `"op":"pending start","code":"`+string(problem.PolicyDenied))
	wantEqual(t, "operation", "install", in.decided(decisions.Filter{Extension: "app"})[0].Operation)
}
