package decisions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/security/policy"
	"dreamserver/security/policy/decisions"
)

const planted = "hunter2-\"quoted\"-and-long"

// A record says everything that was decided, and no secret, wherever one was put.
func TestOf_HidesSecretsEverywhere(t *testing.T) {
	redact := decisions.NewRedactor(map[string]string{"APP_SECRET": planted, "PART": "hunter2", "SHORT": "abc"}, []string{"1234567890", "other-key"})
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	s := policy.Subject{ID: "web", User: "cli:alice", Phase: "apply", Operation: "start", Facts: policy.Facts{Extension: policy.ExtensionFacts{Digest: "d1"}}}
	r := policy.Result{
		Decisions: []policy.Decision{{
			Plugin: "p", Digest: "d2", Hook: policy.OnService, Mode: policy.Enforce, Outcome: policy.Changed, Took: 1500 * time.Microsecond,
			Message: "it has " + planted, Warnings: []string{"and " + string(quoted), "other-key"},
		}},
		Changes: []policy.Change{
			{Path: "services.web.labels." + planted, Plugin: "p", Before: nil, After: map[string]any{planted: []any{"x" + planted, json.Number("1234567890"), true}}},
			{Path: "services.web.command", Plugin: "p", Before: strings.Repeat("a", 490) + planted, After: []any{strings.Repeat("b", 2000)}},
		},
	}
	rec := decisions.Of(s, r, "", "", 2*time.Millisecond, redact)
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "other-key", "1234567890", `\"quoted\"`} {
		if strings.Contains(string(data), secret) {
			t.Errorf("%q is in %s", secret, data)
		}
	}
	want := decisions.Record{
		Phase: "apply", Operation: "start", User: "cli:alice", Extension: "web", Digest: "d1", Outcome: "changed", Took: 2,
		Decisions: []decisions.Ruling{{
			Plugin: "p", Digest: "d2", Hook: policy.OnService, Mode: policy.Enforce, Outcome: policy.Changed, Took: 1.5,
			Message: "it has «secret:APP_SECRET»", Warnings: []string{`and "«secret:APP_SECRET»"`, "«secret»"},
		}},
		Changes: []decisions.Redacted{
			{Path: "services.web.labels.«secret:APP_SECRET»", Plugin: "p", After: map[string]any{"«secret:APP_SECRET»": []any{"x«secret:APP_SECRET»", "«secret»", true}}},
			{Path: "services.web.command", Plugin: "p", Before: strings.Repeat("a", 490) + "«secret:APP_SECRET»", After: "«2004 bytes»"},
		},
	}
	if diff := cmp.Diff(want, rec); diff != "" {
		t.Error(diff)
	}
}

// The outcome of the whole is the strongest word that counts.
func TestOf_HasTheOutcomeOfTheWhole(t *testing.T) {
	said := func(mode policy.Mode, outcomes ...policy.Outcome) (r policy.Result) {
		for _, o := range outcomes {
			r.Decisions = append(r.Decisions, policy.Decision{Mode: mode, Outcome: o})
		}
		return r
	}
	for _, tt := range []struct {
		r          policy.Result
		code, want string
	}{
		{said(policy.Enforce, policy.Accepted), "", "accepted"},
		{said(policy.Enforce, policy.Accepted, policy.Changed), "", "changed"},
		{said(policy.Warn, policy.Changed, policy.Rejected), "", "accepted"},
		{said(policy.Enforce, policy.Changed, policy.Excepted, policy.Changed), "", "excepted"},
		{said(policy.Enforce, policy.Rejected), "policy_denied", "rejected"},
		{said(policy.Enforce, policy.Accepted), "scan_refused", "rejected"},
		{said(policy.Enforce, policy.Failed), "policy_unavailable", "failed"},
		{policy.Result{}, "policy_locked", "failed"},
	} {
		if got := decisions.Of(policy.Subject{}, tt.r, tt.code, "", 0, decisions.Redactor{}).Outcome; got != tt.want {
			t.Errorf("%+v, %q: %s, want %s", tt.r, tt.code, got, tt.want)
		}
	}
}

