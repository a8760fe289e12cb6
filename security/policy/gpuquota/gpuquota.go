// Package gpuquota is the plugin gpu_quota: no extension reserves more GPUs than its config says, {"max_gpus": 1}. It counts
// reservations, which NVIDIA's cards are given by; with 0 it refuses the device files of other makers' as well.
package gpuquota

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

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
	if file := deviceFile(spec); file != "" && most == 0 {
		return policy.Response{Error: file + " gives it a GPU, and an extension may have none"}, nil
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

// deviceFile is a device file of GPUs that a service has; empty without one.
func deviceFile(spec policy.Spec) string {
	placement, _ := spec["placement"].(map[string]any)
	services, _ := placement["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, _ := services[name].(map[string]any)
		devices, _ := service["devices"].([]any)
		for _, d := range devices {
			file := fmt.Sprint(d)
			if o, ok := d.(map[string]any); ok {
				file = fmt.Sprint(o["source"])
			}
			if strings.HasPrefix(file, "/dev/dri") || strings.HasPrefix(file, "/dev/kfd") || strings.HasPrefix(file, "/dev/nvidia") {
				return file
			}
		}
	}
	return ""
}

// isGPU reports whether a reservation is of GPUs: NVIDIA's runtime takes each of these words for one.
func isGPU(device map[string]any) bool {
	capabilities, _ := device["capabilities"].([]any)
	for _, word := range []any{"gpu", "compute", "utility", "graphics", "video", "display", "compat32", "ngx"} {
		if slices.Contains(capabilities, word) {
			return true
		}
	}
	return device["driver"] == "nvidia"
}

// oneGPU is the id of a single GPU, or of a part of one: its number or its UUID.
var oneGPU = regexp.MustCompile(`^([0-9]+|(GPU|MIG)-[0-9a-fA-F-]+)$`)

// count is how many GPUs a reservation takes; negative for all. Compose takes a reservation without a number for all.
func count(device map[string]any) (int, error) {
	if ids, _ := device["device_ids"].([]any); len(ids) > 0 {
		for _, id := range ids {
			if !oneGPU.MatchString(fmt.Sprint(id)) {
				return -1, nil // "all", or several in one word
			}
		}
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
