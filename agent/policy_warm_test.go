package agent_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"dreamserver/internal/problem"
)

// A second start of everything runs no program: nothing that policies are asked about has changed.
func TestPolicies_AWarmStartRunsNoProgram(t *testing.T) {
	const extensions = 50
	files := make([]string, extensions)
	for i := range files {
		id := fmt.Sprintf("app%02d", i)
		files[i] = extension(id, "services:\n  "+id+":\n    image: example/app:1\n")
	}
	in := prepare(t, files...)
	count := in.path("count")
	in.policies("plugins: [tagger]\n", map[string]string{
		"tagger": "[ $1 = describe ] && exit; echo >>" + count + `; sed 's/.*"spec":\({.*}\),"api_version".*/{"error":null,"spec":\1}/; s/"hostname":"tagged",//; s/"image":"example/"hostname":"tagged",&/'`,
	})
	in.serve()
	up := func() (asked int) {
		before, _ := os.ReadFile(count)
		report, err := in.client.Up(t.Context(), nil, false, nil)
		in.must(err)
		if len(report.Failed) > 0 {
			t.Fatalf("failed: %v", report.Failed)
		}
		after, err := os.ReadFile(count)
		in.must(err)
		return len(after) - len(before)
	}
	if cold := up(); cold < extensions {
		t.Fatalf("the first start asked %d times", cold)
	}
	if warm := up(); warm != 0 {
		t.Errorf("the second start asked %d times", warm)
	}
	for i := range extensions {
		file, err := os.ReadFile(in.path(fmt.Sprintf("state/approved/app%02d.yaml", i)))
		in.must(err)
		if !strings.Contains(string(file), "hostname: tagged") {
			t.Fatalf("app%02d runs without what the policy sets", i)
		}
	}
}

// The key for a server goes to that server, and into nothing that anybody reads.
func TestPolicies_KeyOfAServerIsTold(t *testing.T) {
	const secret = "k-0123456789-secret"
	var got string
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "no database")
	}))
	defer web.Close()
	in := prepare(t, extension("app", ""))
	in.policies("plugins:\n- name: rest_plugin\n  url: "+web.URL+"\n  auth: {bearer_file: $DIR/key}\n", nil)
	in.must(os.WriteFile(in.path("config/server/plugins/key"), []byte(secret+"\n"), 0o600))
	in.serve()
	_, err := in.start("app")
	in.wantRefusal(err, problem.PolicyUnavailable, `extension "app": policy rest_plugin cannot decide (on_service_apply): its server answers 500 Internal Server Error: no database…`)
	if got != "Bearer "+secret {
		t.Errorf("the server got %q", got)
	}
	entries, e := os.ReadFile(in.path("state/audit.jsonl"))
	in.must(e)
	for name, text := range map[string]string{"the log": in.log.String(), "the audit log": string(entries), "the refusal": err.Error()} {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the key: %s", name, text)
		}
	}
}
