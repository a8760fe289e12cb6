package yamldoc

import (
	"iter"
	"slices"

	"gopkg.in/yaml.v3"
)

// Resolve is the node that n stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Entries yields keys and values of a mapping, those that it merges in (<<) first: what is written out wins.
func Entries(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) { pairs(Resolve(n), yield) }
}

func pairs(n *yaml.Node, yield func(key, value *yaml.Node) bool) bool {
	if n.Kind != yaml.MappingNode {
		return true
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key, value := n.Content[i], Resolve(n.Content[i+1]); isMerge(key) {
			sources := []*yaml.Node{value}
			if value.Kind == yaml.SequenceNode {
				sources = slices.Clone(value.Content)
				slices.Reverse(sources) // the first of several wins
			}
			for _, source := range sources {
				if !pairs(Resolve(source), yield) {
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
