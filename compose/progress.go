package compose

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
)

// Event is one line of docker compose's progress.
type Event struct {
	ID      string `json:"id"`                  // "Container dream-hello", "Image redis:7", "Network dream-network", a layer's digest
	Parent  string `json:"parent_id,omitempty"` // of a layer: "Image redis:7"
	Status  string `json:"status"`              // Working, Done, Warning, Error
	Text    string `json:"text"`                // Creating, Started, Pulling, …
	Details string `json:"details,omitempty"`
	Current int64  `json:"current,omitempty"` // bytes, while pulling
	Total   int64  `json:"total,omitempty"`
	Percent int    `json:"percent,omitempty"`
}

// output reads a call's progress: the last error and the end of the text remain. It is written by one goroutine.
type output struct {
	on       func(Event) // may be nil
	line     []byte      // begun and not ended
	skipping bool        // what follows belongs to a line that is too long

	failed  string   // what compose said when it gave up
	details string   // the last error of one resource
	tail    []string // the last lines that were not progress
}

const (
	tailLines = 20
	maxLine   = 1 << 20 // bytes; a longer line is not read, but what comes after it is
)

// Write takes the stream in any pieces. It never fails: compose must not be stopped by what it prints.
func (o *output) Write(p []byte) (int, error) {
	n := len(p)
	for {
		piece, rest, ended := bytes.Cut(p, []byte("\n"))
		if o.skipping = o.skipping || len(o.line)+len(piece) > maxLine; !o.skipping {
			o.line = append(o.line, piece...)
		}
		if !ended {
			return n, nil
		}
		o.flush()
		p = rest
	}
}

// flush ends the line.
func (o *output) flush() {
	if o.skipping {
		o.line = []byte("(a line of more than 1 MiB)")
	}
	o.add(string(o.line))
	o.line, o.skipping = o.line[:0], false
}

func (o *output) add(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	var msg struct {
		Event
		Error   bool   `json:"error"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(line), &msg); err != nil {
		if o.tail = append(o.tail, line); len(o.tail) > tailLines {
			o.tail = o.tail[1:]
		}
		return
	}
	switch {
	case msg.Error:
		o.failed = msg.Message
	case msg.ID != "":
		if msg.Status == "Error" {
			o.details = msg.ID + ": " + cmp.Or(msg.Details, msg.Text)
		}
		if o.on != nil {
			o.on(msg.Event)
		}
	}
}

// reason is the best explanation that the output holds.
func (o *output) reason() string {
	for _, s := range []string{o.failed, o.details, strings.Join(o.tail, "; ")} {
		if s != "" {
			return strings.TrimPrefix(s, "Error response from daemon: ")
		}
	}
	return "no reason given"
}
