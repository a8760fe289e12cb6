package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseConfig_TakesBothForms(t *testing.T) {
	c, err := ParseConfig([]byte(`
plugins:
  - my_dstack_plugin
  - name: quota
    exec: [/usr/lib/dream/quota, --strict]
    sha256: abc
    hooks: [on_run_apply, on_fleet_apply]
    mode: warn
    on_error: allow
    timeout: 500ms
    secrets: true
    config: {max_gpus: 2}
  - {name: rest_plugin, url: "http://127.0.0.1:8000"}
rules:
  - name: no-host-ports
    hook: on_gateway_apply
    mode: audit
    match: size(spec.ports) > 0
    deny: ports are published by the gateway alone
exceptions:
  - {plugin: quota, extension: comfyui, reason: moving, expires: 2026-12-31}
projects:
- name: main
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Plugins: []PluginConfig{
			{Name: "my_dstack_plugin", Mode: Enforce, Line: 3},
			{
				Name: "quota", Exec: []string{"/usr/lib/dream/quota", "--strict"}, SHA256: "abc", Hooks: []Hook{OnService, OnFleet}, Mode: Warn,
				Allow: true, Timeout: 500 * time.Millisecond, Secrets: true, Config: []byte(`{"max_gpus":2}`), Line: 4,
			},
			{Name: "rest_plugin", URL: "http://127.0.0.1:8000", Mode: Enforce, Line: 13},
		},
		Rules: []RuleConfig{{
			Name: "no-host-ports", Hook: OnGateway, Mode: Audit, Match: Text{"size(spec.ports) > 0", 18, 12}, Deny: "ports are published by the gateway alone",
			Set: map[string]Text{}, Line: 15,
		}},
		Exceptions: []Exception{{"quota", "comfyui", "moving", time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), 21}},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, empty := range []string{"", "# nothing\n", "plugins: []\n"} {
		if c, err := ParseConfig([]byte(empty)); err != nil || len(c.Plugins) > 0 {
			t.Errorf("%q: %+v, %v", empty, c, err)
		}
	}
}

func TestParseConfig_RefusesWhatItDoesNotUnderstand(t *testing.T) {
	for text, want := range map[string]string{
		"plugins: [a":                                                   "config/server/config.yml: yaml:",
		"- a":                                                           "config.yml:1: the config: is not a mapping",
		"root:x: 0":                                                     "config.yml:1: the config: is no key that is understood here",
		"plugins: [a]\n---\nrules: [r]":                                 "config.yml:2: a second document begins here, which nobody would read",
		"plugins: [a]\n---\n":                                           "a second document begins here",
		"plugins: [a]\n--- [":                                           "config/server/config.yml: yaml:",
		"plugin: [a]":                                                   "config.yml:1: plugin: is no key that is understood here: write one of exceptions, plugins, projects, rules",
		"plugins: [a]\nplugins: [b]":                                    "config.yml:2: plugins: is there twice",
		"plugins: a":                                                    "config.yml:1: this key: is not a list",
		"plugins:\n- a\n- b\n- a":                                       `config.yml:4: "a" is there already, in line 2`,
		"plugins:\n- {name: a, mod: warn}":                              "config.yml:2: plugins.mod: is no key that is understood",
		"plugins:\n- {name: a, mode: loud}":                             `config.yml:2: mode: "loud" is none of [enforce warn audit off]`,
		"plugins:\n- {name: a, on_error: maybe}":                        `on_error: "maybe" is none of [deny allow]`,
		"plugins:\n- {name: a, timeout: 1h}":                            `timeout: "1h" is no time between 1ms and 20s`,
		"plugins:\n- {name: a, hooks: [on_apply]}":                      `hooks: "on_apply" is none of`,
		"plugins:\n- {name: a, exec: [run]}":                            `write the whole path of the program, not "run"`,
		"plugins:\n- {name: a, exec: [/x], url: 'http://x'}":            "a has both exec and url",
		"plugins:\n- {name: a, sha256: ab}":                             "there is no exec",
		"plugins:\n- 'A B'":                                             `"A B" is no name of a plugin`,
		"rules:\n- {name: r}":                                           "r does nothing: write deny, warn or set",
		"rules:\n- {name: r, deny: x, hook: y}":                         `hooks: "y" is none of`,
		"plugins: [r]\nrules:\n- {name: r, deny: x}":                    `"r" is there already, in line 1`,
		"exceptions:\n- {plugin: x, extension: y, reason: z}":           `exceptions.expires: "" is no day and no time`,
		"exceptions:\n- {plugin: x, extension: y, expires: 2026-01-01}": "plugin, extension, reason and expires are all needed",
		"exceptions:\n- {plugin: x, extension: y, reason: z, expires: 2026-01-01}": `no plugin or rule is called "x"`,
		"base: &b [a]\nplugins: *b":     "is no key that is understood here",
		"projects: &b [a]\nplugins: *b": "plugins: is an alias",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("plugins: [a, {name: b, exec: [/x]}]\nrules: [{name: r, match: 'true', deny: x}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil && len(c.Plugins)+len(c.Rules) > 0 {
			t.Error("half of a config that is refused is returned")
		}
	})
}
