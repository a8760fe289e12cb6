package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"dreamserver/catalog"
	"dreamserver/catalog/operation"
	"dreamserver/compose"
	"dreamserver/internal/problem"
)

// operations are the records, newest first: "install notes succeeded check,copy".
func (in *installation) operations() []string {
	in.t.Helper()
	all, err := in.Operations(operation.Filter{})
	in.must(err)
	lines := make([]string, len(all))
	for i, o := range all {
		var stages []string
		for _, s := range o.Stages {
			stages = append(stages, s.Name)
		}
		lines[i] = strings.TrimSpace(string(o.Kind) + " " + o.Extension + " " + string(o.State) + " " + strings.Join(stages, ","))
	}
	return lines
}

func TestOperations_OfEachChange(t *testing.T) {
	agentStages := func(on func(operation.Progress)) {
		on(operation.Progress{Stage: "pull", Event: &compose.Event{ID: "a", Parent: "Image example/notes:1", Text: "Downloading", Current: 1, Total: 4}})
		on(operation.Progress{Stage: "create"})
		on(operation.Progress{Stage: "wait"})
	}
	tests := []struct {
		name, files, do string
		agent           fakeAgent
		away            error
		want            string
	}{
		{name: "install", files: library("notes"), do: "install notes", want: "install notes succeeded check,copy,pull,create,wait"},
		{name: "enable", files: disabled("notes"), do: "enable notes", want: "enable notes succeeded check,enable,pull,create,wait"},
		{name: "disable", files: enabled("notes"), do: "disable notes", want: "disable notes succeeded stop,disable"},
		{name: "uninstall", files: disabled("notes"), do: "uninstall notes", want: "uninstall notes succeeded remove"},
		{name: "start", files: enabled("notes"), do: "start notes", want: "start notes succeeded pull,create,wait"},
		{name: "stop", files: enabled("notes"), do: "stop notes", want: "stop notes succeeded stop"},
		{name: "restart", files: enabled("notes"), do: "restart notes", want: "restart notes succeeded pull,create,wait"},
		{name: "install while the agent is away", files: library("notes"), do: "install notes", away: errAway, want: "install notes waiting check,copy"},
		{name: "disable while the agent is away", files: enabled("notes"), do: "disable notes", away: errAway, want: "disable notes waiting stop,disable"},
		{name: "what nobody knows", files: library("notes"), do: "install notes", agent: startFails(problem.OutcomeUnknown), want: "install notes interrupted check,copy,pull,create,wait"},
		{name: "what the scan refuses", files: library("notes"), do: "install notes", agent: checkFails(problem.ScanRefused), want: "install notes failed check"},
		{name: "what does not start", files: library("notes"), do: "install notes", agent: startFails(problem.StartFailed), want: "install notes failed check,copy,pull,create,wait,undo"},
		{name: "what cannot be stopped", files: enabled("notes"), do: "stop notes", agent: stopFails(problem.StopFailed), want: "stop notes failed stop"},
		{name: "what is refused at once", files: enabled("notes"), do: "install notes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInstallation(t, tt.files)
			*in.agent = tt.agent
			if tt.away != nil {
				in.agent.goAway(tt.away)
			} else {
				in.agent.progress = agentStages
			}
			_, err := in.do(tt.do)
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			wantEqual(t, "operations", want, append([]string(nil), in.operations()...))
			for _, o := range in.records() {
				if (o.Error != nil) != (err != nil) || err != nil && o.Error.Detail != problem.As(err).Detail {
					t.Errorf("its record says %+v, the change %v", o.Error, err)
				}
				if o.Actor != "test" || o.Started.IsZero() || o.State.Ended() == o.Ended.IsZero() {
					t.Errorf("its record is %+v", o)
				}
			}
		})
	}
}

func (in *installation) records() []operation.Operation {
	in.t.Helper()
	all, err := in.Operations(operation.Filter{})
	in.must(err)
	return all
}

func TestOperations_OfDependenciesHaveAParent(t *testing.T) {
	in := newInstallation(t, disabled("app", "depends_on: [db]"), library("db"))
	in.mustDo("enable --with-dependencies app")
	wantEqual(t, "operations", []string{"install db succeeded check,copy", "enable app succeeded dependencies,check,enable"}, in.operations())
	all := in.records()
	if all[0].Parent != all[1].ID || all[1].Parent != "" {
		t.Errorf("parents %q and %q, want %q and none", all[0].Parent, all[1].Parent, all[1].ID)
	}
}

