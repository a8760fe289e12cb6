package catalog_test

import (
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

var planned = catalog.PlanHash{Inputs: strings.Repeat("1", catalog.PlanPart), Policies: strings.Repeat("2", catalog.PlanPart), Model: strings.Repeat("3", catalog.PlanPart)}

func TestPlanHash_IsOfContent(t *testing.T) {
	hash := func(inputs map[string]string, policies string, model any) string {
		t.Helper()
		h, err := catalog.NewPlanHash(inputs, policies, model)
		if err != nil {
			t.Fatal(err)
		}
		if err := catalog.CheckPlanHash(h.String()); err != nil {
			t.Error(err)
		}
		return h.String()
	}
	inputs, model := map[string]string{"a": "1", "b": "2"}, map[string]any{"services": map[string]any{"x": 1, "y": []any{"b", "a"}}}
	first := hash(inputs, "p", model)
	for range 20 { // whatever the order of a map
		wantEqual(t, "again", first, hash(map[string]string{"b": "2", "a": "1"}, "p", map[string]any{"services": map[string]any{"y": []any{"b", "a"}, "x": 1}}))
	}
	for name, other := range map[string]string{
		"a file":     hash(map[string]string{"a": "1", "b": "3"}, "p", model),
		"its name":   hash(map[string]string{"a": "1", "c": "2"}, "p", model),
		"policies":   hash(inputs, "q", model),
		"the model":  hash(inputs, "p", map[string]any{"services": map[string]any{"x": 2, "y": []any{"b", "a"}}}),
		"its order":  hash(inputs, "p", map[string]any{"services": map[string]any{"x": 1, "y": []any{"a", "b"}}}),
		"its no key": hash(inputs, "p", map[string]any{}),
	} {
		if other == first {
			t.Errorf("%s does not count", name)
		}
	}
}

func TestPlanHash_SaysWhatChanged(t *testing.T) {
	in := newInstallation(t)
	other := func(change func(*catalog.PlanHash)) catalog.PlanHash {
		h := planned
		change(&h)
		return h
	}
	four := strings.Repeat("4", catalog.PlanPart)
	tests := []struct {
		name  string
		now   catalog.PlanHash
		words string
		paths []string
	}{
		{name: "a file", now: other(func(h *catalog.PlanHash) { h.Inputs = four }), words: "the files", paths: []string{"inputs", "plan_hash"}},
		{name: "policies", now: other(func(h *catalog.PlanHash) { h.Policies = four }), words: "the policies", paths: []string{"policies", "plan_hash"}},
		{name: "a setting", now: other(func(h *catalog.PlanHash) { h.Model = four }), words: "what would run", paths: []string{"effective", "plan_hash"}},
		{name: "all", now: catalog.PlanHash{Inputs: four, Policies: four, Model: four}, words: "the files, the policies, what would run", paths: []string{"inputs", "policies", "effective", "plan_hash"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.now.Changed("app", planned.String())
			in.wantRefusal(err, problem.PlanChanged, `extension "app" is not what was planned any more: `+tt.words+" changed since; nothing was started. Look at the plan again (`dream plan app`): its hash is "+tt.now.String()+" now")
			var paths []string
			for _, item := range problem.As(err).Items {
				paths = append(paths, item.Path)
			}
			wantEqual(t, "items", tt.paths, paths)
		})
	}
	if err := planned.Changed("app", planned.String()); err != nil {
		t.Errorf("the same: %v", err)
	}
	for _, wrong := range []string{"", "x", planned.String() + "0", "-" + planned.String(), strings.ToUpper(strings.ReplaceAll(planned.String(), "1", "a"))} {
		if err := catalog.CheckPlanHash(wrong); !problem.HasCode(err, problem.InvalidParameter) {
			t.Errorf("%q: %v, want that it is no hash", wrong, err)
		}
	}
}

func TestPlanVerdict_IsOfTheCode(t *testing.T) {
	for _, tt := range []struct {
		code problem.Code
		want catalog.PlanVerdict
	}{
		{problem.PolicyDenied, catalog.PlanRefused},
		{problem.ScanRefused, catalog.PlanRefused},
		{problem.GrantsRequired, catalog.PlanRefused},
		{problem.MissingConfig, catalog.PlanRefused},
		{problem.PortTaken, catalog.PlanRefused},
		{problem.PolicyUnavailable, catalog.PlanFailed},
		{problem.PolicyLocked, catalog.PlanFailed},
		{problem.Unavailable, catalog.PlanFailed},
		{problem.Internal, catalog.PlanFailed},
	} {
		if got := catalog.PlanVerdictOf(problem.Newf(tt.code, "x")); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.code, got, tt.want)
		}
	}
	if got := catalog.PlanVerdictOf(nil); got != catalog.PlanAllowed {
		t.Errorf("nothing in the way: %s", got)
	}
}

