package security

import (
	"slices"
	"strings"
	"sync"
)

// table is every rule. A key of Compose that no row names is refused. A new rule is a row in its family's file, a
// function there, and a case in testdata.
func table() []row {
	return slices.Concat(
		shape, privileges, namespaces, mounts, ports, networks, images, secrets, builds, devices, identity, resources,
	)
}

// row says what is done at the places that a pattern names. * stands for any one key or list index.
type row struct {
	pattern string
	judge   func(c *scan, at path, v any) // nil: any value is fine
	whole   bool                          // judge has the say over everything below, too
}

// on is a place that a function judges. What stands below it needs rows of its own.
func on(pattern string, judge func(c *scan, at path, v any)) row {
	return row{pattern: pattern, judge: judge}
}

// allow is a value that harms nobody, whatever it is. What stands below it needs rows of its own.
func allow(pattern string) row { return row{pattern: pattern} }

// refuse is a key that no extension has a use for, and why. A value that means "no" is fine.
func refuse(pattern, rule, why string) row {
	return row{pattern: pattern, whole: true, judge: func(c *scan, at path, v any) {
		if !empty(v) {
			c.find(rule, at, why, "remove "+at.last())
		}
	}}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// node is the table as a tree, one key at a time.
type node struct {
	rows []row
	next map[string]*node
}

// child is the node for a key: the one that names it, else the one for any.
func (n *node) child(key string) *node {
	if c, ok := n.next[key]; ok {
		return c
	}
	return n.next["*"]
}

var rules = sync.OnceValue(func() *node {
	root := &node{}
	for _, r := range table() {
		n := root
		for key := range strings.SplitSeq(r.pattern, ".") {
			if n.next == nil {
				n.next = map[string]*node{}
			}
			if n.next[key] == nil {
				n.next[key] = &node{}
			}
			n = n.next[key]
		}
		n.rows = append(n.rows, r)
	}
	return root
})
