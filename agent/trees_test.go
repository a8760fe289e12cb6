package agent_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"dreamserver/internal/problem"
)

// trees are the copies that the agent keeps.
func (in *installation) trees() []string {
	in.t.Helper()
	entries, err := os.ReadDir(in.path("state/trees"))
	in.must(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

const withConf = "services:\n  app:\n    image: example/app:1\n    volumes: [\"./conf:/conf:ro\"]\n"

// Who may change an extension's files could fill the disk with copies of what is refused.
func TestTrees_OfRefusedStartsGo(t *testing.T) {
	for name, refused := range map[string]func(in *installation){
		"by the scan":    func(in *installation) { in.add(extension("app", withConf+"    privileged: true\n")) },
		"for its port":   func(in *installation) { in.engine.set(func(e *fakeEngine) { e.ports[7000] = "other" }) },
		"without Docker": func(in *installation) { in.engine.set(func(e *fakeEngine) { e.down = true }) },
		"for its grants": func(in *installation) { in.add(extension("app", onTheLAN, lanAsked)) },
		"what it needs": func(in *installation) {
			in.add(extension("app", withConf+"    depends_on: [bad]\n"), extension("bad", "services: {bad: {image: x, privileged: true}}\n"))
		},
		"for its folders": func(in *installation) { in.add("-- data/app --\n") },
	} {
		t.Run(name, func(t *testing.T) {
			in := newInstallation(t, extension("app", strings.Replace(withConf, "    volumes: [", "    ports: [\"127.0.0.1:7000:80\"]\n    volumes: [\"./data/app/x:/x\", ", 1)), "-- data/user-extensions/app/conf/x --\n")
			refused(in)
			for i := range 3 {
				in.add(fmt.Sprintf("-- data/user-extensions/app/junk --\n%d\n", i))
				if _, err := in.start("app"); err == nil {
					t.Fatal("it starts")
				}
			}
			if left := in.trees(); len(left) > 1 {
				t.Errorf("three refused starts leave %d copies: %q", len(left), left)
			}
		})
	}
}

func TestTrees_ThatAreApprovedStay(t *testing.T) {
	in := newInstallation(t, extension("app", withConf), "-- data/user-extensions/app/conf/x --\n")
	in.mustStart("app")
	runs := in.trees()
	in.add(extension("app", withConf+"    privileged: true\n"))
	_, err := in.start("app")
	in.wantRefusal(err, problem.ScanRefused, `extension "app" is refused…`)
	_, err = in.client.Restart(t.Context(), "app", nil)
	in.wantRefusal(err, problem.ScanRefused, `extension "app" is refused…`)
	wantEqual(t, "copies", runs, in.trees())
	in.add(extension("app", withConf))
	in.must(in.client.Stop(t.Context(), "app"))
	in.mustStart("app")
	wantEqual(t, "copies", runs, in.trees())
}

// What an approved file no longer mentions goes, unless a container that is still there has it mounted.
func TestTrees_ThatWereReplacedGo(t *testing.T) {
	in := newInstallation(t, extension("app", withConf), "-- data/user-extensions/app/conf/x --\n")
	change := func(content string) { in.add("-- data/user-extensions/app/conf/x --\n" + content + "\n") }
	in.mustStart("app")
	mounted := in.trees()[0]
	in.docker.update(func(s *dockerState) { s.Fails["up"] = "no" })
	for _, content := range []string{"a", "b", "c"} {
		change(content)
		if _, err := in.start("app"); err == nil {
			t.Fatal("it starts")
		}
	}
	if got := in.trees(); len(got) != 2 || !slices.Contains(got, mounted) {
		t.Errorf("copies %q, want the last one that was approved, and %s, which a container has", got, mounted)
	}
	in.docker.update(func(s *dockerState) { delete(s.Fails, "up") })
	change("d")
	in.mustStart("app")
	wantEqual(t, "copies", 1, len(in.trees()))
}

// A start that is refused takes no copy away from one that works with it.
func TestTrees_StayWhileAnotherStartUsesThem(t *testing.T) {
	const slow = "services: {db: {image: x}}\n"
	in := newInstallation(t, extension("db", slow), extension("app", "services: {app: {image: x, depends_on: [db, worse]}}\n"),
		extension("worse", "services: {worse: {image: x, privileged: true}}\n"))
	in.docker.update(func(s *dockerState) { s.Waits["up"] = true })
	result := in.background("db")
	in.docker.entered()
	used := in.trees()
	wantEqual(t, "copies in use", 1, len(used))
	_, err := in.start("app")
	in.wantRefusal(err, problem.ScanRefused, `extension "app" needs "worse": extension "worse" is refused…`)
	wantEqual(t, "copies in use", used, in.trees())
	in.docker.release()
	in.must(<-result)
}