// The plan is of the change that is next, and what that is refused for before the agent is asked counts.
func TestPlan_IsOfTheNextChange(t *testing.T) {
	in := newInstallation(t, library("notes"), disabled("off"), enabled("on"), library("needs", "depends_on: [notes]"), library("amd", "gpu_backends: [amd]"))
	in.agent.planned.Verdict = catalog.PlanAllowed
	for _, tt := range []struct {
		id      string
		kind    operation.Kind
		verdict catalog.PlanVerdict
		code    problem.Code
	}{
		{"notes", operation.Install, catalog.PlanAllowed, ""},
		{"off", operation.Enable, catalog.PlanAllowed, ""},
		{"on", operation.Start, catalog.PlanAllowed, ""},
		{"needs", operation.Install, catalog.PlanRefused, problem.MissingDependencies},
		{"amd", operation.Install, catalog.PlanRefused, problem.Incompatible},
	} {
		p, err := in.Plan(t.Context(), catalog.PlanRequest{ID: tt.id})
		in.must(err)
		if p.Operation != tt.kind || p.Verdict != tt.verdict || p.Code != tt.code {
			t.Errorf("%s: %s %s %s %q, want %s %s %s", tt.id, p.Operation, p.Verdict, p.Code, p.Text, tt.kind, tt.verdict, tt.code)
		}
	}
	for id, code := range map[string]problem.Code{"dashboard": problem.CoreService, "ghost": problem.NotFound, "No!": problem.NotFound} {
		if _, err := in.Plan(t.Context(), catalog.PlanRequest{ID: id}); !problem.HasCode(err, code) {
			t.Errorf("%s: %v, want %s", id, err, code)
		}
	}
}

// The agent is told what it is asked for, so that a plan is judged as the change will be.
func TestChanges_SayWhatTheyArePartOf(t *testing.T) {
	in := newInstallation(t, library("notes"), disabled("off"), enabled("on"))
	in.agent.planned.Verdict = catalog.PlanAllowed
	var heard []string
	in.agent.hears = func(verb string, part operation.Kind) { heard = append(heard, verb+" "+string(part)) }
	for _, tt := range []struct {
		id   string
		kind operation.Kind
		want []string
	}{
		{"notes", operation.Install, []string{"plan install", "check install", "start install"}},
		{"off", operation.Enable, []string{"plan enable", "check enable", "start enable"}},
		{"on", operation.Start, []string{"plan start", "start start"}},
		{"on", operation.Restart, []string{"plan start", "start restart"}},
	} {
		heard = nil
		_, err := in.Plan(t.Context(), catalog.PlanRequest{ID: tt.id})
		in.must(err)
		_, err = in.Do(t.Context(), catalog.Order{Kind: tt.kind, ID: tt.id})
		in.must(err)
		wantEqual(t, tt.id, tt.want, heard)
	}
}

// What is not as planned is undone whole; an agent that is away cannot tell, and so nothing is left to it.
func TestChanges_OfAPlanAreWholeOrNothing(t *testing.T) {
	changed := problem.Newf(problem.PlanChanged, "not as planned")
	tests := []struct {
		name  string
		order catalog.Order
		away  error                                   // of the whole agent
		start func(id string) (catalog.Report, error) // of the start alone
		code  problem.Code
	}{
		{name: "an install", order: catalog.Order{Kind: operation.Install, ID: "notes"}, start: func(string) (catalog.Report, error) { return catalog.Report{}, changed }, code: problem.PlanChanged},
		{name: "an enable", order: catalog.Order{Kind: operation.Enable, ID: "off"}, start: func(string) (catalog.Report, error) { return catalog.Report{}, changed }, code: problem.PlanChanged},
		{name: "a start", order: catalog.Order{Kind: operation.Start, ID: "on"}, start: func(string) (catalog.Report, error) { return catalog.Report{}, changed }, code: problem.PlanChanged},
		{name: "an install while the agent is away", order: catalog.Order{Kind: operation.Install, ID: "notes"}, away: errAway, code: problem.As(errAway).Code},
		{name: "an enable while the agent is away", order: catalog.Order{Kind: operation.Enable, ID: "off"}, away: errAway, code: problem.As(errAway).Code},
		{name: "an install whose agent goes away", order: catalog.Order{Kind: operation.Install, ID: "notes"}, start: func(string) (catalog.Report, error) { return catalog.Report{}, errAway }, code: problem.As(errAway).Code},
		{name: "an enable that needs others first", order: catalog.Order{Kind: operation.Enable, ID: "needy", WithDependencies: true}, code: problem.InvalidArgument},
		{name: "no hash", order: catalog.Order{Kind: operation.Install, ID: "notes", Plan: "x"}, code: problem.InvalidParameter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, library("notes"), disabled("off"), enabled("on"), disabled("needy", "depends_on: [off]"))
			if tt.away != nil {
				in.agent.goAway(tt.away)
			}
			if tt.start != nil {
				in.agent.start = tt.start
			}
			if tt.order.Plan == "" {
				tt.order.Plan = planned.String()
			}
			before := in.disk("data/user-extensions")
			_, err := in.Do(t.Context(), tt.order)
			if !problem.HasCode(err, tt.code) {
				t.Errorf("%v, want %s", err, tt.code)
			}
			wantEqual(t, "disk", before, in.disk("data/user-extensions"))
			unfinished, err := catalog.NewJournal(in.settings.OperationsDir, -1, -1).Unfinished()
			in.must(err)
			wantEqual(t, "left to the agent", map[string]string{}, unfinished)
		})
	}
}

// What nobody knows the end of is left to the agent, with the plan that it has to be.
func TestInstall_KeepsThePlanForTheAgent(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.agent.start = func(string) (catalog.Report, error) {
		return catalog.Report{}, problem.Newf(problem.OutcomeUnknown, "nobody knows")
	}
	_, err := in.Do(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes", Plan: planned.String()})
	in.wantRefusal(err, problem.OutcomeUnknown, "nobody knows")
	wantEqual(t, "brought to the agent", planned.String(), in.agent.plan)
	change, err := catalog.NewJournal(in.settings.OperationsDir, -1, -1).Claim("notes")
	in.must(err)
	wantEqual(t, "plan", planned.String(), change.Plan)
	change.Leave()
}
