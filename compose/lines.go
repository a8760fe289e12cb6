package compose

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Position is a place in a file.
type Position struct {
	File string
	Line int
}

// Lines remembers where each key path of a merged model was written: the last file that has it. Lists of several
// files are counted through, as merging appends them. An item that merging puts in another's place (a volume with
// the same target) keeps the place of the first.
type Lines map[string]Position

// Find is the place of path, or of its nearest parent that a file has. Path elements are joined by dots, list
// items are numbers.
func (l Lines) Find(path string) Position {
	for path != "" {
		if p, ok := l[path]; ok {
			return p
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return l[""]
}

// add records file's nodes. Files are added in merge order. Aliases are followed; yamldoc has bounded them. visit is
// told of each list and mapping, and how much is in it.
func (l Lines) add(file string, root *yaml.Node, visit func(path string, n int)) {
	l.walk(file, "", root, visit)
	l[""] = Position{File: file, Line: 1}
}

func (l Lines) walk(file, path string, n *yaml.Node, visit func(path string, n int)) {
	n = resolve(n)
	switch n.Kind {
	case yaml.SequenceNode:
		visit(path, len(n.Content))
	case yaml.MappingNode:
		visit(path, len(n.Content)/2)
	}
	if n.Kind == yaml.SequenceNode {
		first := l.items(file, path)
		for i, item := range n.Content {
			p := join(path, strconv.Itoa(first+i))
			l[p] = Position{File: file, Line: item.Line}
			l.walk(file, p, item, visit)
		}
		return
	}
	for key, value := range entries(n) {
		p := join(path, key.Value)
		l[p] = Position{File: file, Line: key.Line}
		l.walk(file, p, value, visit)
	}
}

// items counts what files before this one put into the list at path.
func (l Lines) items(file, path string) int {
	for i := 0; ; i++ {
		if p, ok := l[join(path, strconv.Itoa(i))]; !ok || p.File == file {
			return i
		}
	}
}

// entries yields keys and values of a mapping, those that it merges in (<<) first: what is written out wins.
func entries(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) { pairs(resolve(n), yield) }
}

func pairs(n *yaml.Node, yield func(key, value *yaml.Node) bool) bool {
	if n.Kind != yaml.MappingNode {
		return true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, value := n.Content[i], resolve(n.Content[i+1]); isMerge(key) {
			sources := []*yaml.Node{value}
			if value.Kind == yaml.SequenceNode {
				sources = slices.Clone(value.Content)
				slices.Reverse(sources) // the first of several wins
			}
			for _, source := range sources {
				if !pairs(resolve(source), yield) {
					return false
				}
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) && !yield(n.Content[i], n.Content[i+1]) {
			return false
		}
	}
	return true
}

func isMerge(key *yaml.Node) bool { return key.ShortTag() == "!!merge" }

// resolve is the node that n stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
