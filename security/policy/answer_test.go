package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamserver/internal/problem"
)

// answers is a plugin that always says this.
func answers(r Response) loaded {
	return loaded{Plugin: fake{name: "a", apply: func(Request) (Response, error) { return r, nil }}}
}

// A number that the model cannot hold would be another one there, or an error that nobody's name is in.
func TestEngine_NumbersThatAreTooLarge(t *testing.T) {
	for _, n := range []json.Number{"1e400", "99999999999999999999", "-1e19", "9223372036854775808"} {
		p := edit("a", OnService, func(s Spec) { s["services"].(map[string]any)["notes"].(map[string]any)["pids_limit"] = n })
		_, err := engineOf(p).Evaluate(t.Context(), subject(t))
		if !problem.HasCode(err, problem.PolicyUnavailable) || !strings.Contains(err.Error(), "policy a cannot decide (on_service_apply): its answer cannot be used: services.notes.pids_limit is "+n.String()) {
			t.Errorf("%s: %v", n, err)
		}
	}
	p := edit("a", OnService, func(s Spec) {
		s["services"].(map[string]any)["notes"].(map[string]any)["pids_limit"] = json.Number("9007199254740993")
	})
	if _, err := engineOf(p).Evaluate(t.Context(), subject(t)); err != nil {
		t.Error(err)
	}
}

// What a plugin says is told in part when it is much, and a secret at the cut is hidden before.
func TestEngine_BoundsWhatIsTold(t *testing.T) {
	s := subject(t)
	s.Secrets = map[string]string{"TOKEN": "hunter2hunter2"}
	warnings := make([]string, 60_000)
	for i := range warnings {
		warnings[i] = fmt.Sprint(i)
	}
	warnings[3] = strings.Repeat("x", maxWarning-4) + "hunter2hunter2" + strings.Repeat("x", 1000)
	r, err := engineOf(answers(Response{Warnings: warnings})).Evaluate(t.Context(), s)
	if err != nil || len(r.Warnings) != maxWarnings+1 || r.Warnings[maxWarnings] != "a: … and 59980 more warnings" || len(r.Decisions[0].Warnings) != maxWarnings+1 {
		t.Errorf("%d warnings, the last %q, %v", len(r.Warnings), r.Warnings[len(r.Warnings)-1], err)
	}
	if w := r.Warnings[3]; len(w) > maxWarning+50 || strings.Contains(w, "hunt") || !strings.Contains(w, " bytes more") {
		t.Errorf("a long one: %q", w)
	}
	long := strings.Repeat("y", 3<<20)
	_, refused := engineOf(answers(Response{Error: long})).Evaluate(t.Context(), s)
	_, failed := engineOf(fails("a", long)).Evaluate(t.Context(), s)
	for code, err := range map[problem.Code]error{problem.PolicyDenied: refused, problem.PolicyUnavailable: failed} {
		if !problem.HasCode(err, code) || len(err.Error()) > 2*maxReason || !strings.Contains(err.Error(), "… and 3143728 bytes more") {
			t.Errorf("%s: %d bytes: %.100v", code, len(err.Error()), err)
		}
	}
}

// A key with null is a key: who puts a service into another network writes no more than that.
func TestDiff_SeesNull(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{`{}`, `{"other":null}`, `[{"path":"x.other","before":null,"after":null,"plugin":""}]`},
		{`{"other":null}`, `{}`, `[{"path":"x.other","before":null,"after":null,"plugin":""}]`},
		{`{"other":null}`, `{"other":null}`, `null`},
		{`{"a":null}`, `{"b":null}`, `[{"path":"x.a","before":null,"after":null,"plugin":""},{"path":"x.b","before":null,"after":null,"plugin":""}]`},
		{`{"n":9007199254740993}`, `{"n":9007199254740992}`, `[{"path":"x.n","before":9007199254740993,"after":9007199254740992,"plugin":""}]`},
		{`{"n":[1,1.50,100,-0.0,1e3]}`, `{"n":[1.0,1.5,1E+2,0,1000]}`, `null`},
		{`{"n":1e999999999}`, `{"n":1e999999998}`, `[{"path":"x.n","before":1e999999999,"after":1e999999998,"plugin":""}]`},
		{`{"n":-1}`, `{"n":1}`, `[{"path":"x.n","before":-1,"after":1,"plugin":""}]`},
	} {
		a, errA := Plain[any](json.RawMessage(tt.a))
		b, errB := Plain[any](json.RawMessage(tt.b))
		got, err := json.Marshal(Diff("x", a, b))
		if string(got) != tt.want || errA != nil || errB != nil || err != nil {
			t.Errorf("%s to %s: %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
	p := edit("a", OnService, func(s Spec) {
		s["services"].(map[string]any)["notes"].(map[string]any)["networks"] = map[string]any{"other": nil}
	})
	s := subject(t)
	s.Model["services"].(map[string]any)["notes"].(map[string]any)["networks"] = map[string]any{}
	r, err := engineOf(p).Evaluate(t.Context(), s)
	if err != nil || len(r.Changes) != 1 || r.Changes[0].Path != "services.notes.networks.other" || fmt.Sprintf("%s", r.Changes[0].After) != "null" {
		t.Errorf("a second network: %v, %v", r.Changes, err)
	}
}

// Who is refused although there was an exception is told that it has ended.
func TestEngine_NamesTheExceptionThatEnded(t *testing.T) {
	e := engineOf(rejects())
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	e.now = func() time.Time { return day(20) }
	e.exceptions = []Exception{{"strict", "notes", "a test", day(12), 7}, {"strict", "notes", "a test", day(3), 9}, {"strict", "board", "a test", day(15), 11}}
	_, err := e.Evaluate(t.Context(), subject(t))
	if !problem.HasCode(err, problem.PolicyDenied) || !strings.HasSuffix(err.Error(), "not here (the exception in line 7 of config/server/config.yml ended on 2026-01-12)") {
		t.Errorf("got %v", err)
	}
}
