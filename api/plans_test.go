package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

var (
	planned = catalog.PlanHash{Inputs: strings.Repeat("1", catalog.PlanPart), Policies: strings.Repeat("2", catalog.PlanPart), Model: strings.Repeat("3", catalog.PlanPart)}
	another = catalog.PlanHash{Inputs: planned.Inputs, Policies: strings.Repeat("4", catalog.PlanPart), Model: planned.Model}
)

// helloPlan is an answer with something in each part.
func helloPlan() catalog.Plan {
	service := func(labels map[string]any) map[string]any {
		return map[string]any{"services": map[string]any{"hello": map[string]any{"image": "example/hello:1", "labels": labels}}}
	}
	return catalog.Plan{
		Submitted: service(nil), Effective: service(map[string]any{"team": "my_team"}),
		Diff:      []catalog.PlanChange{{Path: "services.hello.labels", After: map[string]any{"team": "my_team"}, Plugin: "tags"}},
		Decisions: []catalog.PlanDecision{{Plugin: "tags", Hook: "on_service_apply", Mode: "enforce", Outcome: "changed", MS: 0.1}},
		Warnings:  []string{"require_digest would refuse this: no digest"},
		Ports:     []catalog.PlanPort{{Service: "hello", HostIP: "127.0.0.1", Published: "7801", Target: 8080, Protocol: "tcp"}},
		Grants:    catalog.PlanGrants{Needed: []manifest.Grant{manifest.Build}, Given: []manifest.Grant{manifest.Build}, Missing: []manifest.Grant{}},
		Images:    []catalog.PlanImage{{Image: "example/hello:1", Services: []string{"hello"}, State: "pull"}, {Image: "example/here:1", Services: []string{"here"}, State: "present", Bytes: new(int64)}},
		Services:  []catalog.PlanService{{Service: "hello", Action: "create"}},
		Generated: []string{"HELLO_SECRET"}, Inputs: map[string]string{"hello/compose.yaml": strings.Repeat("a", 64)},
	}
}

// What stands in the way of a change is an answer to who asks for its plan, and no failure.
func TestPlan_AnswersWhateverTheVerdict(t *testing.T) {
	in := newInstallation(t)
	in.agent.plan, in.agent.answer = planned, helloPlan()
	rec := in.do("POST", "/api/extensions/hello/plan?grants=build", `{"values": {"KEY": "v"}, "grants": ["gpu"]}`)
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	in.golden("plan", rec)
	want := catalog.PlanRequest{ID: "hello", Grants: []manifest.Grant{manifest.Build, manifest.GPU}, Values: map[string]string{"KEY": "v"}}
	if diff := cmp.Diff(want, in.agent.asked); diff != "" {
		t.Errorf("asked of the agent (-want +got):\n%s", diff)
	}
	in.agent.denied = problem.Newf(problem.PolicyDenied, "extension %q is refused by policy tags: no", "hello")
	rec = in.do("POST", "/api/extensions/hello/plan", "")
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	in.golden("plan-refused", rec)
}

func TestPlan_IsRefusedToWhoMayNot(t *testing.T) {
	in := newInstallation(t)
	reader, operator := in.addKey("reader", config.ScopeRead, time.Time{}), in.addKey("operator", config.ScopeOperate, time.Time{})
	for _, tt := range []struct {
		name, id, key, body, text string
		code                      problem.Code
	}{
		{name: "a reader", id: "hello", key: reader, code: problem.Forbidden, text: "takes the scope operate"},
		{name: "values, of who may not install", id: "hello", key: operator, body: `{"values": {"KEY": "v"}}`, code: problem.Forbidden, text: "ask for the plan without them"},
		{name: "a core service", id: "dashboard", key: key, code: problem.CoreService, text: `"dashboard" is a core service`},
		{name: "nobody", id: "ghost", key: key, code: problem.NotFound, text: `extension "ghost" is not installed and not in the library`},
		{name: "no id", id: "No", key: key, code: problem.NotFound, text: "is no extension id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, in.do("POST", "/api/extensions/"+tt.id+"/plan", tt.body, "Authorization: Bearer "+tt.key), tt.code, tt.text)
		})
	}
	if rec := in.do("POST", "/api/extensions/hello/plan", "", "Authorization: Bearer "+operator); rec.Code != http.StatusOK {
		t.Errorf("an operator gets %d %s", rec.Code, rec.Body)
	}
	in.agent.setAway(problem.Newf(problem.AgentRefused, "the host agent refuses connections: start it"))
	refused(t, in.do("POST", "/api/extensions/hello/plan", ""), problem.AgentRefused, "the host agent refuses connections: start it")
}

// A change that carries out a plan says what is not as planned, in the query or in the body, and leaves nothing.
func TestChanges_CarryOutAPlanOrNothing(t *testing.T) {
	in := newInstallation(t)
	in.agent.plan = another
	stale := `extension "hello" is not what was planned any more: the policies changed since; nothing was started`
	refused(t, in.do("POST", "/api/extensions/hello/install?plan_hash="+planned.String(), ""), problem.PlanChanged, stale)
	refused(t, in.do("POST", "/api/extensions/hello/install", `{"plan_hash": "`+planned.String()+`"}`), problem.PlanChanged, stale)
	rec := in.do("POST", "/api/extensions/hello/install", `{"plan_hash": "`+planned.String()+`"}`)
	in.golden("plan-changed", rec)
	refused(t, in.do("POST", "/api/extensions/hello/install?plan_hash=xyz", ""), problem.InvalidParameter, `plan_hash "xyz" is no hash of a plan`)
	if e := decode[struct{ Status string }](t, in.do("GET", "/api/extensions/hello", "")); e.Status != "not_installed" {
		t.Errorf("hello is %s after a plan that changed", e.Status)
	}
	for _, step := range []string{"install", "start", "disable", "enable"} {
		if rec := in.do("POST", "/api/extensions/hello/"+step+"?plan_hash="+another.String(), ""); rec.Code != http.StatusOK {
			t.Errorf("%s: %d %s", step, rec.Code, rec.Body)
		}
	}
	refused(t, in.do("POST", "/api/extensions/hello/start?plan_hash="+planned.String(), ""), problem.PlanChanged, stale)
}
