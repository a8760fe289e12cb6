package compose

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
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
	n = yamldoc.Resolve(n)
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
	for key, value := range yamldoc.Entries(n) {
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

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
