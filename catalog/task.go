package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
)

// task is an operation that this program makes: nobody else can change the extension until it ends. Its Change ends with
// it, and not before: whoever is told of the end must find the extension free.
type task struct {
	*Change
	order    Order
	snapshot *Snapshot
	entry    Entry

	active *operation.Active
	cancel context.CancelCauseFunc
	finish func(*Change) // how the change ends
	left   bool          // the agent finishes it
	undone bool          // or did nothing
	ended  bool          // it was cancelled while the agent started something
}

// The stages of a change that are this program's; the agent tells of others, see package operation.
const (
	stageConfigure    = "configure"
	stageCheck        = "check"
	stageDependencies = "dependencies"
	stageCopy         = "copy"
	stageEnable       = "enable"
	stageDisable      = "disable"
	stageStop         = "stop"
	stageRemove       = "remove"
	stageUndo         = "undo"
)

// errCancelled is why the context of a cancelled operation ended.
var errCancelled = errors.New("the operation was cancelled")

// Done ends a change that is finished.
func (t *task) Done() { t.finish, t.left, t.undone = (*Change).Done, false, false }

// Cancel ends a change that did nothing or is undone whole.
func (t *task) Cancel() { t.finish, t.left, t.undone = (*Change).Cancel, false, true }

// Leave leaves the rest of a change to the agent.
func (t *task) Leave() { t.finish, t.left, t.undone = (*Change).Leave, true, false }

// enter notes that the task is in a stage now.
func (t *task) enter(stage string) { t.active.Take(operation.Progress{Stage: stage}) }

// cancelled reports whether somebody wants the task undone: by this program, by the signal that ends it, or by another.
func (t *task) cancelled(ctx context.Context) bool {
	return t.order.Kind.TurnsOn() && (ctx.Err() != nil || t.active.CancelAsked())
}

// begin claims an extension for a change that check allows. A refusal leaves no trace; what check has allowed is
// looked at again once nobody else can change the extension. A stop does not wait for the change in progress that it is
// meant to end.
func (m *Manager) begin(ctx context.Context, o Order, check func(*Snapshot, Entry) error) (context.Context, *task, error) {
	if _, _, err := m.lookup(o.ID, check); err != nil {
		return ctx, nil, cmp.Or(m.journal.Busy(o.ID), err) // what is refused may be half of a change
	}
	id := operation.NewID()
	off := !o.Kind.TurnsOn()
	change, err := m.journal.Begin(o.ID, Intent{Kind: o.Kind, Actor: m.actor, Operation: id, Grants: o.Given.Grants, Plan: o.Plan})
	switch busy := problem.HasCode(err, problem.Busy); {
	case err == nil:
	case busy && o.Kind == operation.Stop && m.journal.turnsOn(o.ID):
		change = &Change{ID: o.ID, Kind: o.Kind}
	case off && !busy:
		// Whoever can write the journal's folder must not be able to keep anything running by spoiling it.
		m.log.Warn().Err(err).Str("extension", o.ID).Str("op", string(o.Kind)).Msg("the change goes on without a record")
		change = &Change{ID: o.ID, Kind: o.Kind}
	default:
		return ctx, nil, err
	}
	s, e, err := m.lookup(o.ID, check)
	if err != nil {
		change.Cancel()
		return ctx, nil, err
	}
	ctx, cancel := context.WithCancelCause(WithChange(ctx, o.Kind))
	active, err := m.history.Begin(operation.Options{
		ID: id, Kind: o.Kind, Extension: o.ID, Actor: m.actorOf(ctx), Parent: o.parent, Key: o.key, Request: o.digest(),
		Cancel: func() { cancel(errCancelled) }, WithoutRecord: off,
	})
	if err != nil {
		cancel(nil)
		change.Cancel()
		return ctx, nil, storageError(fmt.Errorf("record the change of %q: %w", o.ID, err))
	}
	if o.begun != nil {
		o.begun(id)
	}
	return ctx, &task{Change: change, order: o, snapshot: s, entry: e, active: active, cancel: cancel, finish: (*Change).Done}, nil
}

// actorOf is who asks, else this program.
func (m *Manager) actorOf(ctx context.Context) string {
	if actor := Actor(ctx); actor != "" {
		return actor
	}
	return m.actor
}

// end ends the task with what it came to, and shows it.
func (m *Manager) end(ctx context.Context, t *task, r Result, err error) (Result, error) {
	defer t.cancel(nil)
	cancelled := t.ended || t.undone && t.cancelled(ctx)
	ctx = context.WithoutCancel(ctx)                          // the rest is ours to finish, whether the client still waits or not
	defer m.publish()                                         // without the operation
	state := outcome(err, t.left && t.file != nil, cancelled) // without a record nobody finishes it
	if state == operation.Cancelled {
		err = problem.Newf(problem.Cancelled, "the %s of %s was cancelled%s", t.Kind, t.ID, t.leftBehind())
	}
	var result *Result
	if err == nil {
		result = &r
	}
	if !t.undone {
		m.endReplaced(t, state)
	}
	werr := t.active.End(state, result, err, func() { // who takes over, or dies here, finds the record as we leave it
		t.finish(t.Change)
		m.Refresh(ctx) // before whoever waits for the end hears of it: then they find what was changed
	})
	if werr != nil {
		m.log.Warn().Err(werr).Str("operation", t.active.ID()).Msg("the end of the operation is not on disk")
	}
	return r, err
}

// endReplaced ends the operation of an unfinished change whose place the task took: nobody else will.
func (m *Manager) endReplaced(t *task, state operation.State) {
	r, found := t.replaced()
	if !found || r.Operation == "" {
		return
	}
	became, result := operation.Failed, (*Result)(nil)
	var err error = problem.Newf(problem.Interrupted, "the %s of %s was not finished: a %s took its place, operation %s", r.Kind, t.ID, t.Kind, t.active.ID())
	if state == operation.Succeeded && (r.Kind == t.Kind || r.Kind.TurnsOn() && t.Kind.TurnsOn()) {
		became, err = operation.Succeeded, nil
		result = &Result{
			ID: t.ID, Action: r.Kind.Participle(),
			Message: fmt.Sprintf("%s is %s: a %s has finished the %s, operation %s.", t.entry.Name, r.Kind.Participle(), t.Kind, r.Kind, t.active.ID()),
		}
	}
	if err := OperationStore(m.settings).Finish(r.Operation, became, result, err); err != nil {
		m.log.Warn().Err(err).Str("operation", r.Operation).Msg("the end of the operation is not on disk")
	}
}

// leftBehind says what a cancelled change leaves.
func (t *task) leftBehind() string {
	switch t.Kind {
	case operation.Install:
		return ": nothing of it stays but images that were fetched whole"
	case operation.Enable:
		return ": it is disabled, as before"
	}
	return ": it is stopped, and stays enabled"
}

// outcome is the state that an operation ends in. What was left to the agent is not over.
func outcome(err error, left, cancelled bool) operation.State {
	switch {
	case err == nil && left:
		return operation.Waiting
	case err == nil:
		return operation.Succeeded
	case left:
		return operation.Interrupted
	case cancelled:
		return operation.Cancelled
	}
	return operation.Failed
}
