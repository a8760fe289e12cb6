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

// forget takes the values of an extension out of .env that no other installed one reads.
func (m *Manager) forget(ctx context.Context, op *operation) ([]string, error) {
	config, err := m.agent.Config(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	var change ConfigChange
	for _, v := range config.Variables {
		shared := slices.ContainsFunc(op.snapshot.Entries, func(e Entry) bool {
			return e.ID != op.ID && op.snapshot.Installed(e.ID) && slices.Contains(e.variables, v.Key)
		})
		if v.Set && !v.Reserved && !shared {
			change.Unset = append(change.Unset, v.Key)
		}
	}
	if len(change.Unset) == 0 {
		return nil, nil
	}
	r, err := m.agent.Configure(ctx, op.ID, change)
	return r.Changed, err
}

func keysOf(vars []manifest.EnvVar) []string {
	keys := make([]string, len(vars))
	for i, v := range vars {
		keys[i] = v.Key
	}
	return keys
}
