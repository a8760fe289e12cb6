package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/internal/problem"
	"dreamserver/security/drift"
	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

func TestPolicyAudit_ShowsWhatWasDecided(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 5, time.UTC)
	f := &fakeAgent{decided: catalog.PolicyAudit{Entries: []decisions.Record{
		{Time: at, Phase: decisions.Apply, Operation: "start", User: "cli:alice", Extension: "web", Outcome: "excepted", Decisions: []decisions.Ruling{
			{Plugin: "quiet", Mode: policy.Enforce, Outcome: policy.Accepted},
			{Plugin: "tags", Mode: policy.Enforce, Outcome: policy.Changed},
			{Plugin: "digests", Mode: policy.Warn, Outcome: policy.Rejected, Message: "no digest"},
			{Plugin: "gpus", Mode: policy.Enforce, Outcome: policy.Excepted, Message: "too many", Exception: &policy.ExceptionUse{Reason: "a demo", Expires: at}},
		}, Changes: []decisions.Redacted{{Plugin: "tags", Path: "a"}, {Plugin: "tags", Path: "b"}, {Plugin: "tags", Path: "c"}, {Plugin: "tags", Path: "d"}, {Plugin: "other", Path: "e"}}},
		{Time: at, Phase: decisions.Plan, Operation: "check", User: "key:x", Extension: "bad", Outcome: "rejected", Message: `extension "bad" is refused by policy p: no`, Decisions: []decisions.Ruling{
			{Plugin: "p", Mode: policy.Enforce, Outcome: policy.Rejected, Message: "no"},
		}},
		{Time: at, Phase: decisions.Load, Operation: "start", Outcome: decisions.Locked, Message: "there is no plugin x"},
	}}}
	run := session(t, f)
	want := terminal{Stdout: `TIME                  USER       OPERATION  EXTENSION  OUTCOME   WHY
2026-11-20T12:00:00Z  cli:alice  start      web        excepted  tags changed a, b, c, 1 more; digests rejected (warn): no digest; gpus excepted: too many, and may until 2026-11-20: a demo
2026-11-20T12:00:00Z  key:x      plan       bad        rejected  p rejected: no
2026-11-20T12:00:00Z  -          start      -          locked    there is no plugin x
`}
	if diff := cmp.Diff(want, run("policy", "audit", "--extension", "web", "--outcome", "changed", "--since", "2026-11-20T00:00:00Z", "-n", "7")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(decisions.Filter{Extension: "web", Outcome: "changed", Since: at.Truncate(24 * time.Hour), Limit: 7}, f.filter); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range [][]string{{"--outcome", "denied"}, {"--extension", ".."}, {"--since", "yesterday"}, {"-n", "0"}, {"x"}} {
		if got := run(append([]string{"policy", "audit"}, wrong...)...); got.Code != exitUsage {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
	f.decided = catalog.PolicyAudit{}
	if got := run("policy", "audit"); !strings.HasPrefix(got.Stdout, "Nothing was decided") {
		t.Errorf("%+v", got)
	}
}

// The log is read from its files, whoever answers for the agent.
func TestPolicyAudit_VerifiesTheLog(t *testing.T) {
	dir := t.TempDir()
	a := func(args ...string) terminal {
		t.Helper()
		var out, errs strings.Builder
		app := &app{getenv: func(key string) string { return map[string]string{"DREAM_INSTALL_DIR": dir}[key] }, stdout: &out, stderr: &errs}
		code := app.run(t.Context(), append([]string{"policy", "audit", "verify"}, args...))
		return terminal{Stdout: out.String(), Stderr: errs.String(), Code: code}
	}
	if got := a(); got.Code != exitUnavailable {
		t.Errorf("without an installation: %+v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "docker-compose.yml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := a(); got.Code != exitUnavailable || !strings.Contains(got.Stderr, "nothing was decided yet, or it was removed") {
		t.Errorf("without a log: %+v", got)
	}
	l := decisions.Open(filepath.Join(dir, "state"))
	for range 3 {
		if err := l.Write(decisions.Record{Phase: decisions.Apply, Outcome: "accepted", Extension: "web"}); err != nil {
			t.Fatal(err)
		}
	}
	head, _, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	name := filepath.Join(dir, "state", "decisions", "000001.jsonl")
	whole := "The log of decisions is whole: 3 records in 1 file, lines 1 to 4.\n"
	if diff := cmp.Diff(terminal{Stdout: whole + "The head that was noted is " + name + ":4.\nhead " + head.Hash + "\n"}, a("--head", head.Hash)); diff != "" {
		t.Error(diff)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Join(lines[:3], "")) // the end is cut: the chain is whole, and the head is gone
	if got := a(); got.Code != 0 {
		t.Errorf("%+v", got)
	}
	if got := a("--head", head.Hash); got.Code != 2 || !strings.Contains(got.Stdout, "no line has the hash "+head.Hash) {
		t.Errorf("%+v", got)
	}
	write(strings.Replace(string(data), "accepted", "rejected", 1))
	got := a()
	if got.Code != 2 || !strings.HasPrefix(got.Stdout, name+":2: it was changed: its hash is another\nThe log of decisions is broken: 1 issue in 1 file.\n") {
		t.Errorf("%+v", got)
	}
	if got := a("--json"); got.Code != 2 || !strings.Contains(got.Stdout, `"line": 2`) {
		t.Errorf("%+v", got)
	}
	write(string(data[:len(data)-9]))
	if got := a(); got.Code != 0 || !strings.Contains(got.Stdout, name+":4: the last line is not whole") {
		t.Errorf("%+v", got)
	}
}

func TestPolicyDrift_SaysWhatAndWhatToDo(t *testing.T) {
	f := &fakeAgent{drift: catalog.Drift{Containers: 2, Changing: []string{"n8n"}}}
	run := session(t, f)
	if diff := cmp.Diff(terminal{Stdout: "Being changed now, and not looked at: n8n\n2 containers: as approved.\n"}, run("policy", "drift")); diff != "" {
		t.Error(diff)
	}
	f.drift = catalog.Drift{Containers: 1, Findings: []drift.Divergence{{Message: "container dream-web: privileged on, and was approved with off", Fix: "dream restart web"}}}
	want := terminal{Stdout: "container dream-web: privileged on, and was approved with off\n  to do: dream restart web\n1 difference in 1 container.\n", Code: 2}
	if diff := cmp.Diff(want, run("policy", "drift")); diff != "" {
		t.Error(diff)
	}
	f.away = problem.Newf(problem.DockerUnavailable, "Docker is away")
	if got := run("policy", "drift"); got.Code != exitUnavailable || !strings.Contains(got.Stderr, "Docker is away") {
		t.Errorf("%+v", got)
	}
}
