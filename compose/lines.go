package compose

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Position is a place in a file.
type Position struct {
	File string
	Line int
}

// Lines remembers where each key path of a merged model was written: the last file that has it.
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

// add records file's nodes. Files are added in merge order. Aliases are followed; yamldoc has bounded them.
func (l Lines) add(file string, root *yaml.Node) {
	l.walk(file, "", root)
	l[""] = Position{File: file, Line: 1}
}

func (l Lines) walk(file, path string, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for i, child := range n.Content {
		switch n.Kind {
		case yaml.MappingNode:
			if i%2 == 0 {
				continue
			}
			key := n.Content[i-1]
			if key.Value == "<<" && key.Tag == "!!merge" {
				l.walk(file, path, child)
				continue
			}
			p := join(path, key.Value)
			l[p] = Position{File: file, Line: key.Line}
			l.walk(file, p, child)
		case yaml.SequenceNode:
			p := join(path, strconv.Itoa(i))
			l[p] = Position{File: file, Line: child.Line}
			l.walk(file, p, child)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
