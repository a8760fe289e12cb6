package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Compiled is a plugin of this program: a function.
type Compiled struct {
	About Info
	Do    func(r Request) (Response, error)
}

// Info tells what it is.
func (c Compiled) Info() Info { return c.About }

// Apply calls it.
func (c Compiled) Apply(_ context.Context, r Request) (Response, error) { return c.Do(r) }

// ReadConfig reads the operator's config for a plugin; every key must be one of into's.
func ReadConfig(config json.RawMessage, into any) error {
	if len(config) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(config))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("its config: %w", err)
	}
	return nil
}

// EachService calls on for each service of a spec that has them, by name.
func EachService(spec Spec, on func(name string, service map[string]any) error) error {
	return services(Model(spec), on)
}
