package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/security/policy"
	"dreamserver/security/policy/gpuquota"
	"dreamserver/security/policy/requiredigest"
	"dreamserver/security/policy/resourcelimits"
)

func spec(t *testing.T, text string) policy.Spec {
	t.Helper()
	var s policy.Spec
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCompiled_Decide(t *testing.T) {
	tests := []struct {
		name           string
		make           policy.Factory
		config         string
		spec           string
		rejects, fails string
		warns          []string
		after          string // the spec, when it is changed
		cpus           int    // of the machine
	}{
		{name: "a digest", make: requiredigest.New, spec: `{"services":{"a":{"image":"x:1@sha256:00"},"b":{"image":"y","build":{}}}}`},
		{
			name: "none", make: requiredigest.New, spec: `{"services":{"a":{"image":"x:1"},"b":{"image":"ghcr.io/me/y:1"}}}`, config: `{"allow":["ghcr.io/me/"]}`,
			rejects: "images without a digest: a (x:1); write name:tag@sha256:…",
		},

		{name: "no GPU", make: gpuquota.New, config: `{"max_gpus":0}`, spec: `{"placement":{"devices":[{"service":"a","driver":"cdi","capabilities":["x"]}]}}`},
		{name: "as many", make: gpuquota.New, config: `{"max_gpus":2}`, spec: `{"placement":{"devices":[{"service":"a","count":2,"capabilities":["gpu"]}]}}`},
		{
			name: "too many", make: gpuquota.New, config: `{"max_gpus":2}`,
			spec:    `{"placement":{"devices":[{"service":"a","count":1,"capabilities":["gpu"]},{"service":"b","device_ids":["0","1"],"capabilities":["gpu"]}]}}`,
			rejects: "its services reserve 3 GPUs, and an extension may have 2",
		},
		{
			name: "all", make: gpuquota.New, config: `{"max_gpus":2}`, spec: `{"placement":{"devices":[{"service":"a","count":-1,"capabilities":["gpu"]}]}}`,
			rejects: "service a reserves all GPUs, and an extension may have 2: write a count",
		},
		{
			name: "all, in the short form", make: gpuquota.New, config: `{"max_gpus":2}`, spec: `{"placement":{"services":{"b":{"gpus":[{"count":-1}]},"a":{}}}}`,
			rejects: "service b reserves all GPUs, and an extension may have 2: write a count",
		},
		{
			name: "all, by an id", make: gpuquota.New, config: `{"max_gpus":1}`, spec: `{"placement":{"devices":[{"service":"a","device_ids":["all"],"capabilities":["gpu"]}]}}`,
			rejects: "service a reserves all GPUs, and an extension may have 1: write a count",
		},
		{
			name: "several in one id", make: gpuquota.New, config: `{"max_gpus":1}`, spec: `{"placement":{"devices":[{"service":"a","device_ids":["0,1,2"],"capabilities":["gpu"]}]}}`,
			rejects: "service a reserves all GPUs, and an extension may have 1: write a count",
		},
		{
			name: "by another word", make: gpuquota.New, config: `{"max_gpus":1}`, spec: `{"placement":{"devices":[{"service":"a","driver":"nvidia","count":2,"capabilities":["compute"]}]}}`,
			rejects: "its services reserve 2 GPUs, and an extension may have 1",
		},
		{
			name: "a device file", make: gpuquota.New, config: `{"max_gpus":0}`, spec: `{"placement":{"services":{"a":{"devices":[{"source":"/dev/kfd","target":"/dev/kfd"}]}}}}`,
			rejects: "/dev/kfd gives it a GPU, and an extension may have none",
		},
		{name: "one, by its UUID", make: gpuquota.New, config: `{"max_gpus":1}`, spec: `{"placement":{"devices":[{"service":"a","device_ids":["GPU-0a-1"],"capabilities":["gpu"]}]}}`},
		{name: "no number", make: gpuquota.New, config: `{"max_gpus":2}`, spec: `{"placement":{"devices":[{"service":"a","count":"some","capabilities":["gpu"]}]}}`, fails: "a count of GPUs is some"},

		{
			name: "defaults", make: resourcelimits.New, config: `{"default":{"memory":"2g","cpus":1.5}}`, spec: `{"services":{"a":{"image":"x"},"b":{"mem_limit":"1","cpus":9}}}`,
			after: `{"services":{"a":{"image":"x","mem_limit":"2147483648","cpus":1.5},"b":{"mem_limit":"1","cpus":9}}}`,
		},
		{
			name: "ceilings", make: resourcelimits.New, config: `{"max":{"memory":"1g","cpus":2}}`,
			spec:  `{"services":{"a":{"mem_limit":"2147483648","cpus":4},"b":{"deploy":{"resources":{"limits":{"memory":"2147483648","cpus":4}}}},"c":{}}}`,
			after: `{"services":{"a":{"mem_limit":"1073741824","cpus":2},"b":{"deploy":{"resources":{"limits":{"memory":"1073741824","cpus":2}}}},"c":{"mem_limit":"1073741824","cpus":2}}}`,
			warns: []string{"a gets 1GiB of memory, not 2GiB", "a gets 2 CPUs, not 4", "b gets 1GiB of memory, not 2GiB", "b gets 2 CPUs, not 4"},
		},
		{
			name: "so few CPUs that they are all", make: resourcelimits.New, config: `{"max":{"cpus":1}}`,
			spec:  `{"services":{"a":{"cpus":0.0000000001},"b":{"deploy":{"resources":{"limits":{"cpus":"0.0000000001"}}}}}}`,
			after: `{"services":{"a":{"cpus":1},"b":{"deploy":{"resources":{"limits":{"cpus":1}}}}}}`,
		},
		{
			name: "as much swap as there is", make: resourcelimits.New, config: `{"max":{"memory":"1g"}}`,
			spec:  `{"services":{"a":{"mem_limit":"1073741824","memswap_limit":"-1"},"b":{"memswap_limit":"9g"},"c":{"mem_limit":"1073741824","memswap_limit":"2147483648"},"d":{"mem_limit":"-1"}}}`,
			after: `{"services":{"a":{"mem_limit":"1073741824","memswap_limit":"2147483648"},"b":{"mem_limit":"1073741824","memswap_limit":"2147483648"},"c":{"mem_limit":"1073741824","memswap_limit":"2147483648"},"d":{"mem_limit":"1073741824"}}}`,
			warns: []string{"a gets 2GiB of memory and swap together, and no more", "b gets 2GiB of memory and swap together, and no more"},
		},
		{
			name: "more CPUs than there are", make: resourcelimits.New, config: `{"default":{"cpus":6},"max":{"cpus":8}}`, cpus: 4,
			spec:  `{"services":{"a":{},"b":{"cpus":3},"c":{"cpus":16}}}`,
			after: `{"services":{"a":{"cpus":4},"b":{"cpus":3},"c":{"cpus":4}}}`, warns: []string{"c gets 4 CPUs, not 16"},
		},
		{name: "what is within", make: resourcelimits.New, config: `{"default":{"memory":"1g"},"max":{"memory":"4g"}}`, spec: `{"services":{"a":{"mem_limit":"2147483648"}}}`},
		{name: "a limit that is none", make: resourcelimits.New, config: `{"max":{"memory":"4g"}}`, spec: `{"services":{"a":{"mem_limit":"much"}}}`, fails: "services.a: a limit of memory is much"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.make(json.RawMessage(tt.config))
			if err != nil {
				t.Fatal(err)
			}
			before := spec(t, tt.spec)
			facts := policy.Facts{Host: policy.HostFacts{CPUs: tt.cpus}}
			got, err := p.Apply(t.Context(), policy.Request{Spec: before, Context: facts})
			if (err != nil) != (tt.fails != "") || err != nil && err.Error() != tt.fails {
				t.Fatalf("got %v, want %q", err, tt.fails)
			}
			if got.Error != tt.rejects || err == nil && !cmp.Equal(got.Warnings, tt.warns) {
				t.Errorf("got %q, warnings %q", got.Error, got.Warnings)
			}
			if tt.after == "" {
				tt.after = tt.spec
			}
			if got.Spec == nil {
				got.Spec = before
			}
			if d := cmp.Diff(spec(t, tt.after), got.Spec); err == nil && d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			again, err := p.Apply(t.Context(), policy.Request{Spec: got.Spec, Context: facts}) // an answer accepts what it has made
			if tt.fails == "" && (err != nil || again.Error != got.Error || again.Spec != nil && !cmp.Equal(again.Spec, got.Spec)) {
				t.Errorf("asked again: %+v, %v", again, err)
			}
		})
	}
}

func TestCompiled_RefuseTheirConfig(t *testing.T) {
	for config, make := range map[string]policy.Factory{
		`{"alow":[]}`:                       requiredigest.New,
		``:                                  gpuquota.New,
		`{"max_gpus":-1}`:                   gpuquota.New,
		`{"default":{"memory":"much"}}`:     resourcelimits.New,
		`{"max":{"cpus":-1}}`:               resourcelimits.New,
		`{"default":{"memory":"1g","x":1}}`: resourcelimits.New,
	} {
		if _, err := make(json.RawMessage(config)); err == nil {
			t.Errorf("%s is taken", config)
		}
	}
	if got := fmt.Sprint(policy.Registered()); got != "[gpu_quota require_digest resource_limits]" {
		t.Errorf("registered: %s", got)
	}
}
