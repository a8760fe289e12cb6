// Package gpuquota is the plugin gpu_quota: no extension reserves more GPUs than its config says, {"max_gpus": 1}.
package gpuquota

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dreamserver/security/policy"
)

// Name is what the operator lists.
const Name = "gpu_quota"

func init() { policy.Register(Name, New) }

// New makes the plugin.
func New(config json.RawMessage) (policy.Plugin, error) {
	c := struct {
		Max *int `json:"max_gpus"`
	}{}
	if err := policy.ReadConfig(config, &c); err != nil {
		return nil, err
	}
	if c.Max == nil || *c.Max < 0 {
		return nil, errors.New("its config needs max_gpus, 0 or more")
	}
	return policy.Compiled{
		About: policy.Info{Name: Name, Transport: "go", Hooks: []policy.Hook{policy.OnFleet}},
		Do:    func(r policy.Request) (policy.Response, error) { return judge(r.Spec, *c.Max) },
	}, nil
}

func judge(spec policy.Spec, most int) (policy.Response, error) {
	total := 0
	for _, device := range requests(spec) {
		n, err := count(device)
		if err != nil {
			return policy.Response{}, err
		}
		if n < 0 {
			return policy.Response{Error: fmt.Sprintf("service %v reserves all GPUs, and an extension may have %d: write a count", device["service"], most)}, nil
		}
		total += n
	}
	if total > most {
		return policy.Response{Error: fmt.Sprintf("its services reserve %d GPUs, and an extension may have %d", total, most)}, nil
	}
	return policy.Response{}, nil
}

// requests are the reservations of GPUs in both forms that Compose has, deploy.resources.reservations.devices and gpus,
// each with its service.
func requests(spec policy.Spec) (out []map[string]any) {
	placement, _ := spec["placement"].(map[string]any)
	devices, _ := placement["devices"].([]any)
	for _, d := range devices {
		if device, ok := d.(map[string]any); ok && isGPU(device) {
			out = append(out, device)
		}
	}
	services, _ := placement["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, _ := services[name].(map[string]any)
		gpus, _ := service["gpus"].([]any)
		for _, g := range gpus {
			if gpu, ok := g.(map[string]any); ok {
				gpu = maps.Clone(gpu)
				gpu["service"] = name
				out = append(out, gpu)
			}
		}
	}
	return out
}

func isGPU(device map[string]any) bool {
	capabilities, _ := device["capabilities"].([]any)
	return slices.Contains(capabilities, any("gpu"))
}

// count is how many GPUs a reservation takes; negative for all. Compose takes a reservation without a number for all.
func count(device map[string]any) (int, error) {
	if ids, _ := device["device_ids"].([]any); len(ids) > 0 {
		return len(ids), nil
	}
	switch n := device["count"].(type) {
	case nil:
		return -1, nil
	case json.Number:
		v, err := n.Int64()
		return int(v), err
	case string:
		if n == "all" {
			return -1, nil
		}
	}
	return 0, fmt.Errorf("a count of GPUs is %v", device["count"])
}
