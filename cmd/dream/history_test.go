package main

import (
	"context"
	"encoding/json"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog"
	"dreamserver/manifest"
)

var audited = []catalog.AuditEntry{
	{Time: time.Date(2026, 3, 1, 12, 0, 3, 9, time.FixedZone("", 3600)), Actor: "key:laptop", Peer: "uid 1000", Op: "start", Extension: "hello", Result: "start_failed", Detail: "no image", Duration: 12},
	{Time: time.Date(2026, 3, 1, 11, 0, 2, 0, time.UTC), Peer: "uid 1001", Op: "connect", Result: "forbidden"},
	{Time: time.Date(2026, 3, 1, 11, 0, 1, 0, time.UTC), Op: "down", Result: "ok"},
}

func TestAudit_ShowsWhoDidWhat(t *testing.T) {
	var asked int
	run := session(t, &fakeAgent{audit: func(_ context.Context, limit int) []catalog.AuditEntry {
		asked = limit
		return audited[:min(limit, len(audited))]
	}})
	want := terminal{Stdout: `TIME                  ACTOR       OPERATION  EXTENSION  RESULT
2026-03-01T11:00:03Z  key:laptop  start      hello      start_failed
2026-03-01T11:00:02Z  uid 1001    connect    -          forbidden
2026-03-01T11:00:01Z  -           down       -          ok
`}
	if diff := cmp.Diff(want, run("history")); diff != "" || asked != 20 {
		t.Errorf("dream history asks for %d (-want +got):\n%s", asked, diff)
	}
	var got []catalog.AuditEntry
	if err := json.Unmarshal([]byte(run("history", "-n", "1", "--json").Stdout), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audited[:1], got, cmp.Comparer(time.Time.Equal)); diff != "" || asked != 1 {
		t.Errorf("dream history -n 1 --json asks for %d (-want +got):\n%s", asked, diff)
	}
	for _, n := range []string{"0", "1001", "x"} {
		if got := run("history", "-n", n); got.Code != exitUsage {
			t.Errorf("dream history -n %s: %+v", n, got)
		}
	}
}

func TestHistory_ShowsGrantsWhereThereAreAny(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	err := writeHistory(&out, []catalog.AuditEntry{
		{Time: at, Actor: "cli:root", Peer: "uid 1000", Op: "start", Extension: "gpt", Result: "ok", Grants: []manifest.Grant{manifest.GPU, manifest.LANBind}},
		{Time: at, Actor: "agent", Op: "stop", Extension: "gpt", Result: "ok"},
	}, uids())
	want := `TIME                  ACTOR                OPERATION  EXTENSION  RESULT    GRANTS
2026-03-01T12:00:00Z  cli:root (uid 1000)  start      gpt        ok        gpu, lan-bind
2026-03-01T12:00:00Z  agent                stop       gpt        ok        -
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What a caller says about itself is shown alone where it can be true.
func TestHistory_ShowsWhoItReallyWas(t *testing.T) {
	uidOf := func(name string) string { return map[string]string{"root": "0", "ada": "1000"}[name] }
	for _, tt := range []struct{ actor, peer, want string }{
		{"cli:root", "uid 0", "cli:root"},
		{"cli:ada", "uid 0", "cli:ada"}, // behind sudo
		{"cli:ada", "uid 1000", "cli:ada"},
		{"cli:root", "uid 1000", "cli:root (uid 1000)"},
		{"cli:ada", "uid 1001", "cli:ada (uid 1001)"},
		{"cli:nobody-here", "uid 1000", "cli:nobody-here (uid 1000)"},
		{"cli:ada", "tcp", "cli:ada (tcp)"},
		{"key:laptop", "uid 1000", "key:laptop"},
		{"agent", "", "agent"},
		{"agent", "uid 1000", "agent (uid 1000)"},
		{"", "uid 1000", "uid 1000"},
		{"", "", "-"},
	} {
		if got := whoAsked(catalog.AuditEntry{Actor: tt.actor, Peer: tt.peer}, uidOf); got != tt.want {
			t.Errorf("%q from %q: %q, want %q", tt.actor, tt.peer, got, tt.want)
		}
	}
}

func TestAudit_SaysThatThereIsNothing(t *testing.T) {
	run := session(t, &fakeAgent{audit: func(context.Context, int) []catalog.AuditEntry { return []catalog.AuditEntry{} }})
	if diff := cmp.Diff(terminal{Stdout: "Nothing was changed yet.\n"}, run("history")); diff != "" {
		t.Errorf("dream history (-want +got):\n%s", diff)
	}
}

// Every command says who runs it.
func TestActor_IsInTheContextOfEveryCommand(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var got string
	run := session(t, &fakeAgent{audit: func(ctx context.Context, _ int) []catalog.AuditEntry {
		got = catalog.Actor(ctx)
		return nil
	}})
	run("history")
	if got != "cli:"+me.Username {
		t.Errorf("actor %q, want cli:%s", got, me.Username)
	}
	a := &app{getenv: func(key string) string { return map[string]string{"SUDO_USER": "ada"}[key] }}
	if got := a.actor(); !strings.HasSuffix(got, ":ada") {
		t.Errorf("actor behind sudo %q, want cli:ada", got)
	}
}
