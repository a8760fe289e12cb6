package compose

import (
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/tree"
	"gopkg.in/yaml.v3"
)

// keys are those of every mapping in a unit's files, wherever they stand.
type keys map[string]bool

// add notes the keys below n. Aliases are not followed: what they stand for is below n, too.
func (k keys) add(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			for part := range strings.SplitSeq(child.Value, ".") { // a dot parts compose-go's paths
				k[part] = true
			}
			continue
		}
		k.add(child)
	}
}

// casts are those of compose-go's conversions of text to numbers and booleans whose place can be in the files.
// compose-go tries all of them on each text, which is a fifth of what loading takes.
func (k keys) casts(all map[tree.Path]interpolation.Cast) map[tree.Path]interpolation.Cast {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(pattern tree.Path, _ interpolation.Cast) bool {
		for _, part := range pattern.Parts() {
			if part != tree.PathMatchAll && part != tree.PathMatchList && !k[part] {
				return true
			}
		}
		return false
	})
	return some
}
