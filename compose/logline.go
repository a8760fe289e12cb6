package compose

import (
	"bytes"
	"strings"
)

// maxLogLine bounds one line, in bytes; the engine itself splits longer ones.
const maxLogLine = 16 << 10

// LogLine is one line that a container printed.
type LogLine struct {
	Time      string `json:"time"` // RFC 3339 with nanoseconds, as the engine wrote it
	Service   string `json:"service"`
	Container string `json:"container"` // its name
	Stream    string `json:"stream"`    // stdout or stderr; a container with a terminal has stdout alone
	Text      string `json:"text"`
	Cut       bool   `json:"cut,omitempty"` // the line was longer: … stands for the rest
}

// splitter makes lines of what is written to it. A line without an end is there after flush.
type splitter struct {
	of   LogLine // what all lines have in common
	emit func(LogLine)

	line  []byte
	begun bool
	more  bool // the line is longer than what is kept
}

func (s *splitter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte("\n"))
		const most = maxLogLine + 64 // and the time before it
		room := min(len(part), most-len(s.line))
		s.line, s.more, s.begun = append(s.line, part[:room]...), s.more || room < len(part), true
		if ended {
			s.flush()
		}
		p = rest
	}
	return written, nil
}

func (s *splitter) flush() {
	if !s.begun {
		return
	}
	l := s.of
	l.Time, l.Text, _ = strings.Cut(string(s.line), " ")
	if len(l.Text) > maxLogLine {
		l.Text, s.more = l.Text[:maxLogLine], true
	}
	l.Text = strings.ToValidUTF8(strings.TrimRight(l.Text, "\r"), "\ufffd")
	if l.Cut = s.more; l.Cut {
		l.Text += "…"
	}
	s.line, s.more, s.begun = s.line[:0], false, false
	s.emit(l)
}
