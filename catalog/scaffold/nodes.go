package scaffold

import (
	"bytes"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// flatten copies a tree with its aliases and merge keys written out. The tree is bounded, aliases counted in full.
func flatten(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return flatten(n.Alias)
	}
	c := *n
	c.Anchor, c.Alias, c.Content = "", nil, nil
	c.HeadComment, c.LineComment, c.FootComment = plain(n.HeadComment), plain(n.LineComment), plain(n.FootComment)
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			c.Content = append(c.Content, flatten(child))
		}
		return &c
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		value := flatten(n.Content[i+1])
		if n.Content[i].ShortTag() != "!!merge" {
			c.Content = append(c.Content, flatten(n.Content[i]), value)
			continue
		}
		if value.Kind == yaml.SequenceNode {
			merged = append(merged, value.Content...)
		} else {
			merged = append(merged, value)
		}
	}
	for _, from := range merged { // what is written beside the merge key wins, then the first that is merged
		for key, value := range pairs(from) {
			if get(&c, key.Value) == nil {
				c.Content = append(c.Content, key, value)
			}
		}
	}
	return &c
}

// plain keeps a comment that an extension's files may hold, which are ASCII.
func plain(comment string) string {
	if strings.ContainsFunc(comment, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
		return ""
	}
	return comment
}

// pairs are the keys and values of a mapping; none of anything else.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// get is the value of a key, or nil where it is missing or null.
func get(n *yaml.Node, key string) *yaml.Node {
	for k, v := range pairs(n) {
		if k.Value == key && v.ShortTag() != "!!null" {
			return v
		}
	}
	return nil
}

// items are the items of a list; a single value is a list of one, as in Compose.
func items(n *yaml.Node) []*yaml.Node {
	switch {
	case n == nil || n.ShortTag() == "!!null":
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

// text is the text of a scalar, empty for anything else.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// scalar is a value that YAML reads as what it looks like: true, 3, text.
func scalar(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// words is a text, whatever it looks like. What a reader of YAML may take for something else is in quotes.
func words(value string) *yaml.Node {
	if readsAsOther(value) {
		return quoted(value)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// otherWords and otherForms are the plain scalars that some reader of YAML 1.1 or 1.2 takes for a truth value, nothing, a
// number or a time; some texts that all take for text are among otherForms, where quotes do no harm.
var (
	otherWords = regexp.MustCompile(`(?i)\A(?:|~|null|y|yes|n|no|true|false|on|off|<<|=|[-+]?\.(?:inf|nan))\z`)
	otherForms = regexp.MustCompile(`\A[-+]?(?:\.?[0-9][0-9a-fA-FxXoO_+-]*(?:\.[0-9eE_+-]*)?|[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?|[0-9]{4}-[0-9-]+[Tt \t].*)\z`)
)

// readsAsOther reports whether a text needs quotes to be read as text.
func readsAsOther(value string) bool {
	return otherWords.MatchString(value) || otherForms.MatchString(value)
}

// plainOrQuoted is a text of an id, a name or an image as it stands in YAML.
func plainOrQuoted(value string) string {
	if readsAsOther(value) {
		return strconv.Quote(value)
	}
	return value
}

// quoted is a text in double quotes.
func quoted(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
}

// list is a list of texts, on one line when it is short.
func list(values ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, v := range values {
		n.Content = append(n.Content, words(v))
	}
	if len(strings.Join(values, ", ")) < 80 {
		n.Style = yaml.FlowStyle
	}
	return n
}

// mapping is a mapping of names, each followed by its value.
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		set(n, nil, pairs[i].(string), pairs[i+1].(*yaml.Node)) //nolint:forcetypeassert // written in this package
	}
	return n
}

// set adds a key to a mapping. It takes over the comments of the key that it was made from, which may be nil.
func set(n, from *yaml.Node, key string, value *yaml.Node) {
	k := words(key)
	if from != nil {
		k.HeadComment, k.LineComment, k.FootComment = from.HeadComment, from.LineComment, from.FootComment
	}
	n.Content = append(n.Content, k, value)
}

// scalars calls f for each value in the tree that is text to Compose, keys left out.
func scalars(n *yaml.Node, f func(n *yaml.Node)) {
	switch {
	case n == nil:
	case n.Kind == yaml.ScalarNode:
		if n.ShortTag() == "!!str" {
			f(n)
		}
	case n.Kind == yaml.MappingNode:
		for _, v := range pairs(n) {
			scalars(v, f)
		}
	default:
		for _, child := range n.Content {
			scalars(child, f)
		}
	}
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}
