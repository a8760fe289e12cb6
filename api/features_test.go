package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
)

type featuresReply struct {
	Features        []struct{ ID, Status, Reason string }
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
		if got["web-search"] != tc.search || got["bare"] != tc.bare || got["pictures"] != tc.pictures || got["portraits"] != "incompatible" {
			t.Errorf("%s: %v, want web-search %s, bare %s, pictures %s, portraits incompatible", tc.name, got, tc.search, tc.bare, tc.pictures)
		}
	}
	got := decode[featuresReply](t, in.do("GET", "/api/features", ""))
	if !slices.Contains(got.Recommendations, "Which services run is not known: hung") {
		t.Errorf("recommendations %q", got.Recommendations)
	}
}

func TestFeatures_AreThoseOfEnabledExtensions(t *testing.T) {
	in := newInstallation(t)
	must(t, in.disableSearch())
	got := decode[featuresReply](t, in.do("GET", "/api/features", ""))
	if len(got.Features) != 0 || got.Summary.Total != 0 || got.Summary.Progress != 0 || len(got.Suggestions) != 0 {
		t.Errorf("features of a disabled extension: %+v", got)
	}
}

type guideReply struct {
	FeatureID, Name, Status string
	Instructions            struct {
		Steps []string
		Links []struct{ Label, URL string }
	}
}

func TestFeatureGuide_HasTheShapeOfTheWireContract(t *testing.T) {
	in := newInstallation(t)
	in.golden("feature-enable", in.do("GET", "/api/features/pictures/enable", ""))
}

// The reference's links are to localhost, which is another machine to whoever asks from another machine.
func TestFeatureGuide_LinksToTheHostThatWasAsked(t *testing.T) {
	const elsewhere = "Search answers on the machine itself alone: open http://localhost:9191/find there, or forward the port to where you are: ssh -L 9191:127.0.0.1:9191 "
	for _, tc := range []struct {
		name, ports, env, host string
		url, step              string
	}{
		{"on this machine", "", "", "localhost:3002", "http://localhost:8080/find", ""},
		{"another address", "", "", "192.168.1.5:3001", "http://192.168.1.5:8080/find", ""},
		{"without a port", "", "", "192.168.1.5", "http://192.168.1.5:8080/find", ""},
		{"IPv6", "", "", "[fd00::5]:3001", "http://[fd00::5]:8080/find", ""},
		{"a name that is known", "", "DASHBOARD_ALLOWED_HOSTS=dream.lan", "Dream.lan:3001", "http://dream.lan:8080/find", ""},
		{"the port of .env", "", "SEARCH_PORT=8181", "localhost:3002", "http://localhost:8181/find", ""},
		{"no port in .env", "", "SEARCH_PORT=x", "localhost:3002", "http://localhost:8080/find", ""},
		{"the port that Docker publishes", `[{"ip":"0.0.0.0","host":9191,"container":8080,"protocol":"tcp"}]`, "SEARCH_PORT=8181", "192.168.1.5", "http://192.168.1.5:9191/find", ""},
		{"published on loopback, from here", `[{"ip":"127.0.0.1","host":9191,"container":8080,"protocol":"tcp"}]`, "", "127.0.0.1:3002", "http://127.0.0.1:9191/find", ""},
		{"published on loopback, from elsewhere", `[{"ip":"127.0.0.1","host":9191,"container":8080,"protocol":"tcp"},{"ip":"::1","host":9191,"container":8080,"protocol":"tcp"}]`, "", "192.168.1.5:3001", "", elsewhere + "192.168.1.5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := newInstallation(t, ".env "+tc.env)
			in.agent.publish("search", tc.ports)
			in.manager.Refresh(t.Context())
			got := decode[guideReply](t, in.do("GET", "/api/features/web-search/enable", "", "Host: "+tc.host)).Instructions
			want := 1
			if tc.url == "" {
				want = 0
			}
			if len(got.Links) != want || want == 1 && (got.Links[0].URL != tc.url || got.Links[0].Label != "Search") {
				t.Errorf("links %+v, want Search %s", got.Links, tc.url)
			}
			if last := got.Steps[len(got.Steps)-1]; tc.step != "" && last != tc.step {
				t.Errorf("last step %q, want %q", last, tc.step)
			}
		})
	}
}

func TestFeatureGuide_AnswersNobodyItDoesNotKnow(t *testing.T) {
	in := newInstallation(t)
	refused(t, in.do("GET", "/api/features/web-search/enable", "", "Host: evil.example"), problem.Forbidden, `the host name "evil.example" is not known here`)
	refused(t, in.do("GET", "/api/features/search/enable", ""), problem.NotFound, `no extension has a feature "search"; did you mean web-search, bare, pictures?`)
	refused(t, in.do("GET", "/api/features/web-search/enable", "", "Authorization: "), problem.Unauthorized, "")
}

func TestExternalLinks_AreThePagesOfEnabledServices(t *testing.T) {
	in := newInstallation(t)
	in.golden("external-links", in.do("GET", "/api/external-links", ""))
	must(t, in.disableSearch())
	if got := in.do("GET", "/api/external-links", "").Body.String(); strings.Contains(got, "search") {
		t.Errorf("links of a disabled extension: %s", got)
	}
}

// publish gives the service's container ports, as Docker tells them.
func (a *fakeAgent) publish(service, ports string) {
	if ports == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = catalog.State{}
	_ = json.Unmarshal([]byte(`{"containers":[{"id":"1","name":"dream-`+service+`","service":"`+service+`","state":"running","ports":`+ports+`}]}`), &a.state)
}
