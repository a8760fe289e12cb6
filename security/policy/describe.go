package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// describeWord is the argument, in place of a hook, with which a program is asked what it is.
const describeWord = "describe"

// description is what a program may answer to it. Every key may be missing.
type description struct {
	Name        string   `json:"name"` // for people; the operator's name is what counts
	Version     string   `json:"version"`
	APIVersions []string `json:"api_versions"`
	Hooks       []string `json:"hooks"`
	Cache       *bool    `json:"cache"`
}

// describe asks the program what it is. One that does not know the word, and answers nothing or fails, is one that says
// nothing of itself: all hooks, and answers that may be kept. One that cannot be started at all is an error, and so is one that
// speaks another version.
func (p *program) describe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	out, err := p.run(ctx, describeWord, bytes.NewReader(nil))
	if is[startError](err) {
		return err
	}
	var d description
	if err != nil || json.Unmarshal(out, &d) != nil {
		return nil
	}
	p.info.Version = d.Version
	if d.Cache != nil {
		p.info.Cache = *d.Cache
	}
	if len(d.APIVersions) > 0 && !slices.Contains(d.APIVersions, apiVersion) {
		return fmt.Errorf("it speaks versions %v, and is asked in %s", d.APIVersions, apiVersion)
	}
	var described []Hook
	for _, name := range d.Hooks {
		h, ok := ParseHook(name)
		if !ok {
			return fmt.Errorf("it describes a hook %q, which is none of %v", name, Hooks())
		}
		described = append(described, h)
	}
	if len(p.info.Hooks) == 0 {
		p.info.Hooks = described
	}
	return nil
}
