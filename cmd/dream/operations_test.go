package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// at is a time of a record.
func at(seconds float64) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// recorded are records as others leave them, the newest first.
var recorded = []operation.Operation{
	{
		ID: "01a1fab4-56e0-7c0d-8f98-1b46ab2dea7f", Kind: operation.Restart, Extension: "hello", Actor: "key:\x1b[2Jlaptop\nforged",
		State: operation.Interrupted, Started: at(7000), Stages: []operation.Stage{{Name: "stop", Started: at(7000)}},
	},
	{
		ID: "01a1fab4-0002-7c0d-8f98-1b46ab2dea7f", Kind: operation.Install, Extension: "hello", Actor: "cli:ada", Parent: "01a1fab4-0001-7c0d-8f98-1b46ab2dea7f",
		State: operation.Failed, Started: at(0), Ended: at(83.4), Stages: []operation.Stage{
			{Name: "check", Started: at(0), Ended: at(0.26)},
			{Name: "pull", Started: at(0.26), Ended: at(80), Bytes: 94_300_000, Total: 209_700_000, Percent: 45},
			{Name: "wait", Started: at(80), Ended: at(79)}, // the clock was put back
		},
		Error: &operation.Failure{Code: problem.StartFailed, Detail: "extension \"hello\": it ended\nwith code 3", Errors: []problem.Item{
			{Service: "hello", Message: "hello exited with code 3"},
		}, Log: "last\x1b[31m words\nof hello"},
	},
	{
		ID: "01a1fab4-0001-7c0d-8f98-1b46ab2dea7f", Kind: operation.Enable, Extension: "gone", Actor: "cli:ada",
		State: operation.Succeeded, Started: at(-1), Ended: at(99), Stages: []operation.Stage{},
		Result: &operation.Result{ID: "gone", Action: "enabled", Message: "Gone is enabled.", Warnings: []string{"slow disk"}},
	},
}

// record puts the operations where an installation keeps them.
func (d *desk) record(ops []operation.Operation) {
	d.t.Helper()
	for _, o := range ops {
		data, err := json.Marshal(o)
		if err != nil {
			d.t.Fatal(err)
		}
		write(d.t, filepath.Join(d.dir, "data/operations", o.ID+".json"), string(data))
	}
}

func TestOperations_ListsTheNewestFirst(t *testing.T) {
	d := newDesk(t, &fakeAgent{})
	if diff := cmp.Diff(terminal{Stdout: "There is no such operation.\n"}, d.run("operations")); diff != "" {
		t.Errorf("without any (-want +got):\n%s", diff)
	}
	d.record(recorded)
	const head, restart, install, enable = "ID             TIME                  WHAT      EXTENSION  STATE        TOOK      ACTOR\n",
		"01a1fab4-56e0  2026-03-01T13:56:40Z  restart   hello      interrupted  -         key:?[2Jlaptop?forged\n",
		"01a1fab4-0002  2026-03-01T12:00:00Z  install   hello      failed       1m23s     cli:ada\n",
		"01a1fab4-0001  2026-03-01T11:59:59Z  enable    gone       succeeded    1m40s     cli:ada\n"
	for _, tt := range []struct{ args, want string }{
		{"operations", head + restart + install + enable},
		{"operations -n 1", head + restart},
	} {
		if diff := cmp.Diff(terminal{Stdout: tt.want}, d.run(strings.Fields(tt.args)...)); diff != "" {
			t.Errorf("dream %s (-want +got):\n%s", tt.args, diff)
		}
	}
	for _, tt := range []struct{ args, want string }{
		{"operations --extension hello", "56e0 0002"},
		{"operations --state failed", "0002"},
		{"operations --state succeeded --extension hello", ""},
	} {
		var got []operation.Operation
		if err := json.Unmarshal([]byte(d.run(append(strings.Fields(tt.args), "--json")...).Stdout), &got); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, o := range got {
			ids = append(ids, o.ID[9:13])
		}
		if strings.Join(ids, " ") != tt.want {
			t.Errorf("dream %s: %v, want %s", tt.args, ids, tt.want)
		}
	}
	for _, wrong := range []string{"-n 0", "-n 1001", "--state done", "a b"} {
		if got := d.run(append([]string{"operations"}, strings.Fields(wrong)...)...); got.Code != exitUsage {
			t.Errorf("dream operations %s: %+v", wrong, got)
		}
	}
}