func TestOperations_OfAConfigurationNameNoValue(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	_, err := in.Configure(t.Context(), "notes", catalog.ConfigChange{Values: map[string]string{"NOTES_KEY": "hunter2"}}, false)
	in.must(err)
	wantEqual(t, "operations", []string{"configure notes succeeded configure"}, in.operations())
	data, err := json.Marshal(in.records())
	in.must(err)
	if text := string(data); strings.Contains(text, "hunter2") || !strings.Contains(text, "NOTES_KEY") {
		t.Errorf("the record is %s", text)
	}
}

// starting makes the agent's starts wait until the test lets them go, or something is stopped.
type starting struct {
	begun, goOn, stopped chan struct{}
	once                 sync.Once
}

func (in *installation) holdStarts() *starting {
	s := &starting{begun: make(chan struct{}, 1), goOn: make(chan struct{}), stopped: make(chan struct{})}
	in.agent.start = func(id string) (catalog.Report, error) {
		s.begun <- struct{}{}
		select {
		case <-s.goOn:
			return catalog.Report{ID: id}, nil
		case <-s.stopped:
			return catalog.Report{}, problem.Newf(problem.StartFailed, "ended, because it was told to stop")
		}
	}
	in.agent.stop = func(string) error { s.once.Do(func() { close(s.stopped) }); return nil }
	return s
}

func TestSubmit_GoesOnInTheBackground(t *testing.T) {
	in := newInstallation(t, library("notes"))
	held := in.holdStarts()
	ctx, leave := context.WithCancel(catalog.WithActor(t.Context(), "key:backup"))
	o, err := in.Submit(ctx, catalog.Order{Kind: operation.Install, ID: "notes"}, "")
	in.must(err)
	<-held.begun
	leave()
	if o.State != operation.Running || o.Actor != "key:backup" || !o.Cancellable() {
		t.Errorf("submitted: %+v", o)
	}
	_, err = in.do("start notes")
	if !problem.HasCode(err, problem.Busy) || !strings.Contains(err.Error(), o.ID) {
		t.Errorf("a second change: %v, want busy with %s", err, o.ID)
	}
	close(held.goOn)
	r, err := in.Outcome(t.Context(), o.ID)
	if err != nil || r.Action != "installed" {
		t.Errorf("outcome %+v, %v", r, err)
	}
	in.must(in.Wait(t.Context()))
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
}

