package security_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"gopkg.in/yaml.v3"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/security"
)

// TestScan_RefusesEveryKeyThatTheTableDoesNotName adds each key of the Compose schema, at every level, to a file that
// is accepted. A key that the table does not allow must be refused, and the refusal must name it.
func TestScan_RefusesEveryKeyThatTheTableDoesNotName(t *testing.T) {
	w := schemaWalk{t: t}
	if err := json.Unmarshal([]byte(schema.Schema), &w.root); err != nil {
		t.Fatal(err)
	}
	w.visit(w.root, nil, func(v any) any { return v }, 0)
	t.Logf("%d keys: %d the table does not name, %d of these refused by the loader already", w.keys, w.unnamed, w.byLoader)
	// A walk that finds nothing proves nothing: the schema of compose-go 2.15 has more than these.
	if w.keys < 550 || w.unnamed-w.byLoader < 200 {
		t.Errorf("the walk found %d keys, %d unnamed ones that load: it does not see the schema", w.keys, w.unnamed-w.byLoader)
	}
}

type schemaWalk struct {
	t                       *testing.T
	root                    map[string]any
	keys, unnamed, byLoader int
}

// visit tries every key that the object or list may hold. wrap puts a value at the path into a whole document.
func (w *schemaWalk) visit(s map[string]any, at []string, wrap func(any) any, depth int) {
	if depth > 12 {
		return // a hook's environment in a hook's environment
	}
	s = w.resolve(s)
	for _, alternatives := range []string{"oneOf", "anyOf", "allOf"} {
		for _, alt := range list(s[alternatives]) {
			w.visit(alt, at, wrap, depth+1)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		w.visit(items, append(slices.Clone(at), "0"), func(v any) any { return wrap([]any{v}) }, depth+1)
	}
	for _, key := range slices.Sorted(maps.Keys(mapping(s["properties"]))) {
		w.key(s, key, mapping(mapping(s["properties"])[key]), at, wrap, depth)
	}
	for pattern, value := range mapping(s["patternProperties"]) {
		if !strings.HasPrefix(pattern, "^x-") {
			w.key(s, keyFor(at), mapping(value), at, wrap, depth)
		}
	}
}

func (w *schemaWalk) key(object map[string]any, key string, s map[string]any, at []string, wrap func(any) any, depth int) {
	path := append(slices.Clone(at), key)
	inside := func(v any) any {
		m := w.required(object)
		m[key] = v
		return wrap(m)
	}
	for _, sample := range w.samples(s, key, 0) {
		w.try(path, inside(sample))
	}
	w.visit(s, path, inside, depth+1)
}

// try judges the document. Documents that the loader refuses for their value say nothing about the key.
func (w *schemaWalk) try(at []string, doc any) {
	w.keys++
	if security.Allows(at...) || at[0] == "version" { // which Compose itself ignores
		return
	}
	w.unnamed++
	text, err := yaml.Marshal(complete(doc))
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := subject(w.t, compose.User, []string{"all"}, string(text))
	if err != nil {
		w.byLoader++
		if !problem.HasCode(err, problem.InvalidExtension) {
			w.t.Errorf("%s: %v, want a refusal\n%s", strings.Join(at, "."), err, text)
		}
		return
	}
	findings, err := security.Scan(s)
	if err != nil {
		w.t.Errorf("%s: %v", strings.Join(at, "."), err)
		return
	}
	named := slices.ContainsFunc(security.Errors(findings), func(f security.Finding) bool {
		return slices.ContainsFunc(at, func(key string) bool { return strings.HasSuffix(f.Path, "."+key) || f.Path == key })
	})
	if !named {
		w.t.Errorf("%s is not refused by name:\n%s\nfindings %+v", strings.Join(at, "."), text, findings)
	}
}

// complete makes the document one that would be accepted without the key.
func complete(doc any) map[string]any {
	m, services := map[string]any{}, map[string]any{}
	maps.Copy(m, mapping(doc))
	maps.Copy(services, mapping(m["services"]))
	web := map[string]any{"image": "example/web:1"}
	maps.Copy(web, mapping(services["web"]))
	services["web"] = web
	m["services"] = services
	return m
}

// keyFor is a name that an extension may give.
func keyFor(at []string) string {
	if len(at) == 1 && at[0] == "services" {
		return "web"
	}
	return "web-x"
}

func (w *schemaWalk) resolve(s map[string]any) map[string]any {
	for {
		ref, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		at := w.root
		for key := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at = mapping(at[key])
		}
		s = at
	}
}

// required are the keys that the object cannot do without.
func (w *schemaWalk) required(s map[string]any) map[string]any {
	m := map[string]any{}
	for _, key := range anyList(s["required"]) {
		name := fmt.Sprint(key)
		if samples := w.samples(mapping(mapping(s["properties"])[name]), name, 0); len(samples) > 0 {
			m[name] = samples[0]
		}
	}
	return m
}

// samples are values that the schema takes, one for each of its alternatives.
func (w *schemaWalk) samples(s map[string]any, key string, depth int) []any {
	s = w.resolve(s)
	if depth > 4 {
		return nil
	}
	if choices := anyList(s["enum"]); len(choices) > 0 {
		return choices[len(choices)-1:]
	}
	if c, ok := s["const"]; ok {
		return []any{c}
	}
	var all []any
	for _, alternatives := range []string{"oneOf", "anyOf"} {
		for _, alt := range list(s[alternatives]) {
			all = append(all, w.samples(alt, key, depth+1)...)
		}
	}
	types := anyList(s["type"])
	if one, ok := s["type"].(string); ok {
		types = []any{one}
	}
	for _, typ := range types {
		switch typ {
		case "string":
			all = append(all, text(key, fmt.Sprint(s["format"])))
		case "integer", "number":
			all = append(all, 1)
		case "boolean":
			all = append(all, true)
		case "array":
			for _, item := range w.samples(mapping(s["items"]), key, depth+1) {
				all = append(all, []any{item})
			}
		case "object":
			m := w.required(s)
			for _, name := range slices.Sorted(maps.Keys(mapping(s["properties"]))) {
				if inner := w.samples(mapping(mapping(s["properties"])[name]), name, depth+1); len(m) == 0 && len(inner) > 0 {
					m[name] = inner[0]
				}
			}
			for pattern, value := range mapping(s["patternProperties"]) {
				if inner := w.samples(mapping(value), key, depth+1); !strings.HasPrefix(pattern, "^x-") && len(m) == 0 && len(inner) > 0 {
					m["web-x"] = inner[0]
				}
			}
			if len(m) == 0 && s["additionalProperties"] != false {
				m["web-x"] = "1"
			}
			all = append(all, m)
		}
	}
	return all
}

// text is a string of the format that the key wants.
func text(key, format string) string {
	switch {
	case format == "duration", strings.HasSuffix(key, "interval"), strings.HasSuffix(key, "period"), strings.HasSuffix(key, "timeout"):
		return "10s"
	case format == "ports", format == "expose":
		return "8080"
	case format == "subnet_ip_address":
		return "10.9.0.0/24"
	case strings.HasSuffix(key, "size"), strings.HasPrefix(key, "mem"), key == "memory":
		return "64m"
	}
	if _, err := strconv.Atoi(key); err == nil {
		return "web-x"
	}
	return "1"
}

func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func anyList(v any) []any {
	l, _ := v.([]any)
	return l
}

func list(v any) []map[string]any {
	var all []map[string]any
	for _, item := range anyList(v) {
		all = append(all, mapping(item))
	}
	return all
}
