package api_test

import (
	"testing"

	"dreamserver/internal/problem"
)

type featuresReply struct {
	Features        []struct{ ID, Status string }
	Summary         struct{ Enabled, Available, Total, Progress int }
	Suggestions     []struct{ FeatureID, Message string }
	Recommendations []string
}

func TestFeatures_HaveTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t)
	in.golden("features", in.do("GET", "/api/features", ""))
}

// A feature without requirements was a KeyError and a 500 of the whole endpoint in the reference.
func TestFeatures_FollowTheirServices(t *testing.T) {
	in := newInstallation(t)
	statuses := func() map[string]string {
		out := map[string]string{}
		for _, f := range decode[featuresReply](t, in.do("GET", "/api/features", "")).Features {
			out[f.ID] = f.Status
		}
		return out
	}
	for _, tc := range []struct {
		name                   string
		change                 func()
		search, bare, pictures string
	}{
		{"as set up", func() {}, "enabled", "enabled", "services_needed"},
		{"its service stops", func() { in.agent.running() }, "services_needed", "available", "services_needed"},
		{"it runs again", func() { in.agent.running("search") }, "enabled", "enabled", "services_needed"},
		{"the agent goes away", func() { in.agent.setAway(problem.Newf(problem.AgentHung, "hung")) }, "services_needed", "available", "services_needed"},
	} {
		tc.change()
		in.manager.Refresh(t.Context())
		got := statuses()
		if got["web-search"] != tc.search || got["bare"] != tc.bare || got["pictures"] != tc.pictures {
			t.Errorf("%s: %v, want web-search %s, bare %s, pictures %s", tc.name, got, tc.search, tc.bare, tc.pictures)
		}
	}
	got := decode[featuresReply](t, in.do("GET", "/api/features", ""))
	if len(got.Recommendations) != 1 || got.Recommendations[0] != "Which services run is not known: hung" {
		t.Errorf("recommendations %q", got.Recommendations)
	}
}

func TestFeatures_AreThoseOfEnabledExtensions(t *testing.T) {
	in := newInstallation(t)
	must(t, in.setBuiltin("search", false))
	got := decode[featuresReply](t, in.do("GET", "/api/features", ""))
	if len(got.Features) != 0 || got.Summary.Total != 0 || got.Summary.Progress != 0 {
		t.Errorf("features of a disabled extension: %+v", got)
	}
}
