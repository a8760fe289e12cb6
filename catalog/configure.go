package catalog

import (
	"context"
	"fmt"
	"slices"

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
	r, err := m.agent.Configure(ctx, id, change)
	if err != nil {
		return r, err
	}
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
		if _, err := m.Restart(ctx, reader); err != nil {
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
func (m *Manager) forget(ctx context.Context, op *operation) ([]string, error) {
	config, err := m.agent.Config(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, v := range config.Variables {
		kept := slices.ContainsFunc(op.snapshot.Entries, func(e Entry) bool {
			unreadable := e.variables == nil && !manifest.OwnName(op.ID, v.Key)
			return e.ID != op.ID && op.snapshot.Installed(e.ID) && (unreadable || slices.Contains(e.variables, v.Key))
		})
		if v.Set && !v.Reserved && !kept {
			gone = append(gone, v.Key)
		}
	}
	var forgotten []string
	for keys := range slices.Chunk(gone, maxForgotten) {
		r, err := m.agent.Configure(ctx, op.ID, ConfigChange{Unset: keys})
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