// Whoever waits for the end of a change finds it in the snapshot, however long the agent takes to tell of the containers.
func TestSubmit_IsInTheSnapshotAtItsEnd(t *testing.T) {
	in := newInstallation(t, library("notes"))
	var started atomic.Bool
	in.agent.start = func(id string) (catalog.Report, error) {
		started.Store(true)
		return catalog.Report{ID: id}, nil
	}
	ended := make(chan struct{})
	in.agent.containers = func() (catalog.State, error) {
		if !started.Load() {
			return catalog.State{}, nil
		}
		select {
		case <-ended:
			t.Error("the agent is asked after the end was told")
		default:
		}
		return catalog.State{Containers: []compose.Container{{Service: "notes", State: "running"}}}, nil
	}
	in.Observe(func(o operation.Operation) {
		if o.State != operation.Running {
			close(ended)
		}
	})
	o, err := in.Submit(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes"}, "")
	in.must(err)
	_, err = in.Outcome(t.Context(), o.ID)
	in.must(err)
	if e, _ := in.Snapshot().Find("notes"); e.Status != catalog.Enabled || e.Runtime.State != "running" {
		t.Errorf("it is %s, and its containers are %s", e.Status, e.Runtime.State)
	}
	in.must(in.Wait(t.Context()))
}

func TestSubmit_RefusesAtOnce(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	for _, o := range []catalog.Order{
		{Kind: operation.Install, ID: "notes"}, {Kind: operation.Enable, ID: "nobody"}, {Kind: operation.Start, ID: "../etc"}, {Kind: "explode", ID: "notes"},
	} {
		if op, err := in.Submit(t.Context(), o, "key"); err == nil {
			t.Errorf("%+v is operation %+v", o, op)
		}
	}
	in.must(in.Wait(t.Context()))
	wantEqual(t, "operations", []string{}, in.operations())
}

func TestSubmit_ARetryIsTheSameOperation(t *testing.T) {
	in := newInstallation(t, library("notes"), library("board"))
	install := func(ctx context.Context, id, key string) (string, error) {
		o, err := in.Submit(ctx, catalog.Order{Kind: operation.Install, ID: id}, key)
		return o.ID, err
	}
	var ids [2]string
	var both sync.WaitGroup
	for i := range ids {
		both.Go(func() { ids[i], _ = install(t.Context(), "notes", "abc") })
	}
	both.Wait()
	if ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("two requests with one key are %v", ids)
	}
	_, err := in.Outcome(t.Context(), ids[0])
	in.must(err)
	if again, err := install(t.Context(), "notes", "abc"); again != ids[0] || err != nil {
		t.Errorf("a later retry is %s, %v, want %s", again, err, ids[0])
	}
	if _, err := install(t.Context(), "board", "abc"); !problem.HasCode(err, problem.InvalidParameter) {
		t.Errorf("the key for another request: %v", err)
	}
	other := catalog.WithActor(t.Context(), "key:other")
	if _, err := install(other, "notes", "abc"); !problem.HasCode(err, problem.AlreadyInstalled) {
		t.Errorf("the key of somebody else: %v, want already_installed", err)
	}
	in.must(in.Wait(t.Context()))
	wantEqual(t, "operations", []string{"install notes succeeded check,copy"}, in.operations())
}

// A change that waits for the agent, and whose place another takes, has an end.
func TestOperations_WhosePlaceAnotherTakes(t *testing.T) {
	tests := []struct {
		then        string
		want        []string
		says        string
		unavailable bool
	}{
		{then: "start notes", want: []string{"start notes succeeded", "install notes succeeded check,copy"}, says: "The notes is installed: a start has finished the install, operation "},
		{then: "stop notes", want: []string{"stop notes succeeded stop", "install notes failed check,copy"}, says: "the install of notes was not finished: a stop took its place, operation "},
		{then: "disable notes", want: []string{"disable notes succeeded stop,disable", "install notes failed check,copy"}, says: "the install of notes was not finished: a disable took its place, operation "},
		{then: "start notes", want: []string{"start notes failed", "install notes waiting check,copy"}, says: "The notes is installed, but not started", unavailable: true},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.want, ", "), func(t *testing.T) {
			in := newInstallation(t, library("notes"))
			in.agent.goAway(errAway)
			_, err := in.do("install notes")
			in.must(err)
			if !tt.unavailable {
				*in.agent = fakeAgent{}
			}
			_, err = in.do(tt.then)
			if tt.unavailable != (err != nil) {
				t.Errorf("%s: %v", tt.then, err)
			}
			wantEqual(t, "operations", tt.want, in.operations())
			first := in.records()[1]
			said := first.Error.Err()
			if said == nil {
				said = errors.New(first.Result.Message)
			}
			if !strings.HasPrefix(said.Error(), tt.says) {
				t.Errorf("the install says %q, want %q", said, tt.says)
			}
		})
	}
}

