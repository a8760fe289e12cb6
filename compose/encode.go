package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
)

// Encode writes the project as one compose file that means the same to docker compose. No interpolation is left to
// do: every $ in a value is doubled. The same project gives the same bytes.
//
// It does not use compose-go's MarshalYAML, which leaves $ single and writes texts of several lines as blocks: one
// that begins with a line break and blanks comes out as another text, or as no YAML at all.
func Encode(p *types.Project) ([]byte, error) {
	model, err := Model(p)
	if err != nil {
		return nil, fmt.Errorf("encode project: %w", err)
	}
	data, err := yamlOf(model)
	if err != nil {
		return nil, fmt.Errorf("encode project: %w", err)
	}
	return data, nil
}

// yamlOf writes plain values, every $ in them doubled.
func yamlOf(model map[string]any) ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(nodeOf(model)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Model is the project as plain values (numbers are [json.Number]). It is both what [Encode] writes and what the
// security scan judges, so that they cannot differ.
func Model(p *types.Project) (map[string]any, error) {
	p, ssh := withoutSSH(p)
	model, err := plain(p)
	if err != nil {
		return nil, err
	}
	if len(p.Models) > 0 { // compose-go leaves them out
		if model["models"], err = plain(p.Models); err != nil {
			return nil, err
		}
	}
	for name, keys := range ssh {
		if build, ok := model["services"].(map[string]any)[name].(map[string]any)["build"].(map[string]any); ok {
			build["ssh"] = keys
		}
	}
	for _, n := range children(model, "networks") {
		dropEmpty(n, "ipam")
	}
	for _, s := range children(model, "services") {
		dropEmpty(s, "command", "entrypoint") // null here is not "as the image says", but nothing
		if deploy, ok := s["deploy"].(map[string]any); ok {
			dropEmpty(deploy, "placement", "resources")
		}
		if blkio, ok := s["blkio_config"]; ok {
			s["blkio_config"] = lowerKeys(blkio) // compose-go forgot to name them for JSON
		}
	}
	return model, nil
}

// withoutSSH takes build.ssh out of the project, because compose-go writes no JSON of it, and returns it as the lists
// that it was.
func withoutSSH(p *types.Project) (*types.Project, map[string][]any) {
	ssh := map[string][]any{}
	for name, s := range p.Services {
		if s.Build == nil || len(s.Build.SSH) == 0 {
			continue
		}
		for _, key := range s.Build.SSH {
			ssh[name] = append(ssh[name], strings.TrimSuffix(key.ID+"="+key.Path, "="))
		}
	}
	if len(ssh) == 0 {
		return p, nil
	}
	c := *p
	c.Services = maps.Clone(p.Services)
	for name := range ssh {
		s := c.Services[name]
		build := *s.Build
		build.SSH = nil
		s.Build = &build
		c.Services[name] = s
	}
	return &c, ssh
}

func plain(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return out, dec.Decode(&out)
}

// children are the mappings in the section of the model.
func children(model map[string]any, section string) []map[string]any {
	var all []map[string]any
	values, _ := model[section].(map[string]any)
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// dropEmpty removes what Go's JSON has for values that are not there. `command: []` is there.
func dropEmpty(m map[string]any, keys ...string) {
	for _, key := range keys {
		if v, ok := m[key].(map[string]any); m[key] == nil || ok && len(v) == 0 {
			delete(m, key)
		}
	}
}

func lowerKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, value := range v {
			out[strings.ToLower(k)] = lowerKeys(value)
		}
		return out
	case []any:
		for i := range v {
			v[i] = lowerKeys(v[i])
		}
	}
	return v
}

func nodeOf(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, textNode(k), nodeOf(v[k]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, nodeOf(item))
		}
		return n
	case string:
		return textNode(strings.ReplaceAll(v, "$", "$$"))
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)} // a number or a boolean
}

// textNode writes a text in quotes unless it is plain ASCII on one line, which the encoder can be trusted with.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
