package compose

import (
	"bytes"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

// Documents remembers compose files that were parsed, so that each is parsed once for all variants that read it. Use
// it from one goroutine at a time. The nodes are shared: do not change them.
type Documents map[string]document

type document struct {
	content []byte
	root    *yaml.Node
	err     error
}

// Parse parses the content of the named file. It is parsed anew when it is not what it was. The error is a
// *[yamldoc.Error].
func (d Documents) Parse(name string, content []byte) (*yaml.Node, error) {
	if known, ok := d[name]; ok && bytes.Equal(known.content, content) {
		return known.root, known.err
	}
	root, err := yamldoc.Parse(content, "!reset", "!override")
	if d != nil {
		d[name] = document{content, root, err}
	}
	return root, err
}
