package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"dreamserver/catalog"
	"dreamserver/security/drift"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

func TestPolicies_AreReadFromTheAgent(t *testing.T) {
	in := newInstallation(t)
	if got := decode[catalog.PolicyStatus](t, in.do("GET", "/api/policy/status", "")); got.Locked || got.Counts.Decisions["rejected"] != 2 {
		t.Errorf("status %+v", got)
	}
	const asked = "/api/policy/audit?extension=web&outcome=rejected&since=2026-11-01T00:00:00Z&limit=2"
	page := decode[catalog.PolicyAudit](t, in.do("GET", asked, "", "X-Request-Id: the-request"))
	if e := page.Entries; len(e) != 2 || e[0].Extension != "web" || e[0].Outcome != "rejected" || e[0].RequestID != "the-request" ||
		!e[0].Time.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("audit %+v", page)
	}
	last, now := decode[catalog.Drift](t, in.do("GET", "/api/policy/drift", "")), decode[catalog.Drift](t, in.do("POST", "/api/policy/drift", ""))
	if len(last.Findings) != 0 || len(now.Findings) != 1 || !now.At.After(last.At) {
		t.Errorf("drift %+v, then %+v", last, now)
	}
	for _, wrong := range []string{"outcome=denied", "extension=..", "limit=0", "since=yesterday"} {
		if rec := in.do("GET", "/api/policy/audit?"+wrong, ""); rec.Code != http.StatusUnprocessableEntity && rec.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want a refusal", wrong, rec.Code, rec.Body)
		}
	}
}

// What fakeAgent tells of policies.
func (a *fakeAgent) PolicyStatus(context.Context) (catalog.PolicyStatus, error) {
	return catalog.PolicyStatus{
		Inventory: policy.Inventory{Plugins: []policy.PluginStatus{}, Rules: []policy.PluginStatus{}, Exceptions: []policy.ExceptionStatus{}, LoadedAt: began},
		Counts:    catalog.PolicyCounts{Decisions: map[string]int{"rejected": 2}},
	}, a.away
}

func (a *fakeAgent) PolicyAudit(ctx context.Context, f decisions.Filter) (catalog.PolicyAudit, error) {
	all := []decisions.Record{}
	for i := range min(f.Limit, 3) {
		all = append(all, decisions.Record{RequestID: catalog.RequestID(ctx), Extension: f.Extension, Outcome: f.Outcome, Time: f.Since.Add(time.Duration(i))})
	}
	return catalog.PolicyAudit{Entries: all}, a.away
}

func (a *fakeAgent) Drift(context.Context) (catalog.Drift, error) {
	return catalog.Drift{At: began, Findings: []drift.Divergence{}}, a.away
}

func (a *fakeAgent) ScanDrift(context.Context) (catalog.Drift, error) {
	return catalog.Drift{At: began.Add(time.Second), Findings: []drift.Divergence{{What: "privileged", Want: "off", Have: "on"}}}, a.away
}
