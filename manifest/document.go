package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

// document is the root mapping of the only YAML document in data, or nil with an issue.
func (p *parser) document(data []byte) *yaml.Node {
	if !p.isText(data) {
		return nil
	}
	docs, err := documents(data)
	switch {
	case err != nil:
		p.syntax(err)
	case len(docs) == 0:
		p.fail(0, "", "is empty: write schema_version and service")
	case len(docs) > 1:
		p.fail(docs[1].Line, "", "a second document starts here: keep one manifest in one file")
	default:
		root := resolve(docs[0].Content[0])
		if root.Kind == yaml.MappingNode {
			return root
		}
		if isNull(root) {
			p.fail(0, "", "is empty: write schema_version and service")
		} else {
			p.fail(root.Line, "", "is %s, not a mapping: write schema_version and service as keys", describe(root))
		}
	}
	return nil
}

// isText reports whether data can be a manifest at all: bounded, and text in UTF-8.
func (p *parser) isText(data []byte) bool {
	if len(data) > MaxBytes {
		p.fail(0, "", "is larger than the %d bytes that a manifest may have: keep long texts in other files", MaxBytes)
		return false
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		p.fail(0, "", "is UTF-16: save it as UTF-8")
		return false
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			line := 1 + bytes.Count(data[:i], []byte("\n"))
			p.fail(line, "", "byte %#02x is not text: save the file as UTF-8", data[i])
			return false
		}
		i += n
	}
	return true
}

// documents parses up to two YAML documents. The parser does not read all of JSON; what it lacks is mended first.
func documents(data []byte) ([]*yaml.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if json.Valid(data) {
		data = escapesOfJSON.ReplaceAllFunc(data, unescape)
	}
	return yamldoc.Documents(data)
}

// escapesOfJSON are the escape sequences in a JSON string; the parser lacks two kinds: "\/", and characters
// beyond 16 bits as a pair of surrogates, which is how Python writes an emoji.
var escapesOfJSON = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)`)

// unescape resolves the two kinds that YAML lacks and leaves the others.
func unescape(escape []byte) []byte {
	switch {
	case string(escape) == `\/`:
		return []byte("/")
	case len(escape) == len(`\ud83d\ude00`):
		var s string
		if json.Unmarshal(slices.Concat([]byte{'"'}, escape, []byte{'"'}), &s) == nil {
			return []byte(s)
		}
	}
	return escape
}

// syntax makes an issue of the parser's error.
func (p *parser) syntax(err error) {
	if e, ok := errors.AsType[*yamldoc.Error](err); ok {
		p.fail(e.Line, "", "%s: check the indentation and quotes near this line", e.Message)
	}
}
