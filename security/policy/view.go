package policy

import (
	"fmt"
	"maps"
	"slices"
)

// Model is what would run of one extension, as plain values in the words of Compose: services, networks, volumes, configs
// and secrets.
type Model map[string]any

// view is how a hook sees the model, and how what it changes gets back.
type view struct {
	kind string
	look func(m Model, s Subject) (Spec, error)
	back func(m Model, spec Spec) error
}

var views = map[Hook]view{
	OnService: {"service", lookService, backService},
	OnFleet:   {"fleet", lookFleet, backFleet},
	OnVolume:  {"volume", lookVolume, backVolume},
	OnGateway: {"gateway", lookGateway, backGateway},
}

// project is the model as the hook sees it: a copy.
func project(hook Hook, m Model, s Subject) (Spec, error) {
	copied, err := Plain[Model](m)
	if err != nil {
		return nil, err
	}
	v := views[hook]
	spec, err := v.look(copied, s)
	if err != nil {
		return nil, err
	}
	spec["kind"], spec["id"] = v.kind, s.ID
	return Plain[Spec](spec)
}

// merge is the model with what the hook has changed of its view. before is the view that it was given. A key that the view
// did not have, or one that is gone, is no change that anybody could see in a review, and refused.
func merge(hook Hook, m Model, before, after Spec) (Model, error) {
	out, err := Plain[Model](m)
	if err != nil {
		return nil, err
	}
	if after, err = Plain[Spec](after); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[k]; !known {
			return nil, fmt.Errorf("the spec has a key %q that it was not given", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if _, kept := after[k]; !kept {
			return nil, fmt.Errorf("the spec lacks the key %q that it was given", k)
		}
	}
	for _, k := range []string{"kind", "id", "manifest"} {
		if !same(before[k], after[k]) {
			return nil, fmt.Errorf("%s is not the plugin's to change", k)
		}
	}
	if err := views[hook].back(out, after); err != nil {
		return nil, err
	}
	return out, sameServices(m, out)
}

// sameServices refuses a service that is gone or new: a policy changes and refuses what was submitted.
func sameServices(before, after Model) error {
	a, err := Object(before["services"], "services")
	if err != nil {
		return err
	}
	b, err := Object(after["services"], "services")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, kept := b[name].(map[string]any); !kept {
			return fmt.Errorf("service %q is gone: to keep it from running, reject it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if _, known := a[name]; !known {
			return fmt.Errorf("service %q was not submitted", name)
		}
	}
	return nil
}

// ofModel are the parts of the model that the view of services has as they are.
var ofModel = []string{"services", "networks", "configs", "secrets"}

func lookService(m Model, s Subject) (Spec, error) {
	spec := Spec{"manifest": s.Manifest}
	for _, k := range ofModel {
		part, err := Object(m[k], k)
		if err != nil {
			return nil, err
		}
		spec[k] = part
	}
	return spec, nil
}

func backService(m Model, spec Spec) error {
	for _, k := range ofModel {
		part, err := Object(spec[k], k)
		if err != nil {
			return err
		}
		if _, had := m[k]; had || len(part) > 0 {
			m[k] = part
		}
	}
	return nil
}

// services calls on for each service, by name.
func services(m Model, on func(name string, s map[string]any) error) error {
	all, err := Object(m["services"], "services")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s, err := Object(all[name], "services."+name)
		if err != nil {
			return err
		}
		if err := on(name, s); err != nil {
			return err
		}
	}
	return nil
}

// put sets a key of a service, or takes it away where it was not there and is still empty.
func put(s map[string]any, key string, value any) {
	empty := value == nil
	switch v := value.(type) {
	case []any:
		empty = len(v) == 0
	case map[string]any:
		empty = len(v) == 0
	}
	if _, had := s[key]; !empty || had && value != nil {
		s[key] = value
	} else {
		delete(s, key)
	}
}

// flat is a list of all services' elements, each with the name of its service; grouped is the way back.
func flat(m Model, key func(s map[string]any) (any, error)) ([]any, error) {
	out := []any{}
	err := services(m, func(name string, s map[string]any) error {
		v, err := key(s)
		if err != nil {
			return err
		}
		list, err := items(v, "services."+name)
		if err != nil {
			return err
		}
		for _, item := range list {
			o, err := Object(item, "services."+name)
			if err != nil {
				return err
			}
			one := maps.Clone(o)
			one["service"] = name
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

func grouped(m Model, v any, what string) (map[string][]any, error) {
	list, err := items(v, what)
	if err != nil {
		return nil, err
	}
	known, err := Object(m["services"], "services")
	if err != nil {
		return nil, err
	}
	out := map[string][]any{}
	for i, item := range list {
		o, err := Object(item, fmt.Sprintf("%s[%d]", what, i))
		if err != nil {
			return nil, err
		}
		name, _ := o["service"].(string)
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("%s[%d].service names no service that was submitted: %q", what, i, name)
		}
		one := maps.Clone(o)
		delete(one, "service")
		out[name] = append(out[name], one)
	}
	return out, nil
}
