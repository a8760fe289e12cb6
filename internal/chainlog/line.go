package chainlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxLine is the longest line that is written, in bytes.
const maxLine = 60 << 10

// none is what the first line of all has as the hash of the one before.
var none = strings.Repeat("0", 2*sha256.Size)

// Kinds of lines.
const (
	begins = "begin"  // the first of a file
	seals  = "seal"   // behind one that was not written whole
	holds  = "record" // of the log's user
)

// line is one line. Its bytes are canonical: the keys in this order, without blanks, and the hash last; the hash is the
// SHA-256 of the bytes before `,"hash":`, in hexadecimal.
type line struct {
	Seq    uint64          `json:"seq"`
	Prev   string          `json:"prev"`
	Kind   string          `json:"kind"`
	Record json.RawMessage `json:"record"`
	Hash   string          `json:"hash,omitempty"`
}

// mark is what lines of the log's own say.
type mark struct {
	File int `json:"file"` // its number
	// Torn is how many bytes there are before this line that are no line, because whoever wrote them was killed, and SHA256
	// what they are.
	Torn   int    `json:"torn,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// encode is the line's bytes, without its end, and its hash.
func (l line) encode() (data []byte, hash string, err error) {
	l.Hash = ""
	whole, err := plain(l)
	if err != nil {
		return nil, "", err
	}
	body := bytes.TrimSuffix(whole, []byte("}"))
	hash = digest(body)
	data = fmt.Appendf(body, `,"hash":"%s"}`, hash)
	if len(data) > maxLine {
		return nil, "", fmt.Errorf("the record has %d bytes, and a line %d at most", len(data), maxLine)
	}
	return data, hash, nil
}

var (
	errForm = errors.New("it is no line of this log")
	errHash = errors.New("it was changed: its hash is another")
)

// parse reads a line, and refuses one whose bytes are not those that were written.
func parse(data []byte) (line, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return line{}, errForm
	}
	l.Record = bytes.Clone(l.Record)
	body, found := bytes.CutSuffix(data, fmt.Appendf(nil, `,"hash":"%s"}`, l.Hash))
	if !found {
		return l, errForm
	}
	if digest(body) != l.Hash {
		return l, errHash
	}
	return l, nil
}

// mark is what a line of the log's own says.
func (l line) mark() mark {
	var m mark
	if l.Kind == begins || l.Kind == seals {
		_ = json.Unmarshal(l.Record, &m) // the zero mark fits nowhere
	}
	return m
}

// plain is v as JSON on one line, without escapes for HTML.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
