package catalog

import (
	"context"
	"os"

	"dreamserver/catalog/operation"
	"dreamserver/config"
	"dreamserver/internal/problem"
)

// OperationStore is where an installation keeps the records of its changes, beside the journal.
func OperationStore(s config.Settings) *operation.Store {
	return operation.NewStore(s.OperationsDir, func(f *os.File) error { return owner{s.UID, s.GID}.give(f) })
}

// Operations are the changes that the filter picks, newest first: those that are made, and the last ones that were.
func (m *Manager) Operations(f operation.Filter) ([]operation.Operation, error) {
	if err := m.recall(); err != nil {
		return nil, err
	}
	return m.history.List(f), nil
}

// Operation is one of them.
func (m *Manager) Operation(id string) (operation.Operation, error) {
	if err := m.recall(); err != nil {
		return operation.Operation{}, err
	}
	return m.history.Get(id)
}

// going are the ids of the changes that are being made, by extension. Of a stop beside a start it is the newer one.
func (m *Manager) going() map[string]string {
	ids := map[string]string{}
	for _, o := range m.history.List(operation.Filter{State: operation.Running}) {
		if ids[o.Extension] == "" {
			ids[o.Extension] = o.ID
		}
	}
	return ids
}

// rememberOperations reads the records that others have written.
func (m *Manager) rememberOperations() {
	if err := m.history.Refresh(); err != nil {
		m.log.Warn().Err(err).Msg("the records of changes cannot be read")
	}
}

// endForgotten ends the operations of programs that died between the end of their change and that of its record: the
// journal has no change that somebody could finish.
func (m *Manager) endForgotten() {
	m.rememberOperations()
	for _, o := range m.history.List(operation.Filter{State: operation.Interrupted}) {
		if m.journal.Has(o.Extension) {
			continue
		}
		err := problem.Newf(problem.Interrupted, "the program that made the %s of %s ended before it had told what came of it: `dream status` shows what runs", o.Kind, o.Extension)
		if err := OperationStore(m.settings).Finish(o.ID, operation.Failed, nil, err); err != nil {
			m.log.Warn().Err(err).Str("operation", o.ID).Msg("the end of the operation is not on disk")
		}
	}
}

// recall reads the records where nobody keeps them up to date.
func (m *Manager) recall() error {
	if m.live.current.Load() != nil {
		return nil
	}
	return storageError(m.history.Refresh())
}

// Cancel has a change that turns something on undone, and returns it as it is at this moment. A change of another program
// is ended through the agent; that program undoes it.
func (m *Manager) Cancel(ctx context.Context, id string) (operation.Operation, error) {
	if err := m.recall(); err != nil {
		return operation.Operation{}, err
	}
	o, elsewhere, err := m.history.Cancel(id, m.actorOf(ctx))
	if err == nil && elsewhere {
		// It only hastens what the word on disk brings about: by now that program may have undone everything.
		_ = m.agent.Stop(ctx, o.Extension)
	}
	return o, err
}