func TestOperations_ShowsHowOneWent(t *testing.T) {
	d := newDesk(t, &fakeAgent{})
	d.record(recorded)
	want := terminal{Stdout: `install of hello: failed
Operation  01a1fab4-0002-7c0d-8f98-1b46ab2dea7f
Part of    01a1fab4-0001-7c0d-8f98-1b46ab2dea7f
Asked by   cli:ada
Begun      2026-03-01T12:00:00Z
Took       1m23s

STAGE     TOOK      WHAT
check     300ms     -
pull      1m20s     45 %, 94.3MB of 209.7MB
wait      -         -

extension "hello": it ended
  with code 3 (start_failed)
  hello exited with code 3
  last words
  of hello
`}
	if diff := cmp.Diff(want, d.run("operations", "01a1fab4-0002")); diff != "" {
		t.Errorf("dream operations 01a1fab4-0002 (-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ name, want string }{
		{"hello", "(?s)^restart of hello: interrupted\n.*Asked by   key:\\?\\[2Jlaptop\\?forged\n.*STAGE     TOOK      WHAT\nstop      -         -\n$"}, // the last one
		{"gone", "(?s)\nGone is enabled.\n  warning: slow disk\n$"},                                                                                     // also of an extension that is
		{"01A1FAB4-0001", "(?m)^Operation  01a1fab4-0001-7c0d-8f98-1b46ab2dea7f$"},
	} {
		if got := d.run("operations", tt.name); got.Code != 0 || !regexp.MustCompile(tt.want).MatchString(got.Stdout) {
			t.Errorf("dream operations %s: %+v", tt.name, got)
		}
	}
	for name, want := range map[string]terminal{
		"01a1":    {1, "", "dream: 3 operations begin with \"01a1\": write more of the id\n"},
		"whisper": {1, "", "dream: no operation \"whisper\" is known: the last 1000 are kept, and `dream operations` lists them\n"},
	} {
		if diff := cmp.Diff(want, d.run("operations", name)); diff != "" {
			t.Errorf("dream operations %s (-want +got):\n%s", name, diff)
		}
	}
}

// Two that began within a millisecond need more digits.
func TestShortest_TellsThemApart(t *testing.T) {
	for _, tt := range []struct {
		ids  []string
		want int
	}{
		{nil, 13},
		{[]string{"01a1fab4-56e0-7c0d-8f98-1b46ab2dea7f"}, 13},
		{[]string{"01a1fab4-56e0-7c0d-8f98-1b46ab2dea7f", "01a1fab4-56e0-7c0a-8f98-1b46ab2dea7f"}, 18},
	} {
		var all []operation.Operation
		for _, id := range tt.ids {
			all = append(all, operation.Operation{ID: id})
		}
		if got := shortest(all); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.ids, got, tt.want)
		}
	}
}

// One call installs, another cancels: the first undoes it, and the second waits for that.
func TestOperations_CancelUndoesWhatAnotherProgramMakes(t *testing.T) {
	f := &fakeAgent{hangs: newHangs()}
	d := newDesk(t, f)
	installed := make(chan terminal)
	go func() { installed <- d.run("install", "hello") }()
	<-f.hangs.begun
	const says = "the install of hello was cancelled: nothing of it stays but images that were fetched whole\n"
	if diff := cmp.Diff(terminal{Stdout: says}, d.run("operations", "cancel", "hello")); diff != "" {
		t.Errorf("dream operations cancel (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(terminal{1, "", "hello: check\nhello: copy\nhello: undo\ndream: " + says}, <-installed); diff != "" {
		t.Errorf("dream install (-want +got):\n%s", diff)
	}
	if _, err := os.Lstat(filepath.Join(d.dir, "data/user-extensions/hello")); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
	want := terminal{1, "", " is cancelled: there is nothing to cancel\n"}
	got := d.run("operations", "cancel", "hello")
	got.Stderr = regexp.MustCompile(`^dream: operation [0-9a-f-]{36}`).ReplaceAllString(got.Stderr, "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
}

func TestOperations_SayWhichWordIsMissingOrTooMuch(t *testing.T) {
	d := newDesk(t, &fakeAgent{})
	for call, want := range map[string]string{
		"operations cancel":     "name an operation, as `dream operations` lists them, or an extension: dream operations cancel ID [flags]",
		"operations cancel a b": `"b" is too much: dream operations cancel ID [flags]`,
		"operations a b":        `"b" is too much: dream operations [ID] [flags]`,
	} {
		if diff := cmp.Diff(terminal{2, "", "dream: " + want + "\nRun `dream --help` for what there is.\n"}, d.run(strings.Fields(call)...)); diff != "" {
			t.Errorf("dream %s (-want +got):\n%s", call, diff)
		}
	}
}

func TestOperations_AreOfferedToTheShell(t *testing.T) {
	d := newDesk(t, &fakeAgent{})
	d.record(recorded)
	got := d.run("__complete", "operations", "")
	if !strings.Contains(got.Stdout, "01a1fab4-0002-7c0d-8f98-1b46ab2dea7f\tinstall of hello: failed\n") {
		t.Errorf("an id is not offered: %+v", got)
	}
	if got := d.run("__complete", "operations", "cancel", ""); strings.Contains(got.Stdout, "01a1") {
		t.Errorf("what has ended is offered to cancel: %+v", got)
	}
	if got := d.run("__complete", "operations", "--state", ""); !strings.HasPrefix(got.Stdout, "running\nwaiting\n") {
		t.Errorf("states: %+v", got)
	}
}

// The API's container can write any record.
func TestCancelledText_OfARecordThatIsNotOurs(t *testing.T) {
	o := operation.Operation{Kind: operation.Install, Extension: "hel\x1blo", State: operation.Cancelled}
	if got := cancelledText(o); got != "install of hel?lo: cancelled" {
		t.Errorf("got %q", got)
	}
}
