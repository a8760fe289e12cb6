package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dreamserver/catalog/operation"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Config is how an extension is configured: built in, installed or in the library.
func (m *Manager) Config(ctx context.Context, id string) (Config, error) {
	if err := checkID(id); err != nil {
		return Config{}, err
	}
	return m.agent.Config(ctx, id)
}

// Configure changes how an extension is configured. What runs has the old values until it is started again: the result
// names it, and restart does it. An error after the values are kept says so.
func (m *Manager) Configure(ctx context.Context, id string, change ConfigChange, restart bool) (ConfigResult, error) {
	if err := checkID(id); err != nil {
		return ConfigResult{}, err
	}
	if _, known := m.Snapshot().Find(id); !known {
		return m.agent.Configure(ctx, id, change) // which refuses it
	}
	r, err := m.agent.Configure(ctx, id, change)
	if err != nil && refused(err) { // nothing was changed, and the answer says why
		return r, err
	}
	active, began := m.history.Begin(operation.Options{
		ID: operation.NewID(), Kind: operation.Configure, Extension: id, Actor: m.actorOf(ctx), Cancel: func() {}, WithoutRecord: true,
	})
	if began != nil {
		return r, began
	}
	active.Take(operation.Progress{Stage: stageConfigure})
	if err == nil {
		r, err = m.restartReaders(ctx, active, r, restart)
	}
	var result *Result
	if err == nil {
		result = &Result{ID: id, Action: operation.Configure.Participle(), Message: configured(id, r)}
	}
	if werr := active.End(outcome(err, false, false), result, err, func() {}); werr != nil {
		m.log.Warn().Err(werr).Str("operation", active.ID()).Msg("the end of the operation is not on disk")
	}
	return r, err
}

// configured names what was changed, never to what.
func configured(id string, r ConfigResult) string {
	if len(r.Changed) == 0 {
		return id + " is configured as before."
	}
	return fmt.Sprintf("%s is configured: %s.", id, strings.Join(r.Changed, ", "))
}

// restartReaders restarts what runs with the old values, where that was asked for, and names it otherwise.
func (m *Manager) restartReaders(ctx context.Context, active *operation.Active, r ConfigResult, restart bool) (ConfigResult, error) {
	m.Refresh(ctx)
	s := m.Snapshot()
	r.Restart = slices.DeleteFunc(r.Restart, func(id string) bool {
		e, _ := s.Find(id)
		return e.Runtime.State == "stopped" || e.Runtime.State == "not_deployed"
	})
	if !restart {
		return r, nil
	}
	for _, reader := range r.Restart {
		if _, err := m.Do(ctx, Order{Kind: operation.Restart, ID: reader, parent: active.ID()}); err != nil {
			e := problem.As(err)
			detail := fmt.Sprintf("the values are kept, and %s was not restarted with them: %s", reader, e.Detail)
			return r, &problem.Error{Code: e.Code, Detail: detail, Items: e.Items, Err: err}
		}
		r.Restarted = append(r.Restarted, reader)
	}
	return r, nil
}

// forget takes the values of an extension out of .env that no other installed one reads. While nobody can tell what one of
// the others reads, only what is called like the extension goes.
func (m *Manager) forget(ctx context.Context, t *task) ([]string, error) {
	config, err := m.agent.Config(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, v := range config.Variables {
		kept := slices.ContainsFunc(t.snapshot.Entries, func(e Entry) bool {
			unreadable := e.variables == nil && !manifest.OwnName(t.ID, v.Key)
			return e.ID != t.ID && t.snapshot.Installed(e.ID) && (unreadable || slices.Contains(e.variables, v.Key))
		})
		if v.Set && !v.Reserved && !kept {
			gone = append(gone, v.Key)
		}
	}
	var forgotten []string
	for keys := range slices.Chunk(gone, maxForgotten) {
		r, err := m.agent.Configure(ctx, t.ID, ConfigChange{Unset: keys})
		if err != nil {
			return forgotten, err
		}
		forgotten = append(forgotten, r.Changed...)
	}
	return forgotten, nil
}

// maxForgotten is how many variables the agent changes at once.
const maxForgotten = 100

func keysOf(vars []manifest.EnvVar) []string {
	keys := make([]string, len(vars))
	for i, v := range vars {
		keys[i] = v.Key
	}
	return keys
}
