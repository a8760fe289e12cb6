// Package yamldoc parses YAML that a stranger wrote, within bounds. Bytes, nodes and depth are counted, aliases
// included, before anything is expanded: an alias bomb below 1 KB takes `docker compose config` to gigabytes.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of one document. No honest extension comes near them.
const (
	MaxBytes = 1 << 20
	maxNodes = 50_000 // after aliases are expanded
	maxDepth = 64
)

// Error is a document that cannot be read, and where.
type Error struct {
	Line    int // 0 when the whole document is meant
	Message string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}

// Parse reads exactly one YAML document whose root is a mapping and returns the mapping. Every error is an
// *Error. JSON is YAML; a UTF-8 byte order mark and CRLF line ends are accepted.
func Parse(data []byte) (*yaml.Node, error) {
	if len(data) > MaxBytes {
		return nil, &Error{Message: fmt.Sprintf("%d bytes: at most %d are read", len(data), MaxBytes)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, &Error{Message: "not UTF-8 text: save the file as UTF-8"}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, &Error{Line: 1 + bytes.Count(data[:i], []byte("\n")), Message: "contains a NUL byte: this is not a text file"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{Message: "the file is empty"}
		}
		return nil, syntaxError(err)
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxError(err)
		}
		return nil, &Error{Message: "holds several YAML documents: keep one and remove the `---` lines"}
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
			return nil, &Error{Message: "the file is empty"}
		}
		return nil, &Error{Line: root.Line, Message: "the file must be a mapping (key: value), not " + KindName(root)}
	}
	c := counter{sizes: map[*yaml.Node]int{}}
	if _, err := c.count(root, 0); err != nil {
		return nil, err
	}
	return root, nil
}

// KindName is what a node is, in words.
func KindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "a text"
}

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

// syntaxError moves the line out of the decoder's text.
func syntaxError(err error) error {
	m := syntaxLine.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{Message: "not YAML: " + err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // the pattern allows digits only
	return &Error{Line: line, Message: "not YAML: " + m[2]}
}

// counter adds up nodes as if aliases were expanded, without expanding them.
type counter struct {
	sizes map[*yaml.Node]int // done nodes; -1 while a node is being counted
}

func (c *counter) count(n *yaml.Node, depth int) (int, error) {
	if depth > maxDepth {
		return 0, &Error{Line: n.Line, Message: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	}
	if n.Kind == yaml.AliasNode {
		if c.sizes[n.Alias] == -1 {
			return 0, &Error{Line: n.Line, Message: "alias *" + n.Value + " contains itself"}
		}
		return c.count(n.Alias, depth+1)
	}
	if size := c.sizes[n]; size > 0 && n.Anchor != "" {
		return size, nil
	}
	c.sizes[n] = -1
	total := 1
	for i, child := range n.Content {
		size, err := c.count(child, depth+1)
		if err != nil {
			return 0, err
		}
		if total += size; total > maxNodes {
			return 0, &Error{Line: n.Line, Message: fmt.Sprintf("more than %d values once aliases are expanded", maxNodes)}
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if err := duplicate(n, i); err != nil {
				return 0, err
			}
		}
	}
	c.sizes[n] = total
	return total, nil
}

// duplicate refuses a key that occurs before position i in the mapping.
func duplicate(n *yaml.Node, i int) error {
	key := n.Content[i]
	if key.Kind != yaml.ScalarNode {
		return &Error{Line: key.Line, Message: "a key must be a text, not " + KindName(key)}
	}
	if len(n.Content) > 2*maxKeys {
		return &Error{Line: n.Line, Message: fmt.Sprintf("a mapping with more than %d keys", maxKeys)}
	}
	for j := 0; j < i; j += 2 {
		if n.Content[j].Value == key.Value {
			return &Error{Line: key.Line, Message: fmt.Sprintf("key %q is given twice (first in line %d)", key.Value, n.Content[j].Line)}
		}
	}
	return nil
}

// maxKeys keeps the search for duplicates cheap.
const maxKeys = 1000