func TestCancel_UndoesWhatTurnsOn(t *testing.T) {
	tests := []struct {
		name, files string
		kind        operation.Kind
		want        string // compose file of notes
		message     string
	}{
		{"install", library("notes"), operation.Install, "", "the install of notes was cancelled: nothing of it stays but images that were fetched whole"},
		{"enable", disabled("notes"), operation.Enable, "compose.yaml.disabled", "the enable of notes was cancelled: it is disabled, as before"},
		{"start", enabled("notes"), operation.Start, "compose.yaml", "the start of notes was cancelled: it is stopped, and stays enabled"},
		{"restart", enabled("notes"), operation.Restart, "compose.yaml", "the restart of notes was cancelled: it is stopped, and stays enabled"},
	}
	for _, tt := range tests {
		for _, by := range []string{"this program", "another program", "a signal"} {
			t.Run(tt.name+" by "+by, func(t *testing.T) {
				in := newInstallation(t, tt.files)
				held := in.holdStarts()
				if by == "another program" { // it finds the word first, and undoes all before the agent is asked
					stop := in.agent.stop
					in.agent.stop = func(id string) error {
						_ = stop(id)
						return problem.Newf(problem.NotFound, "extension %q is not installed", id)
					}
				}
				removed := 0
				in.agent.remove = func(string) error { removed++; return nil }
				ctx, signal := context.WithCancel(t.Context())
				outcome := make(chan error, 1)
				go func() {
					_, err := in.Do(ctx, catalog.Order{Kind: tt.kind, ID: "notes"})
					outcome <- err
				}()
				<-held.begun
				id := in.records()[0].ID
				switch by {
				case "this program":
					_, err := in.Cancel(t.Context(), id)
					in.must(err)
				case "another program":
					_, err := in.manager("other").Cancel(t.Context(), id)
					in.must(err)
				default:
					signal()
				}
				err := <-outcome
				signal()
				if !problem.HasCode(err, problem.Cancelled) || err.Error() != tt.message {
					t.Errorf("got %v, want %s", err, tt.message)
				}
				o, err := in.Operation(id)
				if err != nil || o.State != operation.Cancelled {
					t.Errorf("its record: %+v, %v", o, err)
				}
				if want := map[string]string{"this program": "test", "another program": "other"}[by]; o.Cancelled != want {
					t.Errorf("cancelled by %q, want %q", o.Cancelled, want)
				}
				wantEqual(t, "user-extensions", notesWith(tt.want), in.userExtensions())
				wantEqual(t, "unfinished", map[string]string{}, in.pending())
				if undone := tt.kind == operation.Install || tt.kind == operation.Enable; undone != (removed == 1) {
					t.Errorf("containers were removed %d times", removed)
				}
			})
		}
	}
}

// A cancel that comes when everything is done still undoes it.
func TestCancel_AtTheLastMoment(t *testing.T) {
	in := newInstallation(t, library("notes"))
	in.agent.start = func(id string) (catalog.Report, error) {
		_, err := in.Cancel(t.Context(), in.records()[0].ID)
		return catalog.Report{ID: id}, err
	}
	_, err := in.do("install notes")
	if !problem.HasCode(err, problem.Cancelled) {
		t.Errorf("got %v, want cancelled", err)
	}
	wantEqual(t, "user-extensions", "", in.userExtensions())
}

// A stop that reaches the agent before the start does ends nothing: the start is told again.
func TestCancel_JustBeforeTheStart(t *testing.T) {
	for _, by := range []string{"this program", "another program"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInstallation(t, library("notes"))
				held := in.holdStarts()
				end := in.agent.stop
				var told atomic.Bool
				in.agent.stop = func(id string) error {
					if !told.Swap(true) {
						return nil
					}
					return end(id)
				}
				o, err := in.Submit(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes"}, "")
				in.must(err)
				<-held.begun
				who := in.Manager
				if by == "another program" {
					who = in.manager("other")
				}
				_, err = who.Cancel(t.Context(), o.ID)
				in.must(err)
				if _, err := in.Outcome(t.Context(), o.ID); !problem.HasCode(err, problem.Cancelled) {
					t.Errorf("got %v, want cancelled", err)
				}
				in.must(in.Wait(t.Context()))
				wantEqual(t, "user-extensions", "", in.userExtensions())
			})
		})
	}
}

