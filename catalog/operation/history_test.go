package operation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// book is a history on a folder, and what it has told.
type book struct {
	*operation.History
	store *operation.Store
	dir   string
	told  []string // "state stage", milestones with a !
}

func open(t *testing.T, dir string) *book {
	t.Helper()
	b := &book{dir: dir, store: operation.NewStore(dir, func(*os.File) error { return nil })}
	b.History = operation.NewHistory(b.store, func(o operation.Operation, milestone bool) {
		line := string(o.State)
		if n := len(o.Stages); n > 0 {
			line += " " + o.Stages[n-1].Name
		}
		if milestone {
			line += "!"
		}
		b.told = append(b.told, line)
	})
	return b
}

func (b *book) begin(t *testing.T, o operation.Options) *operation.Active {
	t.Helper()
	if o.ID == "" {
		o.ID = operation.NewID()
	}
	if o.Cancel == nil {
		o.Cancel = func() {}
	}
	a, err := b.Begin(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *book) refresh(t *testing.T) {
	t.Helper()
	if err := b.Refresh(); err != nil {
		t.Fatal(err)
	}
}

func states(ops []operation.Operation) string {
	words := make([]string, len(ops))
	for i, o := range ops {
		words[i] = string(o.Kind) + " " + string(o.State)
	}
	return strings.Join(words, ", ")
}

func TestHistory_TellsAndKeepsAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, t.TempDir())
		a := b.begin(t, operation.Options{Kind: operation.Install, Extension: "notes", Actor: "cli:alice"})
		a.Take(operation.Progress{Stage: "check"})
		time.Sleep(time.Second)
		a.Take(operation.Progress{Stage: "pull"})
		layer := func(current int64) operation.Progress {
			return operation.Progress{Stage: "pull", Event: &compose.Event{ID: "a", Parent: "Image example/notes:1", Text: "Downloading", Current: current, Total: 1000}}
		}
		for i := range int64(100) { // one a millisecond: the last is told when they are over
			a.Take(layer(i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		a.Take(layer(500))
		want := []string{"running!", "running check!", "running pull!", "running pull", "running pull"}
		if diff := cmp.Diff(want, b.told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		other := open(t, b.dir) // another program sees it, with the numbers of the last second
		other.refresh(t)
		seen, err := other.Get(a.ID())
		if err != nil || seen.State != operation.Running || seen.Stages[1].Bytes != 500 || seen.Stages[1].Percent != 50 {
			t.Errorf("another program sees %+v, %v", seen, err)
		}
		if err := a.End(operation.Succeeded, &operation.Result{ID: "notes", Action: "installed"}, nil, func() {}); err != nil {
			t.Error(err)
		}
		other.refresh(t)
		ended, err := other.Get(a.ID())
		mine, _ := b.Get(a.ID())
		if diff := cmp.Diff(mine, ended); diff != "" || err != nil {
			t.Errorf("on disk is not what is in memory (-memory +disk):\n%s%v", diff, err)
		}
		if got := ended.Stages[0].Ended.Sub(ended.Stages[0].Started); got != time.Second {
			t.Errorf("the check took %s, want 1s", got)
		}
		before := len(b.told)
		b.refresh(t)
		if len(b.told) != before {
			t.Errorf("our own record is told again: %v", b.told[before:])
		}
	})
}

func TestHistory_OutcomeIsWhatItCameTo(t *testing.T) {
	b := open(t, t.TempDir())
	refusal := problem.Newf(problem.PortTaken, "port 80 is taken").With(problem.Item{Message: "by nginx"})
	a := b.begin(t, operation.Options{Kind: operation.Start, Extension: "notes"})
	got := make(chan error, 1)
	go func() {
		_, err := b.Outcome(context.Background(), a.ID())
		got <- err
	}()
	if err := a.End(operation.Failed, nil, refusal, func() {}); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !problem.HasCode(err, problem.PortTaken) {
		t.Errorf("outcome %v, want %v", err, refusal)
	}
	again := open(t, b.dir) // after a restart
	again.refresh(t)
	_, err := again.Outcome(t.Context(), a.ID())
	if e := problem.As(err); e.Code != problem.PortTaken || e.Detail != "port 80 is taken" || len(e.Items) != 1 {
		t.Errorf("after a restart: %v, want the same refusal", err)
	}
	if _, err := b.Outcome(t.Context(), operation.NewID()); !problem.HasCode(err, problem.NotFound) {
		t.Errorf("outcome of nothing: %v", err)
	}
	held := b.begin(t, operation.Options{Kind: operation.Start, Extension: "notes"})
	defer func() { _ = held.End(operation.Failed, nil, refusal, func() {}) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Outcome(ctx, held.ID()); !errors.Is(err, context.Canceled) {
		t.Errorf("who stops waiting gets %v", err)
	}
}

// A record that says running and that nobody holds is of a program that has died.
func TestHistory_SeesThatAProgramHasDied(t *testing.T) {
	b := open(t, t.TempDir())
	a := b.begin(t, operation.Options{Kind: operation.Enable, Extension: "notes"})
	other := open(t, b.dir)
	other.refresh(t)
	if got := states(other.List(operation.Filter{})); got != "enable running" {
		t.Fatalf("while it runs: %s", got)
	}
	a.Die()
	other.refresh(t)
	if got := states(other.List(operation.Filter{State: operation.Interrupted})); got != "enable interrupted" {
		t.Errorf("when its program is gone: %q", got)
	}
	if _, err := other.Outcome(t.Context(), a.ID()); !problem.HasCode(err, problem.OutcomeUnknown) {
		t.Errorf("outcome %v, want outcome_unknown", err)
	}
	if _, _, err := other.Cancel(a.ID(), "key:me"); !problem.HasCode(err, problem.Conflict) {
		t.Errorf("cancel: %v, want conflict", err)
	}
	if err := other.store.Finish(a.ID(), operation.Succeeded, &operation.Result{ID: "notes", Action: "enabled"}, nil); err != nil {
		t.Fatal(err)
	}
	other.refresh(t)
	if r, err := other.Outcome(t.Context(), a.ID()); err != nil || r.Action != "enabled" {
		t.Errorf("when it was finished: %+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"running!", "interrupted!", "succeeded!"}, other.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestStore_FinishesOnlyWhatIsUnfinished(t *testing.T) {
	b := open(t, t.TempDir())
	running := b.begin(t, operation.Options{Kind: operation.Enable, Extension: "a"})
	ended := b.begin(t, operation.Options{Kind: operation.Enable, Extension: "b"})
	if err := ended.End(operation.Cancelled, nil, problem.Newf(problem.Cancelled, "so be it"), func() {}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*operation.Active{running, ended} {
		if err := b.store.Finish(a.ID(), operation.Succeeded, nil, nil); err != nil {
			t.Error(err)
		}
	}
	b.refresh(t)
	if got := states(b.List(operation.Filter{})); got != "enable cancelled, enable running" {
		t.Errorf("got %s", got)
	}
	_ = running.End(operation.Failed, nil, nil, func() {})
	for _, id := range []string{"", "../../etc/passwd", "nonsense", operation.NewID()} {
		if err := b.store.Finish(id, operation.Succeeded, nil, nil); err == nil {
			t.Errorf("%q was finished", id)
		}
	}
}

func TestHistory_CancelsWhatTurnsOn(t *testing.T) {
	b := open(t, t.TempDir())
	cancelled := 0
	on := b.begin(t, operation.Options{Kind: operation.Install, Extension: "notes", Cancel: func() { cancelled++ }})
	off := b.begin(t, operation.Options{Kind: operation.Disable, Extension: "board"})
	if o, elsewhere, err := b.Cancel(on.ID(), "key:me"); err != nil || elsewhere || o.Extension != "notes" || cancelled != 1 {
		t.Errorf("cancel: %+v, elsewhere %t, %v, %d times", o, elsewhere, err, cancelled)
	}
	if _, _, err := b.Cancel(off.ID(), "key:me"); !problem.HasCode(err, problem.Conflict) {
		t.Errorf("cancel of a disable: %v", err)
	}
	other := open(t, b.dir)
	other.refresh(t)
	if on.CancelAsked() {
		t.Error("nobody has left word yet")
	}
	if _, elsewhere, err := other.Cancel(on.ID(), "key:me"); err != nil || !elsewhere || !on.CancelAsked() || off.CancelAsked() {
		t.Errorf("cancel by another program: elsewhere %t, %v, asked %t", elsewhere, err, on.CancelAsked())
	}
	_ = on.End(operation.Cancelled, nil, problem.Newf(problem.Cancelled, "so be it"), func() {})
	if left, _ := filepath.Glob(filepath.Join(b.dir, "*.cancel")); len(left) > 0 {
		t.Errorf("the word stays: %v", left)
	}
	if _, _, err := b.Cancel(on.ID(), "key:me"); !problem.HasCode(err, problem.Conflict) {
		t.Errorf("cancel of what has ended: %v", err)
	}
	_ = off.End(operation.Succeeded, nil, nil, func() {})
}

func TestHistory_KnowsARetry(t *testing.T) {
	b := open(t, t.TempDir())
	a := b.begin(t, operation.Options{Kind: operation.Install, Extension: "notes", Key: "k1", Request: "r1"})
	_ = a.End(operation.Succeeded, &operation.Result{}, nil, func() {})
	for _, h := range []*book{b, open(t, b.dir)} {
		h.refresh(t)
		if id, err := h.Retried("k1", "r1"); id != a.ID() || err != nil {
			t.Errorf("a retry is %q, %v", id, err)
		}
		if _, err := h.Retried("k1", "r2"); !problem.HasCode(err, problem.InvalidParameter) {
			t.Errorf("the key for another request: %v", err)
		}
		for _, key := range []string{"", "k2"} {
			if id, err := h.Retried(key, "r1"); id != "" || err != nil {
				t.Errorf("key %q is %q, %v", key, id, err)
			}
		}
	}
}

// What the API's container can write is looked at, bounded, and never followed.
func TestHistory_ReadsNoStrangersFiles(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	secret := filepath.Join(t.TempDir(), "secret")
	id := func(n int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", n) }
	must(t, os.WriteFile(secret, []byte(`{"id":"`+id(1)+`"}`), 0o600))
	must(t, os.Symlink(secret, filepath.Join(dir, id(1)+".json")))
	must(t, os.Mkdir(filepath.Join(dir, id(2)+".json"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, id(3)+".json"), []byte("nonsense"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, id(4)+".json"), []byte(`{"id":"`+id(9)+`","state":"running"}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, id(5)+".json"), []byte(`{"id":"`+id(5)+`","pad":"`+strings.Repeat("x", 300<<10)+`"}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "notes.json"), []byte(`{}`), 0o600))
	b.refresh(t)
	if got := b.List(operation.Filter{}); len(got) != 0 {
		t.Errorf("read %s", states(got))
	}
	if _, err := b.store.Get(id(1)); err == nil {
		t.Error("a link was followed")
	}
}

func TestStore_KeepsTheLastThousand(t *testing.T) {
	dir := t.TempDir()
	for n := range operation.Kept + 5 {
		o := operation.Operation{ID: fmt.Sprintf("00000000-0000-7000-8000-%012d", n), Kind: operation.Start, State: operation.Succeeded, Stages: []operation.Stage{}}
		data, err := json.Marshal(o)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, o.ID+".json"), data, 0o600))
	}
	b := open(t, dir)
	a := b.begin(t, operation.Options{Kind: operation.Install, Extension: "notes"})
	_ = a.End(operation.Succeeded, &operation.Result{}, nil, func() {})
	b.refresh(t)
	all := b.List(operation.Filter{})
	if len(all) != operation.Kept || all[0].Kind != operation.Install || all[len(all)-1].ID != "00000000-0000-7000-8000-000000000006" {
		t.Errorf("%d are listed, from %s to %s", len(all), all[0].ID, all[len(all)-1].ID)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) > operation.Kept+1 {
		t.Errorf("%d records are on disk", len(files))
	}
	if got := b.List(operation.Filter{Extension: "notes"}); len(got) != 1 {
		t.Errorf("of notes: %s", states(got))
	}
	if got := b.List(operation.Filter{Limit: 3}); len(got) != 3 {
		t.Errorf("a limit of 3 gives %d", len(got))
	}
}

// Turning off goes on when the record cannot be written; turning on does not.
func TestHistory_WithoutADisk(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "missing"))
	if _, err := b.Begin(operation.Options{ID: operation.NewID(), Kind: operation.Install}); err == nil {
		t.Error("an install began without a record")
	}
	a := b.begin(t, operation.Options{Kind: operation.Stop, WithoutRecord: true})
	if err := a.End(operation.Succeeded, nil, nil, func() {}); err == nil {
		t.Error("the end is on no disk, and nobody says so")
	}
	if o, err := b.Get(a.ID()); err != nil || o.State != operation.Succeeded {
		t.Errorf("in memory: %+v, %v", o, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Who has opened a version when the next one takes its place finds it without a lock, and nobody has died.
func TestRecord_IsReadAgainWhenItWasReplaced(t *testing.T) {
	b := open(t, t.TempDir())
	a := b.begin(t, operation.Options{Kind: operation.Enable, Extension: "notes"})
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	before, err := root.Open(a.ID() + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	a.Take(operation.Progress{Stage: "check"})
	if o, replaced, err := operation.ReadFrom(root, before, a.ID()); !replaced || o.State != operation.Running || err != nil {
		t.Errorf("the version before: %s, replaced %t, %v", o.State, replaced, err)
	}
	if o, err := b.store.Get(a.ID()); o.State != operation.Running || err != nil {
		t.Errorf("the record: %s, %v", o.State, err)
	}
	a.Die()
	if o, err := b.store.Get(a.ID()); o.State != operation.Interrupted || err != nil {
		t.Errorf("when its program is gone: %s, %v", o.State, err)
	}
}
