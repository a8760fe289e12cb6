package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// wrong is an error of a value.
func wrong(n *yaml.Node, key, format string, args ...any) error {
	return fmt.Errorf("%d: %s: %s", n.Line, key, fmt.Sprintf(format, args...))
}

// fields reads a mapping: each key by its reader, and no other key.
func fields(n *yaml.Node, where string, readers map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return wrong(n, cmp.Or(where, "the config"), "is not a mapping: write key: value")
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := strings.TrimPrefix(where+"."+key.Value, ".")
		if !likeKey.MatchString(key.Value) { // another kind of file; what it has is not told
			name = cmp.Or(where, "the config")
		}
		read, known := readers[key.Value]
		switch {
		case !known:
			return wrong(key, name, "is no key that is understood here: write one of %s", strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
		case seen[key.Value]:
			return wrong(key, name, "is there twice")
		case value.Kind == yaml.AliasNode:
			return wrong(value, name, "is an alias: write the value itself")
		}
		seen[key.Value] = true
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

// each reads a list.
func each[T any](into *[]T, parse func(*yaml.Node) (T, error)) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return wrong(n, "this key", "is not a list")
		}
		for _, item := range n.Content {
			v, err := parse(item)
			if err != nil {
				return err
			}
			*into = append(*into, v)
		}
		return nil
	}
}

func text(into *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error { return decode(n, "this key", "a text", into) }
}

func decode(n *yaml.Node, key, what string, into any) error {
	if err := n.Decode(into); err != nil {
		return wrong(n, key, "is not %s", what)
	}
	return nil
}

func oneOf[T ~string](key string, into *T, allowed ...T) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if *into = T(n.Value); !slices.Contains(allowed, *into) {
			return wrong(n, key, "%q is none of %v", n.Value, allowed)
		}
		return nil
	}
}

func hooks(into *[]Hook) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		var names []string
		if err := decode(n, "hooks", "a list of hooks", &names); err != nil {
			return err
		}
		for _, name := range names {
			h, ok := ParseHook(name)
			if !ok {
				return wrong(n, "hooks", "%q is none of %v", name, Hooks())
			}
			*into = append(*into, h)
		}
		return nil
	}
}

func onError(n *yaml.Node, allow *bool) error {
	var word string
	err := oneOf("on_error", &word, "deny", "allow")(n)
	*allow = word == "allow"
	return err
}

const maxTimeout = 20 * time.Second // of all calls together

func duration(n *yaml.Node, into *time.Duration) error {
	d, err := time.ParseDuration(n.Value)
	if err != nil || d <= 0 || d > maxTimeout {
		return wrong(n, "timeout", "%q is no time between 1ms and %s: write 2s", n.Value, maxTimeout)
	}
	*into = d
	return nil
}

func asJSON(n *yaml.Node, into *json.RawMessage) error {
	var v any
	if err := n.Decode(&v); err != nil {
		return wrong(n, "config", "cannot be read: %v", err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return wrong(n, "config", "cannot be written as JSON: %v", err)
	}
	*into = data
	return nil
}