// What cannot be undone now is left to the agent, and not called cancelled.
func TestCancel_WhileTheAgentGoesAway(t *testing.T) {
	in := newInstallation(t, library("notes"))
	held := in.holdStarts()
	in.agent.remove = func(string) error { return errAway }
	o, err := in.Submit(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes"}, "")
	in.must(err)
	<-held.begun
	_, err = in.Cancel(t.Context(), o.ID)
	in.must(err)
	if _, err := in.Outcome(t.Context(), o.ID); err == nil || problem.HasCode(err, problem.Cancelled) {
		t.Errorf("got %v", err)
	}
	in.must(in.Wait(t.Context()))
	wantEqual(t, "operations", []string{"install notes interrupted check,copy,undo"}, in.operations())
	wantEqual(t, "unfinished", map[string]string{"notes": "install"}, in.pending())
}

func TestCancel_RefusesWhatEndsSoon(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	in.agent.stop = func(string) error {
		_, err := in.Cancel(t.Context(), in.records()[0].ID)
		return err
	}
	if _, err := in.do("disable notes"); !problem.HasCode(err, problem.Conflict) {
		t.Errorf("got %v, want conflict", err)
	}
	if _, err := in.Cancel(t.Context(), operation.NewID()); !problem.HasCode(err, problem.NotFound) {
		t.Errorf("cancel of nothing: %v", err)
	}
}

func TestWait_EndsWithItsContext(t *testing.T) {
	in := newInstallation(t, library("notes"))
	held := in.holdStarts()
	_, err := in.Submit(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes"}, "")
	in.must(err)
	<-held.begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := in.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(held.goOn)
	in.must(in.Wait(t.Context()))
}

// The snapshot names the change that is being made, and no other.
func TestLive_NamesTheOperation(t *testing.T) {
	in := newInstallation(t, library("notes"))
	held := in.holdStarts()
	in.live()
	o, err := in.Submit(t.Context(), catalog.Order{Kind: operation.Install, ID: "notes"}, "")
	in.must(err)
	<-held.begun
	in.await(func(s *catalog.Snapshot) bool { e, _ := s.Find("notes"); return e.Runtime.Operation == o.ID })
	close(held.goOn)
	in.must(in.Wait(t.Context()))
	in.await(func(s *catalog.Snapshot) bool {
		e, _ := s.Find("notes")
		return e.Runtime.Operation == "" && e.Status == catalog.Enabled
	})
}

// What nobody can finish is not called unfinished.
func TestOperations_ThatNobodyCanFinishHaveFailed(t *testing.T) {
	unknown := fails(problem.OutcomeUnknown)
	in := newInstallation(t, library("notes"), enabled("board"))
	in.agent.configure = func(string, catalog.ConfigChange) (catalog.ConfigResult, error) {
		return catalog.ConfigResult{}, unknown
	}
	_, err := in.Install(t.Context(), "notes", catalog.Given{Values: map[string]string{"A": "b"}})
	if !problem.HasCode(err, problem.OutcomeUnknown) {
		t.Errorf("install: %v", err)
	}
	_, err = in.Configure(t.Context(), "board", catalog.ConfigChange{Unset: []string{"A"}}, false)
	if !problem.HasCode(err, problem.OutcomeUnknown) {
		t.Errorf("configure: %v", err)
	}
	wantEqual(t, "operations", []string{"configure board failed configure", "install notes failed configure"}, in.operations())
	wantEqual(t, "unfinished", map[string]string{}, in.pending())
}

// A program that dies between the end of its change and that of its record leaves one that is ended by who comes next.
func TestRecover_EndsWhatIsForgotten(t *testing.T) {
	in := newInstallation(t, enabled("notes"))
	in.must(os.MkdirAll(in.path("data/operations"), 0o755))
	o := operation.Operation{ID: operation.NewID(), Kind: operation.Start, Extension: "notes", State: operation.Running, Stages: []operation.Stage{}}
	data, err := json.Marshal(o)
	in.must(err)
	in.must(os.WriteFile(in.path("data/operations/"+o.ID+".json"), data, 0o644))
	wantEqual(t, "before", []string{"start notes interrupted"}, in.operations())
	in.must(in.Recover(t.Context()))
	wantEqual(t, "after", []string{"start notes failed"}, in.operations())
}

// A failure that comes before a cancel stays one.
func TestCancel_DoesNotHideAFailure(t *testing.T) {
	in := newInstallation(t, library("notes"))
	*in.agent = startFails(problem.StartFailed, compose.Container{Service: "notes", State: "exited"})
	ctx, signal := context.WithCancel(t.Context())
	containers := in.agent.containers
	in.agent.containers = func() (catalog.State, error) { signal(); return containers() }
	_, err := in.Install(ctx, "notes", catalog.Given{})
	if !problem.HasCode(err, problem.StartFailed) {
		t.Errorf("got %v", err)
	}
	wantEqual(t, "operations", []string{"install notes failed check,copy"}, in.operations())
	wantEqual(t, "user-extensions", notesWith("compose.yaml"), in.userExtensions())
}
