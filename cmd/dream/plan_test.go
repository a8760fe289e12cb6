package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/agent"
	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

const aHash = "11111111111111111111111111111111-22222222222222222222222222222222-33333333333333333333333333333333"

func TestPlanText(t *testing.T) {
	tests := []struct {
		name   string
		plan   catalog.Plan
		grants []string
		want   string
	}{
		{
			name: "nothing to tell", plan: catalog.Plan{ID: "hello", Operation: "start", Verdict: catalog.PlanAllowed, Hash: aHash},
			want: `start hello: allowed

Hash: HASH
To carry it out: dream start hello --plan HASH`,
		},
		{
			name: "all of it", grants: []string{"build"},
			plan: catalog.Plan{
				ID: "hello", Operation: "install", Verdict: catalog.PlanAllowed, Hash: aHash,
				Diff: []catalog.PlanChange{
					{Path: "services.hello.labels", After: map[string]any{"team": "my_team", "text": "a\nb"}, Plugin: "tags"},
					{Path: "services.hello.ports", Before: []any{map[string]any{"published": "80"}}, After: []any{}, Plugin: "closed"},
					{Path: "services.hello.user", Before: "root", Plugin: "no-root"},
				},
				Decisions: []catalog.PlanDecision{
					{Plugin: "tags", Hook: "on_service_apply", Mode: "enforce", Outcome: "changed"},
					{Plugin: "require_digest", Hook: "on_service_apply", Mode: "warn", Outcome: "rejected", Message: "no digest"},
				},
				Warnings:  []string{"require_digest would refuse this: no digest"},
				Ports:     []catalog.PlanPort{{Service: "hello", HostIP: "127.0.0.1", Published: "7806", Target: 8080, Protocol: "tcp"}, {Service: "hello", Target: 53, Protocol: "udp"}},
				Grants:    catalog.PlanGrants{Needed: []manifest.Grant{manifest.Build}, Given: []manifest.Grant{manifest.Build}},
				Images:    []catalog.PlanImage{{Image: "a:1", State: "present"}, {Image: "b:1", State: "pull"}, {Image: "c", State: "build"}, {Image: "d", State: "unknown"}},
				Services:  []catalog.PlanService{{Service: "a", Action: "create"}, {Service: "b", Action: "recreate"}, {Service: "c", Action: "keep"}, {Service: "d", Action: "start"}, {Service: "e", Action: "remove"}, {Service: "f", Action: "unknown"}},
				Generated: []string{"HELLO_SECRET"},
			},
			want: `install hello: allowed

--- submitted
+++ effective
@@ services.hello.labels @@ tags
+team: my_team
+text: |-
+    a
+    b
@@ services.hello.ports @@ closed
-- published: "80"
+[]
@@ services.hello.user @@ no-root
-root

Policies:
  tags changed (on_service_apply, enforce)
  require_digest rejected (on_service_apply, warn): no digest

Warnings:
  require_digest would refuse this: no digest

Ports:
  127.0.0.1:7806 → hello 8080/tcp
  0.0.0.0:a free port → hello 53/udp

Grants:
  build (given): it may run the commands of its Dockerfile while it builds its own image

Images:
  a:1 is here
  b:1 is to be pulled, how much is not known before
  c is to be built
  d is not known to be here

Containers:
  a is created
  b is made anew
  c runs on as it is
  d is started
  e is removed
  f is not known to be the same

Secrets to make:
  HELLO_SECRET

Hash: HASH
To carry it out: dream install hello --grant build --plan HASH`,
		},
		{
			name: "refused", plan: catalog.Plan{
				ID: "hello", Operation: "enable", Verdict: catalog.PlanRefused, Code: problem.PolicyDenied, Text: "extension \"hello\" is refused by policy p: no\nat all",
				Errors: []problem.Item{{Path: "on_service_apply", Message: "another cause"}},
			},
			want: `enable hello: refused (policy_denied)
  extension "hello" is refused by policy p: no
  at all
  on_service_apply: another cause`,
		},
		{
			name: "grants that it lacks", grants: []string{"build"}, plan: catalog.Plan{
				ID: "hello", Operation: "install", Verdict: catalog.PlanRefused, Code: problem.GrantsRequired, Text: "asks", Hash: aHash,
				Grants: catalog.PlanGrants{Needed: []manifest.Grant{manifest.LANBind}, Missing: []manifest.Grant{manifest.LANBind}},
			},
			want: `install hello: refused (grants_required)
  asks

Grants:
  lan-bind (not given): it may be reachable from other machines on the network

Hash: HASH
To carry it out: dream install hello --grant build,lan-bind --plan HASH`,
		},
		{
			name: "failed", plan: catalog.Plan{ID: "hello", Operation: "start", Verdict: catalog.PlanFailed, Code: problem.PolicyUnavailable, Text: "policy p cannot decide"},
			want: "start hello: could not be decided (policy_unavailable)\n  policy p cannot decide",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.ReplaceAll(planText(tt.plan, tt.grants), aHash, "HASH")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlan_ExitsWithTheVerdict(t *testing.T) {
	allowed, refused, failed := catalog.Plan{Verdict: catalog.PlanAllowed}, catalog.Plan{Verdict: catalog.PlanRefused, Code: "policy_denied", Text: "no"}, catalog.Plan{Verdict: catalog.PlanFailed, Code: "policy_locked", Text: "locked"}
	compared := func(plans ...agent.PlanComparison) *fakeAgent { return &fakeAgent{plans: plans} }
	stays := agent.PlanComparison{ID: "a", Outcome: agent.PlanStays, Now: allowed, With: allowed}
	breaks := agent.PlanComparison{ID: "b", Outcome: agent.PlanBreaks, Now: allowed, With: refused}
	unknown := agent.PlanComparison{ID: "c", Outcome: agent.PlanBreaks, Now: allowed, With: failed}
	changes := agent.PlanComparison{ID: "d", Outcome: agent.PlanChanges, Now: allowed, With: allowed}
	changes.Now.Effective = map[string]any{"services": map[string]any{"d": map[string]any{"hostname": "x", "labels": map[string]any{"a": "b"}}}}
	changes.With.Effective = map[string]any{"services": map[string]any{"d": map[string]any{"user": "me", "labels": map[string]any{"a": "c"}}}}
	changes.Now.Diff = []catalog.PlanChange{{Path: "services.d.hostname", After: "x", Plugin: "old"}}
	changes.With.Diff = []catalog.PlanChange{{Path: "services.d.user", After: "me", Plugin: "p"}, {Path: "services.d.labels", After: map[string]any{"a": "c"}, Plugin: "tags"}}
	tests := []struct {
		name   string
		agent  *fakeAgent
		args   string
		code   int
		stdout string
		stderr string
	}{
		{name: "allowed", agent: &fakeAgent{plan: allowed}, args: "plan hello", stdout: "install hello: allowed\n"},
		{name: "refused", agent: &fakeAgent{plan: refused}, args: "plan hello", code: 2, stdout: "install hello: refused (policy_denied)\n  no\n"},
		{name: "failed", agent: &fakeAgent{plan: failed}, args: "plan hello", code: 3, stdout: "install hello: could not be decided (policy_locked)\n  locked\n"},
		{name: "no such extension", agent: &fakeAgent{}, args: "plan ghost", code: 3, stderr: "dream: no extension is called \"ghost\": `dream list` shows all\n"},
		{name: "the agent is away", agent: &fakeAgent{planFails: problem.Newf(problem.AgentNoSocket, "no agent: start it")}, args: "plan hello", code: 3, stderr: "dream: no agent: start it\n"},
		{name: "none and all", agent: &fakeAgent{}, args: "plan", code: 2, stderr: "dream: name one extension, or --all: dream plan ID\nRun `dream --help` for what there is.\n"},
		{name: "one and all", agent: &fakeAgent{}, args: "plan hello --all", code: 2, stderr: "dream: \"hello\" is too much: --all is everything\nRun `dream --help` for what there is.\n"},
		{name: "a grant that is none", agent: &fakeAgent{}, args: "plan hello --grant root", code: 2, stderr: "dream: --grant root: write one of gpu, build, host-gateway, lan-bind\nRun `dream --help` for what there is.\n"},
		{name: "a plan of two", agent: &fakeAgent{}, args: "start --plan x hello notes", code: 2, stderr: "dream: --plan is of one extension, and \"notes\" is another\nRun `dream --help` for what there is.\n"},
		{name: "a hash that is none", agent: &fakeAgent{}, args: "install --plan x hello", code: 1, stderr: "dream: plan_hash \"x\" is no hash of a plan: a plan has it as plan_hash, three times 32 hexadecimal digits with - between them\n"},
		{name: "all stay", agent: compared(stays), args: "plan --all", stdout: "a is allowed\n1 in all: 1 stays\n"},
		{name: "one breaks", agent: compared(stays, breaks, changes), args: "plan --all --with /c.yml", code: 2, stdout: `a would stay as it is
b is allowed now, and would be refused
  no
d would run as something else
  @@ services.d.hostname @@ old, no more
  -x
  @@ services.d.labels.a @@ tags
  -b
  +c
  @@ services.d.user @@ p
  +me
3 in all: 1 breaks, 1 changes, 1 stays
`},
		{name: "one cannot be decided", agent: compared(unknown, breaks), args: "plan --all --with /c.yml", code: 3, stdout: "c could not be decided\n  locked\nb is allowed now, and would be refused\n  no\n2 in all: 2 breaks\n"},
		{name: "nothing", agent: compared(), args: "plan --all", stdout: "Nothing is installed or enabled: there is nothing to plan.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := session(t, tt.agent)(strings.Fields(tt.args)...)
			if diff := cmp.Diff(terminal{tt.code, tt.stdout, tt.stderr}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the agent is asked, and what a change brings to it.
func TestPlan_IsAskedOfTheAgentAndCarriedOut(t *testing.T) {
	f := &fakeAgent{plan: catalog.Plan{Verdict: catalog.PlanAllowed}, start: func(id string) (catalog.Report, error) { return catalog.Report{ID: id}, nil }}
	run := session(t, f)
	if got := run("plan", "hello", "--grant", "build", "--with", "/etc/candidate.yml", "--json"); got.Code != 0 || !strings.Contains(got.Stdout, `"verdict": "allow"`) {
		t.Errorf("%+v", got)
	}
	want := catalog.PlanRequest{ID: "hello", Grants: []manifest.Grant{manifest.Build}, With: "/etc/candidate.yml"}
	if diff := cmp.Diff(want, f.planned); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, args := range []string{"install hello --plan " + aHash, "disable hello", "enable hello --plan " + aHash, "start hello --plan " + aHash} {
		f.starting = catalog.Starting{}
		if got := run(strings.Fields(args)...); got.Code != 0 {
			t.Errorf("%s: %+v", args, got)
		}
		if plan := f.starting.Plan; !strings.HasPrefix(args, "disable") && plan != aHash {
			t.Errorf("%s brought %q", args, plan)
		}
	}
}
