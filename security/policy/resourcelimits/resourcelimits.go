// Package resourcelimits is the plugin resource_limits: services without a limit of memory or CPUs get the default, and a
// limit above the most is lowered to it; where there is a most of memory, so is what may be swapped, to what Docker allows without a word
// about it. No limit that it gives has more CPUs than the machine, which Docker would refuse: {"default": {"memory": "2g", "cpus": 2}, "max": {"memory": "16g", "cpus": 8}}.
package resourcelimits

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/docker/go-units"

	"dreamserver/security/policy"
)

// Name is what the operator lists.
const Name = "resource_limits"

func init() { policy.Register(Name, New) }

// nanoCPU is the least that Docker can count.
const nanoCPU = 1e-9

// limits are bytes and CPUs; 0 is none.
type limits struct {
	memory int64
	cpus   float64
}

// New makes the plugin.
func New(config json.RawMessage) (policy.Plugin, error) {
	type written struct {
		Memory string  `json:"memory"`
		CPUs   float64 `json:"cpus"`
	}
	var c struct {
		Default written `json:"default"`
		Max     written `json:"max"`
	}
	if err := policy.ReadConfig(config, &c); err != nil {
		return nil, err
	}
	read := func(w written, key string) (l limits, err error) {
		if l.cpus = w.CPUs; w.CPUs < 0 {
			return l, fmt.Errorf("its config: %s.cpus is %v", key, w.CPUs)
		}
		if w.Memory != "" {
			if l.memory, err = units.RAMInBytes(w.Memory); err != nil || l.memory <= 0 {
				return l, fmt.Errorf("its config: %s.memory is %q: write 512m or 2g", key, w.Memory)
			}
		}
		return l, nil
	}
	byDefault, err := read(c.Default, "default")
	if err != nil {
		return nil, err
	}
	most, err := read(c.Max, "max")
	if err != nil {
		return nil, err
	}
	return policy.Compiled{
		About: policy.Info{Name: Name, Transport: "go", Hooks: []policy.Hook{policy.OnService}},
		Do:    func(r policy.Request) (policy.Response, error) { return apply(r, byDefault, most) },
	}, nil
}

func apply(r policy.Request, byDefault, most limits) (policy.Response, error) {
	spec, err := policy.Plain[policy.Spec](r.Spec)
	if err != nil {
		return policy.Response{}, err
	}
	var warnings []string
	err = policy.EachService(spec, func(name string, s map[string]any) error {
		at := limitsOf(s)
		memory, cpus, err := read(s, at)
		if err != nil {
			return fmt.Errorf("services.%s: %w", name, err)
		}
		if want, lowered := bound(memory, byDefault.memory, most.memory); want != memory {
			set(s, "mem_limit", "memory", strconv.FormatInt(want, 10), at["memory"] != nil)
			if lowered {
				warnings = append(warnings, fmt.Sprintf("%s gets %s of memory, not %s", name, units.BytesSize(float64(want)), units.BytesSize(float64(memory))))
			}
			memory = want
		}
		if lowered, err := boundSwap(s, memory, most.memory); err != nil {
			return fmt.Errorf("services.%s: %w", name, err)
		} else if lowered {
			warnings = append(warnings, fmt.Sprintf("%s gets %s of memory and swap together, and no more", name, units.BytesSize(float64(2*memory))))
		}
		if want, lowered := bound(cpus, byDefault.cpus, most.cpus); want != cpus {
			if here := r.Context.Host.CPUs; here > 0 {
				want = min(want, float64(here))
			}
			text := strconv.FormatFloat(want, 'f', -1, 64)
			set(s, "cpus", "cpus", json.Number(text), at["cpus"] != nil)
			if lowered {
				warnings = append(warnings, fmt.Sprintf("%s gets %s CPUs, not %v", name, text, cpus))
			}
		}
		return nil
	})
	return policy.Response{Spec: spec, Warnings: warnings}, err
}

// bound is the limit that a service gets: the default where it has none, and never more than the most.
func bound[T int64 | float64](has, byDefault, most T) (want T, lowered bool) {
	if want = has; has == 0 {
		want = byDefault
	}
	if most > 0 && (want == 0 || want > most) {
		return most, has > most
	}
	return want, false
}

// boundSwap lowers memswap_limit, which is memory and swap together, and -1 for as much as there is: what would be above a limit
// of memory is no limit. Docker's own is twice the memory.
func boundSwap(s map[string]any, memory, most int64) (lowered bool, err error) {
	v := s["memswap_limit"]
	if v == nil || most == 0 {
		return false, nil
	}
	swap, err := bytesOf(v)
	if err != nil {
		return false, fmt.Errorf("memswap_limit is %v", v)
	}
	if swap == 0 && !unlimited(v) || swap > 0 && swap <= 2*memory {
		return false, nil
	}
	s["memswap_limit"] = strconv.FormatInt(2*memory, 10)
	return true, nil
}

// bytesOf is a size; 0 for none, which -1 is as well.
func bytesOf(v any) (int64, error) {
	if unlimited(v) {
		return 0, nil
	}
	return units.RAMInBytes(fmt.Sprint(v))
}

func unlimited(v any) bool { return fmt.Sprint(v) == "-1" }

// limitsOf is deploy.resources.limits, empty where there is none.
func limitsOf(s map[string]any) map[string]any {
	at := s
	for _, key := range []string{"deploy", "resources", "limits"} {
		at, _ = at[key].(map[string]any)
	}
	return at
}

// read are the limits that a service has; Compose refuses two that differ.
func read(s, at map[string]any) (memory int64, cpus float64, err error) {
	for _, v := range []any{s["mem_limit"], at["memory"]} {
		if v != nil {
			if memory, err = bytesOf(v); err != nil {
				return 0, 0, fmt.Errorf("a limit of memory is %v", v)
			}
		}
	}
	for _, v := range []any{s["cpus"], at["cpus"]} {
		if v != nil {
			if cpus, err = strconv.ParseFloat(fmt.Sprint(v), 64); err != nil {
				return 0, 0, fmt.Errorf("a limit of CPUs is %v", v)
			}
			if cpus < nanoCPU { // Docker counts in billionths, and none of them is no limit
				cpus = 0
			}
		}
	}
	return memory, cpus, nil
}

// set writes a limit where the service has it, in both places where it has it twice.
func set(s map[string]any, key, limit string, value any, below bool) {
	if below {
		limitsOf(s)[limit] = value
		if s[key] == nil {
			return
		}
	}
	s[key] = value
}
