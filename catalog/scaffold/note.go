package scaffold

import "fmt"

// Kind says what a note is about.
type Kind string

// The kinds.
const (
	Todo    Kind = "todo"     // what only a person can know
	Refused Kind = "refused"  // what no extension may have, and was left out
	LeftOut Kind = "left-out" // what means nothing here, or could not be carried over
	Changed Kind = "changed"  // what has another form now
)

// Kinds lists them in the order in which they are shown.
func Kinds() []Kind { return []Kind{Todo, Refused, LeftOut, Changed} }

// Heading is what stands above the notes of the kind.
func (k Kind) Heading() string {
	switch k {
	case Todo:
		return "To do:"
	case Refused:
		return "Refused and left out; what needs it does not work here:"
	case LeftOut:
		return "Left out:"
	case Changed:
		return "Changed:"
	}
	return string(k)
}

// Note is one line of the report on a conversion.
type Note struct {
	Kind    Kind   `json:"kind"`
	Line    int    `json:"line,omitempty"` // in the compose file; 0 when all of it is meant
	Path    string `json:"path,omitempty"` // key path in the compose file
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// String is the note on one line.
func (n Note) String() string {
	text := n.Message
	if n.Path != "" {
		text = n.Path + ": " + text
	}
	if n.Line > 0 {
		text = fmt.Sprintf("line %d: %s", n.Line, text)
	}
	if n.Fix != "" {
		text += "; " + n.Fix
	}
	return text
}