// However much plugins say, a record fits into a line.
func TestLog_BoundsARecord(t *testing.T) {
	l := decisions.Open(t.TempDir())
	defer l.Close()
	var r policy.Result
	for i := range 500 {
		r.Changes = append(r.Changes, policy.Change{Path: fmt.Sprint(i), After: strings.Repeat("ü", 300)})
		r.Decisions = append(r.Decisions, policy.Decision{Plugin: fmt.Sprint(i), Message: strings.Repeat("x", 5000), Warnings: []string{strings.Repeat("y", 900)}})
	}
	rec := decisions.Of(policy.Subject{ID: "web", Phase: decisions.Apply}, r, "", strings.Repeat("z", 9000), 0, decisions.Redactor{})
	if err := l.Write(rec); err != nil {
		t.Fatal(err)
	}
	got, err := l.Read(decisions.Filter{Limit: 5})
	if err != nil || len(got) != 1 || got[0].MoreChanges != 500-len(got[0].Changes) || len(got[0].Decisions) == 0 || len(got[0].Message) > 600 {
		t.Errorf("%v: %d changes and %d more, %d decisions, %d bytes", err, len(got[0].Changes), got[0].MoreChanges, len(got[0].Decisions), len(got[0].Message))
	}
}

func TestLog_IsReadByWhatIsAsked(t *testing.T) {
	dir := t.TempDir()
	l := decisions.Open(dir)
	defer l.Close()
	if got, err := l.Read(decisions.Filter{Limit: 5}); err != nil || len(got) != 0 {
		t.Errorf("an empty log has %v, %v", got, err)
	}
	if head, _, err := l.Head(); err != nil || head.Seq != 0 {
		t.Errorf("the head of an empty log is %v, %v", head, err)
	}
	if _, err := os.Stat(filepath.Join(dir, decisions.Folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking has made a log: %v", err)
	}
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i, r := range []decisions.Record{
		{Extension: "a", Phase: decisions.Apply, Outcome: "accepted", Decisions: []decisions.Ruling{{Outcome: policy.Rejected, Mode: policy.Warn}}},
		{Extension: "b", Phase: decisions.Apply, Outcome: "rejected"},
		{Extension: "a", Phase: decisions.Plan, Outcome: "rejected"},
		{Extension: "a", Phase: decisions.Apply, Outcome: "changed"},
	} {
		r.Time = at.Add(time.Duration(i) * time.Minute)
		if err := l.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		f    decisions.Filter
		want string
	}{
		{decisions.Filter{Limit: 9}, "3 2 1 0"},
		{decisions.Filter{Limit: 2}, "3 2"},
		{decisions.Filter{Limit: 9, Extension: "a"}, "3 2 0"},
		{decisions.Filter{Limit: 9, Outcome: "rejected"}, "2 1 0"},
		{decisions.Filter{Limit: 9, Since: at.Add(time.Minute)}, "3 2 1"},
		{decisions.Filter{Limit: 9, Extension: "b", Since: at.Add(2 * time.Minute)}, ""},
	} {
		got, err := l.Read(tt.f)
		if err != nil {
			t.Fatal(err)
		}
		var minutes []string
		for _, r := range got {
			minutes = append(minutes, fmt.Sprint(int(r.Time.Sub(at).Minutes())))
		}
		if s := strings.Join(minutes, " "); s != tt.want {
			t.Errorf("%+v: %s, want %s", tt.f, s, tt.want)
		}
	}
	if diff := cmp.Diff(map[string]int{"accepted": 1, "rejected": 1, "changed": 1}, l.Counts()); diff != "" {
		t.Error(diff)
	}
	r, err := decisions.Verify(dir, "")
	if err != nil || !r.Whole() || r.Records != 4 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestFilter_RefusesASlip(t *testing.T) {
	for _, f := range []decisions.Filter{{Outcome: "denied"}, {Extension: "../x"}} {
		if f.Check() == nil {
			t.Errorf("%+v", f)
		}
	}
	for _, o := range decisions.Outcomes() {
		if err := (decisions.Filter{Outcome: o, Extension: "web"}).Check(); err != nil {
			t.Error(err)
		}
	}
}
