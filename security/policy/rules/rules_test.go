package rules

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/security/policy"
)

// serviceSpec is what a hook of services sees of two services.
func serviceSpec(t *testing.T) policy.Spec {
	t.Helper()
	var s policy.Spec
	dec := json.NewDecoder(strings.NewReader(`{"kind":"service","id":"notes","manifest":{},"networks":{},"configs":{},"secrets":{},
		"services":{"notes":{"image":"example/notes:1","privileged":true,"environment":{"A":"1"},"mem_limit":"1073741824"},
		"notes-db":{"image":"example/db@sha256:00","ports":[{"target":5432,"published":"5432"}]}}}`))
	dec.UseNumber()
	if err := dec.Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func ruleOf(t *testing.T, text string) (*rule, error) {
	t.Helper()
	c, err := policy.ParseConfig([]byte("rules:\n" + text))
	if err != nil {
		return nil, err
	}
	env, err := environment()
	if err != nil {
		t.Fatal(err)
	}
	return newRule(env, c.Rules[0])
}

func TestRule_Decides(t *testing.T) {
	tests := []struct {
		name, rule string
		err        string // rejection
		warnings   []string
		changes    []string
		fails      string
	}{
		{
			name: "deny, where a key may be missing", rule: `  - {name: r, match: "spec.services.exists(s, spec.services[s].?privileged.orValue(false))", deny: no privileged containers}`,
			err: "no privileged containers",
		},
		{
			name: "deny with has", rule: `  - {name: r, match: "spec.services.exists(s, has(spec.services[s].privileged) && spec.services[s].privileged)", deny: no privileged containers}`,
			err: "no privileged containers",
		},
		{name: "no match", rule: `  - {name: r, match: "user == 'root'", deny: not for root}`},
		{name: "who asks", rule: `  - {name: r, match: "user == 'alice' && project == 'main'", deny: not for alice}`, err: "not for alice"},
		{name: "facts", rule: `  - {name: r, match: "extension.id == 'notes' && host.gpu_backend == 'cpu'", deny: not here}`, err: "not here"},
		{name: "warn", rule: `  - {name: r, match: "size(spec.services) > 1", warn: two of them}`, warnings: []string{"two of them"}},
		{
			name: "numbers", rule: `  - {name: r, match: "spec.services['notes-db'].ports[0].target == 5432", deny: a database}`, err: "a database",
		},
		{
			name: "set for every service", rule: "  - {name: r, set: {services.*.labels.team: \"'team of ' + service\"}}",
			changes: []string{"services.notes.labels: nil → map[team:team of notes]", "services.notes-db.labels: nil → map[team:team of notes-db]"},
		},
		{
			name: "set one", rule: "  - {name: r, set: {services.notes.privileged: \"false\", services.notes.cpus: \"1.5\"}}",
			changes: []string{"services.notes.cpus: nil → 1.5", "services.notes.privileged: true → false"},
		},
		{name: "a path through a text", rule: "  - {name: r, set: {services.notes.image.x: \"1\"}}", fails: "services.notes.image is not a mapping"},
		{name: "a key that is not there", rule: `  - {name: r, match: "spec.nothing == 1", deny: x}`, fails: "no such key"},
		{
			name: "too costly", rule: `  - {name: r, match: "'x'.matches('y') || [1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d, [1,2,3,4,5,6,7,8,9].map(e, [1,2,3,4,5,6,7,8,9].map(f, a+b+c+d+e+f)))))).size() == 1", deny: x}`,
			fails: "cost",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ruleOf(t, tt.rule)
			var got policy.Response
			before := serviceSpec(t)
			if err == nil {
				got, err = r.Apply(t.Context(), policy.Request{
					User: "alice", Project: "main", Spec: before, Context: policy.Facts{Extension: policy.ExtensionFacts{ID: "notes"}, Host: policy.HostFacts{GPUBackend: "cpu"}},
				})
			}
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v, want an error with %q", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Error != tt.err || !cmp.Equal(got.Warnings, tt.warnings) {
				t.Errorf("got %q, warnings %q", got.Error, got.Warnings)
			}
			if got.Spec == nil {
				got.Spec = before
			}
			if d := cmp.Diff(tt.changes, changesOf(before, got.Spec)); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(serviceSpec(t), before); d != "" {
				t.Errorf("what it was given is changed:\n%s", d)
			}
		})
	}
}

// changesOf are the differences of two specs as lines.
func changesOf(a, b policy.Spec) (lines []string) {
	for _, c := range policy.Diff("", map[string]any(a), map[string]any(b)) {
		lines = append(lines, c.Path+": "+show(c.Before)+" → "+show(c.After))
	}
	return lines
}

func TestRule_SaysWhereItIsWrong(t *testing.T) {
	tests := []struct{ rule, want string }{
		{"  - name: r\n    match: \"spec.services.size( > 1\"\n    deny: x", "3:"},
		{"  - name: r\n    match: \"usr == 'a'\"\n    deny: x", "r.match: undeclared reference to 'usr'"},
		{"  - name: r\n    match: \"'a'\"\n    deny: x", "r.match: is string, and has to be bool"},
		{"  - name: r\n    set: {services.*.*.x: \"1\"}", "is no path"},
		{"  - name: r\n    set: {bogus.path: \"1\"}", `3: r.set: "bogus.path" is nothing that on_service_apply may change: a path begins with services, networks, configs, secrets`},
		{"  - name: r\n    hook: on_gateway_apply\n    set: {services.*.labels.a: \"'b'\"}", "is nothing that on_gateway_apply may change: a path begins with ports, network_mode"},
		{"  - name: r\n    match: \"operation == 'instal'\"\n    deny: x", `r.match: operation is never "instal": it is one of install, enable, start, restart, up, check`},
		{"  - name: r\n    match: \"user != 'x' && operation in ['start', 'uninstall']\"\n    deny: x", `operation is never "uninstall"`},
		{"  - name: r\n    set: {kind: \"'b'\"}", "is nothing that on_service_apply may change"},
		{"  - name: r\n    set: {services.web.cpus: \"1 +\"}", "r.set.services.web.cpus:"},
	}
	for _, tt := range tests {
		if _, err := ruleOf(t, tt.rule); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n%v, want %q", tt.rule, err, tt.want)
		}
	}
}

func show(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprint(v)
}

// The examples of the page are understood.
func TestDocs_ExamplesAreUnderstood(t *testing.T) {
	page, err := os.ReadFile("../../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(page), "```yaml\n")[1:]
	if len(parts) < 2 {
		t.Fatalf("%d examples", len(parts))
	}
	for _, part := range parts {
		text, _, _ := strings.Cut(part, "```")
		c, err := policy.ParseConfig([]byte(text))
		if err == nil {
			_, err = New(c.Rules)
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}
