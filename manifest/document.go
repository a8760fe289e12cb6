package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
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

// documents parses up to two YAML documents; the second is only there to be refused. Aliases stay aliases.
func documents(data []byte) (docs []*yaml.Node, err error) {
	// The data may be hostile and yaml.v3 has panicked on such before (CVE-2022-28948).
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", r)
		}
	}()
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if json.Valid(data) {
		data = escapesOfJSON.ReplaceAllFunc(data, unescape)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(docs) < 2 {
		doc := new(yaml.Node)
		err := dec.Decode(doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(doc.Content) == 1 {
			docs = append(docs, doc)
		}
	}
	return docs, nil
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

// syntax turns an error of yaml.v3 ("yaml: line 3: did not find …") into an issue.
func (p *parser) syntax(err error) {
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
	p.fail(line, "", "is not valid YAML: %s: check the indentation and quotes near this line", text)
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
