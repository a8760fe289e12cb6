package compose

import (
	"encoding/json"
	"strings"
)

// Event is one line of docker compose's progress.
type Event struct {
	ID      string `json:"id"`     // "Container dream-hello", "Image redis:7", "Network dream-network"
	Status  string `json:"status"` // Working, Done, Warning, Error
	Text    string `json:"text"`   // Creating, Started, Pulling, …
	Details string `json:"details,omitempty"`
	Current int64  `json:"current,omitempty"` // bytes, while pulling
	Total   int64  `json:"total,omitempty"`
	Percent int    `json:"percent,omitempty"`
}

// output is what remains of a call's progress when it ends.
type output struct {
	failed  string   // what compose said when it gave up
	details string   // the last error of one resource
	tail    []string // the last lines that were not progress
}

const tailLines = 20

func (o *output) add(line string, on func(Event)) {
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
		if msg.Status == "Error" && msg.Details != "" {
			o.details = msg.Event.ID + ": " + msg.Details
		}
		if on != nil {
			on(msg.Event)
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
