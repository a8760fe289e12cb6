package audit

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

// value is a place in a YAML file. Looking up what is not there gives a value without a node that still knows the
// nearest line.
type value struct {
	node *yaml.Node
	key  string // the last part of path
	path string // service.aliases[0]
	line int
}

func root(n *yaml.Node) value { return value{node: n, line: n.Line} }

// at is the value of a key.
func (v value) at(key string) value {
	path := key
	if v.path != "" {
		path = v.path + "." + key
	}
	out := value{key: key, path: path, line: v.line}
	if v.node == nil {
		return out
	}
	for k, n := range yamldoc.Entries(v.node) { // what is written out comes last
		if k.Value == key {
			out.node, out.line = yamldoc.Resolve(n), k.Line
		}
	}
	return out
}

// given reports whether there is a value that is not null.
func (v value) given() bool {
	return v.node != nil && (v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!null")
}

func (v value) isMapping() bool { return v.node != nil && v.node.Kind == yaml.MappingNode }

// text is the scalar as it is written; empty for anything else.
func (v value) text() string {
	if !v.given() || v.node.Kind != yaml.ScalarNode {
		return ""
	}
	return v.node.Value
}

// blank reports whether nothing can be read there.
func (v value) blank() bool {
	return !v.given() || v.node.Kind == yaml.ScalarNode && strings.TrimSpace(v.node.Value) == ""
}

// number is a whole number, in quotes or not; -1 for anything else.
func (v value) number() int {
	if v.given() && v.node.ShortTag() == "!!bool" {
		return -1
	}
	if n, err := strconv.Atoi(v.text()); err == nil {
		return n
	}
	return -1
}

// items are those of a list.
func (v value) items() []value {
	if v.node == nil || v.node.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		all[i] = value{node: yamldoc.Resolve(n), path: v.path + "[" + strconv.Itoa(i) + "]", line: n.Line}
	}
	return all
}

// texts are the items that are scalars.
func (v value) texts() []value {
	var all []value
	for _, item := range v.items() {
		if item.given() && item.node.Kind == yaml.ScalarNode {
			all = append(all, item)
		}
	}
	return all
}

// keys are the values of a mapping, in the order of the file; a key that is merged in and written out is there once.
func (v value) keys() []value {
	if !v.isMapping() {
		return nil
	}
	var all []value
	index := map[string]int{}
	for k, n := range yamldoc.Entries(v.node) {
		child := value{node: yamldoc.Resolve(n), key: k.Value, path: strings.TrimPrefix(v.path+"."+k.Value, "."), line: k.Line}
		if i, ok := index[k.Value]; ok {
			all[i] = child
			continue
		}
		index[k.Value] = len(all)
		all = append(all, child)
	}
	return all
}

// scalars calls visit for every scalar below. Aliases are not followed: what they stand for is visited at its anchor.
func scalars(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	for _, child := range n.Content {
		scalars(child, visit)
	}
}
