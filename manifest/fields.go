package manifest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// A field reads the value at path into the place that it was made for, or adds an issue and leaves the place
// as it was. It is never called for null: a key without a value counts as absent.
type field func(path string, n *yaml.Node)

// fields is what a mapping of the contract may hold.
type fields map[string]field

// A check says what is wrong with a text, and what to do, or is empty.
type check func(string) string

// mapping reads the keys of n that the contract knows, warns about the others, and returns those with a value.
func (p *parser) mapping(path string, n *yaml.Node, known fields) (given map[string]bool) {
	given = map[string]bool{}
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n.Line, path, "is %s, not a mapping: write keys below it", describe(n))
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" || given[key.Value] {
			continue // reported by the walk
		}
		read, ok := known[key.Value]
		if !ok {
			p.warn(n.Content[i].Line, join(path, key.Value), "is not a key of %s: it is ignored", SchemaVersion)
			p.warnings[len(p.warnings)-1].Unknown = true
			continue
		}
		if !isNull(value) {
			given[key.Value] = true
			read(join(path, key.Value), value)
		}
	}
	return given
}

// lenient makes what is wrong with a nicety a warning: the key is then treated as absent.
func (p *parser) lenient(read field) field {
	return func(path string, n *yaml.Node) {
		before := len(p.issues)
		read(path, n)
		for _, issue := range p.issues[before:] {
			issue.Message += "; it is ignored"
			p.warnings = append(p.warnings, issue)
		}
		p.issues = p.issues[:before]
	}
}

// text reads one line of text.
func (p *parser) text(dst *string, checks ...check) field {
	return func(path string, n *yaml.Node) {
		if s, ok := p.scalar(path, n); ok && p.pass(path, n, s, append(checks, oneLine)) {
			*dst = s
		}
	}
}

// prose reads text that may have several lines.
func (p *parser) prose(dst *string) field {
	return func(path string, n *yaml.Node) {
		if s, ok := p.scalar(path, n); ok && p.pass(path, n, s, []check{printable}) {
			*dst = strings.TrimSpace(s)
		}
	}
}

// word reads one of a closed set of words.
func word[T ~string](p *parser, dst *T, choices ...T) field {
	return func(path string, n *yaml.Node) {
		s, ok := p.scalar(path, n)
		if !ok {
			return
		}
		if !slices.Contains(choices, T(s)) {
			p.fail(n.Line, path, "%s is not known: write %s", quote(s), alternatives(choices))
			return
		}
		*dst = T(s)
	}
}

func alternatives[T ~string](choices []T) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// list reads a list of texts, each of which passes the checks.
func (p *parser) list(dst *[]string, checks ...check) field {
	return func(path string, n *yaml.Node) {
		items := []string{}
		p.each(path, n, func(path string, n *yaml.Node) {
			if s, ok := p.scalar(path, n); ok && p.pass(path, n, s, append(checks, oneLine)) {
				items = append(items, s)
			}
		})
		if resolve(n).Kind == yaml.SequenceNode {
			*dst = items
		}
	}
}

// each calls read for the items of a list.
func (p *parser) each(path string, n *yaml.Node, read field) {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		p.fail(n.Line, path, "is %s, not a list: write [a, b]", describe(n))
		return
	}
	for i, item := range n.Content {
		read(index(path, i), resolve(item))
	}
}

// port reads a port, 0 included. Numbers in quotes are accepted, as the reference's audit does.
func (p *parser) port(dst *int) field {
	return p.whole(dst, 65535, "write a port between 1 and 65535, or 0 for none")
}

// whole reads a whole number between 0 and most. Decimal digits only: 010 is 8 to some readers and 10 to others.
func (p *parser) whole(dst *int, most int, advice string) field {
	return func(path string, n *yaml.Node) {
		tag := n.ShortTag()
		if n.Kind != yaml.ScalarNode || tag == "!!bool" || isNull(n) {
			p.fail(n.Line, path, "is %s, not a number: %s", describe(n), advice)
			return
		}
		v, err := strconv.Atoi(n.Value)
		switch {
		case err != nil && tag == "!!str":
			p.fail(n.Line, path, "%s is not a number: %s", quote(n.Value), advice)
		case err != nil:
			p.fail(n.Line, path, "%s is not a whole number from 0 to %d: %s", shorten(n.Value), most, advice)
		case len(n.Value) > 1 && n.Value[0] == '0':
			p.fail(n.Line, path, "%s starts with 0: write it without", shorten(n.Value))
		case strings.Trim(n.Value, "0123456789") != "":
			p.fail(n.Line, path, "%s is not a whole number from 0 to %d: %s", shorten(n.Value), most, advice)
		case v > most:
			p.fail(n.Line, path, "%d is larger than %d: %s", v, most, advice)
		default:
			*dst = v
		}
	}
}

// gigabytes reads a size, whole or not.
func (p *parser) gigabytes(dst *float64) field {
	return func(path string, n *yaml.Node) {
		v, err := strconv.ParseFloat(n.Value, 64)
		if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(v) || v < 0 || v > 1e6 {
			p.fail(n.Line, path, "is %s, not a size: write gigabytes as a number, 0 or more", describe(n))
			return
		}
		*dst = v
	}
}

// yesNo reads a truth value in each spelling of YAML 1.1, because PyYAML reads them so.
func (p *parser) yesNo(dst *bool) field {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.ScalarNode {
			switch strings.ToLower(n.Value) {
			case "true", "yes", "on":
				*dst = true
				return
			case "false", "no", "off":
				*dst = false
				return
			}
		}
		p.fail(n.Line, path, "is %s: write true or false", describe(n))
	}
}

// anyScalar reads a text, number or truth value as it is written in the file.
func (p *parser) anyScalar(dst **string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			p.fail(n.Line, path, "is %s: write text or a number", describe(n))
			return
		}
		if p.pass(path, n, n.Value, []check{printable}) {
			*dst = &n.Value
		}
	}
}

// scalar is the text of n. What YAML takes for a number or a truth value is not silently made a text.
func (p *parser) scalar(path string, n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode {
		switch n.ShortTag() {
		case "!!str", "!!timestamp", "!!merge":
			return n.Value, true
		case "!!int", "!!float", "!!bool":
			p.fail(n.Line, path, "is %s, not text: put it in quotes", describe(n))
			return "", false
		}
	}
	p.fail(n.Line, path, "is %s, not text: write text", describe(n))
	return "", false
}

func (p *parser) pass(path string, n *yaml.Node, s string, checks []check) bool {
	for _, c := range checks {
		if problem := c(s); problem != "" {
			p.fail(n.Line, path, "%s", problem)
			return false
		}
	}
	return true
}

// oneLine keeps control characters, which could repaint a terminal, out of names.
func oneLine(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return quote(s) + " holds a line break or control character: write one line of plain text"
	}
	return ""
}

func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
		return "holds a control character: write plain text"
	}
	return ""
}
