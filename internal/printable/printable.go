// Package printable keeps texts that strangers wrote, such as the names in a compose file, from commanding the terminal
// that shows them: from moving its cursor, renaming its window, or turning the direction of what is around.
package printable

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is the text on one line: what commands a terminal, line breaks and tabs too, becomes a question mark.
func Line(s string) string { return replace(s, commands) }

// Text is the same for a text of several lines, which keeps its line breaks and tabs. Colours are taken out.
func Text(s string) string {
	if !strings.ContainsFunc(s, commandsMore) {
		return s
	}
	return replace(colours.ReplaceAllString(s, ""), commandsMore)
}

// colours are the escape sequences that only change how the next letters look.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func replace(s string, bad func(rune) bool) string {
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return '?'
		}
		return r
	}, s)
}

// commands reports whether a terminal obeys the character. What is not UTF-8 may be a control character to it.
func commands(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func commandsMore(r rune) bool { return r != '\n' && r != '\t' && commands(r) }

// JSON is an encoded document in which such characters are escaped, too. Encoders leave those beyond ASCII as they are.
func JSON(document []byte) []byte {
	if !bytes.ContainsFunc(document, commandsMore) {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) { // beyond ASCII there are only texts, in which the escape means the same
		if commandsMore(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

// Writer passes on what is written as [Text] has it. Each call must have whole characters.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ w io.Writer }

func (w writer) Write(data []byte) (int, error) {
	if !bytes.ContainsFunc(data, commandsMore) {
		return w.w.Write(data)
	}
	if _, err := io.WriteString(w.w, Text(string(data))); err != nil {
		return 0, err
	}
	return len(data), nil
}
