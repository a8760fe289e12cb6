package catalog_test

import (
	"os"
	"testing"
	"testing/fstest"
	"time"

	"dreamserver/catalog"
	"dreamserver/config"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
	"dreamserver/security"
)

const asksForBuild = "extension \"notes\" asks for what no extension has by itself:\n" +
	"build: may run the commands of its Dockerfile while it builds its own image\n" +
	"To give them: dream install notes --grant build, or POST …/install?grants=build"

func TestInstall_AsksForGrantsBeforeItTouchesAFile(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.agent.asks = []manifest.Grant{manifest.Build}
	before := in.disk("")
	_, err := in.do("install notes")
	in.wantRefusal(err, problem.GrantsRequired, asksForBuild)
	wantEqual(t, "disk", before, in.disk(""))

	_, err = in.Install(t.Context(), "notes", catalog.Given{Grants: []manifest.Grant{manifest.Build, manifest.LANBind}})
	in.must(err)
	wantEqual(t, "given to the agent", []manifest.Grant{manifest.Build, manifest.LANBind}, in.agent.given)
}

func TestEnable_AsksForGrants(t *testing.T) {
	in := newInstallation(t, disabled("notes"))
	in.agent.asks = []manifest.Grant{manifest.Build}
	_, err := in.do("enable notes")
	in.wantRefusal(err, problem.GrantsRequired, asksForBuild)
}

// What waits for the agent remembers what was given with it.
func TestInstall_KeepsGrantsForTheAgent(t *testing.T) {
	in := newInstallation(t, library("notes", "grants: [build]"), "-- data/extensions-library/notes/compose.yaml --\nservices: {notes: {build: .}}\n")
	in.agent.goAway(errAway)
	_, err := in.do("install notes")
	in.wantRefusal(err, problem.GrantsRequired, asksForBuild)
	_, err = in.Install(t.Context(), "notes", catalog.Given{Grants: []manifest.Grant{manifest.Build}})
	in.must(err)
	change, err := catalog.NewJournal(in.settings.OperationsDir, -1, -1).Claim("notes")
	in.must(err)
	wantEqual(t, "grants", []manifest.Grant{manifest.Build}, change.Grants)
	change.Leave()
}

func TestInstall_RefusesFilesThatAreNotWhatWasJudged(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.agent.judged = "another"
	before := in.disk("")
	_, err := in.do("install notes")
	in.wantRefusal(err, problem.InvalidExtension, `extension "notes": its files in the library have changed while they were checked: try again`)
	wantEqual(t, "disk", before, in.disk(""))

	library, err := os.OpenRoot(in.path("data/extensions-library/notes"))
	in.must(err)
	defer library.Close()
	in.agent.judged, err = catalog.TreeDigest(library.FS())
	in.must(err)
	in.mustDo("install notes")
}

func TestSnapshot_RatesExtensions(t *testing.T) {
	const good = "services:\n  %s:\n    image: example/%s:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n" +
		"    healthcheck: {test: [CMD, /well]}\n    mem_limit: 1g\n    security_opt: [no-new-privileges]\n"
	in := newInstallation(t, enabled("good"), library("plain"), library("lan", "grants: [lan-bind]"), library("bad"),
		"-- data/user-extensions/good/compose.yaml --\n"+named(good, "good"),
		"-- data/extensions-library/lan/compose.yaml --\n"+named(good, "lan")+"    ports: [\"0.0.0.0:7000:80\"]\n",
		"-- data/extensions-library/bad/compose.yaml --\n"+named(good, "bad")+"    privileged: true\n")
	want := map[string]int{"bad": 1, "dashboard": 0, "good": 8, "lan": 6, "plain": 4}
	ratings := func() map[string]int {
		got := map[string]int{}
		for _, e := range in.Snapshot().Entries {
			got[e.ID] = e.Rating
		}
		return got
	}
	wantEqual(t, "ratings", want, ratings())
	lan, _ := in.Snapshot().Find("lan")
	wantEqual(t, "grants", []manifest.Grant{manifest.LANBind}, lan.Grants)

	file := in.path("data/user-extensions/good/compose.yaml")
	in.must(os.WriteFile(file, []byte("services: {good: {image: x}}\n"), 0o644))
	in.must(os.Chtimes(file, time.Time{}, time.Unix(1, 0)))
	want["good"] = 3
	wantEqual(t, "ratings after a change", want, ratings())
}

func TestScanFolder(t *testing.T) {
	in := newInstallation(t, core("search"), library("notes", "gpu_backends: [nvidia]"), library("search"), library("odd"), library("wrong"),
		enabled("vault", "env_vars: [{key: VAULT_KEY, secret: true}]"), library("thief", "env_vars: [{key: VAULT_KEY}]"),
		"-- data/extensions-library/odd/compose.nvidia.yaml --\nservices: {odd: {privileged: true}}\n",
		"-- data/extensions-library/wrong/manifest.yaml --\nservice: {id: wrong}\n")
	services, user := os.DirFS(in.path("extensions/services")), os.DirFS(in.path("data/user-extensions"))
	for _, tt := range []struct {
		id, backend string
		want        []string // rules that refuse it
	}{
		{id: "notes"},
		{id: "notes", backend: "cpu", want: []string{"manifest"}},
		{id: "search", want: []string{"manifest"}},
		{id: "odd", want: []string{"privileged"}},
		{id: "odd", backend: "cpu"},
		{id: "wrong", want: []string{"manifest", "manifest", "manifest"}},
		{id: "thief", want: []string{"foreign-secret"}},
	} {
		t.Run(tt.id+" "+tt.backend, func(t *testing.T) {
			v, err := catalog.ScanFolder(t.Context(), catalog.Scan{
				Dir: in.path("data/extensions-library/" + tt.id), Settings: in.settings, Version: "2.1.0", Backend: tt.backend, Services: services, User: user,
			})
			in.must(err)
			var got []string
			for _, f := range security.Errors(v.Findings) {
				got = append(got, f.Rule)
			}
			wantEqual(t, "rules", tt.want, got)
			if (v.Verdict == security.Rejected) != (len(tt.want) > 0) || v.ID != tt.id || v.Rating < 1 {
				t.Errorf("verdict %+v", v)
			}
		})
	}
	if _, err := catalog.ScanFolder(t.Context(), catalog.Scan{Dir: in.path("nowhere"), Settings: config.Settings{}, Services: fstest.MapFS{}}); err == nil {
		t.Error("a folder that is not there is judged")
	}
}
