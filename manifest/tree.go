package manifest

import (
	"cmp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// bounded reports whether the tree can be read at all: not too large, not too deep, and every key once.
// It counts an alias as all that it stands for and stops at the bound, so that ten lines of aliases that
// stand for a billion values cost no more than the bound.
func (p *parser) bounded(root *yaml.Node) bool {
	w := walker{parser: p}
	w.visit(root, "", 0, nil)
	return !w.stopped
}

type walker struct {
	*parser
	nodes   int
	stopped bool // a bound was hit; nothing below may be read
}

// visit counts n and what is below it. The alias that led here from outside is via, or nil: what it stands for
// was checked at its anchor, but bounds are reported where the alias is.
func (w *walker) visit(n *yaml.Node, path string, depth int, via *yaml.Node) {
	if w.stopped {
		return
	}
	at := cmp.Or(via, n)
	if w.nodes++; w.nodes > maxNodes {
		w.stop(at, "holds more than %d values, aliases counted in full: write less", maxNodes)
		return
	}
	if depth > maxDepth {
		w.stop(at, "is nested more than %d levels deep here: write it flatter", maxDepth)
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		w.visit(n.Alias, path, depth+1, at)
	case yaml.MappingNode:
		if via == nil {
			w.keys(n, path)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			w.visit(n.Content[i], path, depth+1, via)
			w.visit(n.Content[i+1], join(path, resolve(n.Content[i]).Value), depth+1, via)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			w.visit(item, index(path, i), depth+1, via)
		}
	}
}

func (w *walker) stop(n *yaml.Node, format string, args ...any) {
	w.stopped = true
	w.fail(n.Line, "", format, args...)
}

// keys checks that each key of the mapping n is a word and that it is there once. YAML's merge key is refused
// because half of the tools that read manifests do not know it.
func (w *walker) keys(n *yaml.Node, path string) {
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := resolve(n.Content[i])
		line := n.Content[i].Line
		if key.Kind != yaml.ScalarNode {
			w.fail(line, path, "%s is used as a key: keys are words", describe(key))
			continue
		}
		if key.ShortTag() == "!!merge" {
			w.fail(line, join(path, key.Value), "merge keys are not read: write the keys out")
			continue
		}
		if before, ok := first[key.Value]; ok {
			w.fail(line, join(path, key.Value), "is already given in line %d: keep one", before)
			continue
		}
		first[key.Value] = line
	}
}

// resolve is the node that n stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe says in plain words what a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!null":
		return "empty"
	case "!!str", "!!timestamp", "!!merge":
		return "text (" + quote(n.Value) + ")"
	case "!!int", "!!float":
		return "a number (" + shorten(n.Value) + ")"
	case "!!bool":
		return "true or false (" + shorten(n.Value) + ")"
	default:
		return "a value with the tag " + quote(tag)
	}
}

// quote shows a value of the manifest in a message: on one line, nothing unprintable, not too long.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	const limit = 60
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// join is the path of key in the mapping at path. A key that is no plain word is shown in quotes.
func join(path, key string) string {
	if !isWord(key, 64, "_-.") {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string {
	var b strings.Builder
	b.WriteString(path)
	b.WriteByte('[')
	b.WriteString(strconv.Itoa(i))
	b.WriteByte(']')
	return b.String()
}
