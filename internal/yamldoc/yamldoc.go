// Package yamldoc parses YAML that a stranger wrote, within bounds. Bytes, nodes and depth are counted, aliases
// included, before anything is expanded: an alias bomb below 1 KB takes `docker compose config` to gigabytes.
package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Limits of one document. The largest of 52 real extensions has 9 KB, 533 values, 31 keys in a mapping, 9 levels and
// no alias.
const (
	MaxBytes   = 512 << 10
	maxNodes   = 12_000 // after aliases are expanded
	maxDepth   = 96
	maxAliases = 256 // and as many anchors; compose-go looks through all of them for each
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
// *Error. JSON is YAML; a UTF-8 byte order mark and CRLF line ends are accepted. Values with tags other than those of
// plain YAML are refused, but for the tags that the caller knows.
func Parse(data []byte, tags ...string) (*yaml.Node, error) {
	if len(data) > MaxBytes {
		return nil, &Error{Message: fmt.Sprintf("larger than the %d bytes that a file may have", MaxBytes)}
	}
	if !utf8.Valid(data) {
		return nil, &Error{Message: "not UTF-8 text: save the file as UTF-8"}
	}
	if before, _, found := bytes.Cut(data, []byte{0}); found {
		return nil, &Error{Line: 1 + bytes.Count(before, []byte("\n")), Message: "contains a NUL byte: this is not a text file"}
	}
	docs, err := Documents(data)
	switch {
	case err != nil:
		return nil, err
	case len(docs) == 0:
		return nil, &Error{Message: "the file is empty"}
	case len(docs) > 1:
		return nil, &Error{Line: docs[1].Line, Message: "a second YAML document starts here: keep one and remove the `---` lines"}
	}
	root := docs[0].Content[0]
	if root.Kind != yaml.MappingNode {
		if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
			return nil, &Error{Message: "the file is empty"}
		}
		return nil, &Error{Line: root.Line, Message: "the file must be a mapping (key: value), not " + KindName(root)}
	}
	c := counter{done: map[*yaml.Node]extent{}, tags: tags}
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

// Documents parses the YAML documents in data, two at most: the second is only there to be refused. Aliases stay
// aliases, so that nothing is expanded, and nothing is bounded but that. Every error is an *Error.
func Documents(data []byte) (docs []*yaml.Node, err error) {
	// The data may be hostile and yaml.v3 has panicked on such before (CVE-2022-28948).
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Line: 1, Message: fmt.Sprintf("is not valid YAML: the parser gave up: %v", r)}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	for len(docs) < 2 {
		doc := new(yaml.Node)
		err := dec.Decode(doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, syntaxError(err)
		}
		if len(doc.Content) == 1 {
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

// syntaxError moves the line out of yaml.v3's text ("yaml: line 3: did not find …").
func syntaxError(err error) *Error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if n, scanErr := fmt.Sscanf(text, "line %d: ", &line); scanErr == nil && n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		if isGrammar(text) {
			line++
		}
	} else if strings.HasPrefix(text, "unknown anchor") {
		line = 0 // yaml.v3 does not say
	}
	return &Error{Line: line, Message: "is not valid YAML: " + text}
}

// isGrammar reports whether the error is from yaml.v3's parser and not from its scanner. The scanner counts
// lines from 1 and the parser from 0.
func isGrammar(text string) bool {
	for _, start := range []string{
		"did not find expected node", "did not find expected key", "did not find expected <",
		"did not find expected '-'", "did not find expected ','", "found undefined tag", "found duplicate %",
	} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// counter adds up nodes as if aliases were expanded, without expanding them.
type counter struct {
	done             map[*yaml.Node]extent // anchors that were counted; missing while one is being counted
	tags             []string              // that the caller knows
	aliases, anchors int
}

// extent is how much a node stands for.
type extent struct{ values, levels int }

func (c *counter) count(n *yaml.Node, depth int) (extent, error) {
	if n.Kind == yaml.AliasNode {
		c.aliases++
	}
	if n.Anchor != "" {
		c.anchors++
	}
	if c.aliases > maxAliases || c.anchors > maxAliases {
		return extent{}, &Error{Line: n.Line, Message: fmt.Sprintf("more than %d aliases or anchors", maxAliases)}
	}
	if n.Kind == yaml.AliasNode {
		known := c.done[n.Alias] // an anchor stands before its aliases
		if known.values == 0 {
			return extent{}, &Error{Line: n.Line, Message: "alias *" + n.Value + " contains itself"}
		}
		return known, within(n, depth+known.levels)
	}
	if err := within(n, depth); err != nil {
		return extent{}, err
	}
	if err := c.known(n); err != nil {
		return extent{}, err
	}
	total := extent{values: 1}
	for i, child := range n.Content {
		e, err := c.count(child, depth+1)
		if err != nil {
			return extent{}, err
		}
		total.levels = max(total.levels, 1+e.levels)
		if total.values += e.values; total.values > maxNodes {
			return extent{}, &Error{Line: n.Line, Message: fmt.Sprintf("more than %d values once aliases are expanded", maxNodes)}
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if err := duplicate(n, i); err != nil {
				return extent{}, err
			}
		}
	}
	if n.Anchor != "" {
		c.done[n] = total
	}
	return total, nil
}

// known refuses a tag that asks the reader to make something else of a value: what one reader acts on, another drops.
func (c *counter) known(n *yaml.Node) error {
	tag := n.ShortTag()
	if slices.Contains(plainTags, tag) || slices.Contains(c.tags, tag) {
		return nil
	}
	return &Error{Line: n.Line, Message: fmt.Sprintf("the tag %.40s is not understood: remove it", tag)}
}

// plainTags are those that a value has without one.
var plainTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!merge", "!!timestamp"}

func within(n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return &Error{Line: n.Line, Message: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	}
	return nil
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
