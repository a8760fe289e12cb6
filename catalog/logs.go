package catalog

import (
	"context"
	"iter"
	"time"

	"dreamserver/compose"
)

// LogLine and LogQuery are a line of a log, and which lines are wanted.
type (
	LogLine  = compose.LogLine
	LogQuery = compose.LogQuery
)

// FollowLogs are the lines of the log of an extension or a core service that q asks for, until ctx ends. What ends them
// before is an error, their last element.
func (m *Manager) FollowLogs(ctx context.Context, id string, q LogQuery) (iter.Seq2[LogLine, error], error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if _, ok := m.Snapshot().Find(id); !ok {
		return nil, unknown(id)
	}
	return m.agent.FollowLogs(ctx, id, q)
}

// LogsOf is the lines as one text.
func LogsOf(id string, lines []LogLine) Logs {
	return Logs{ServiceID: id, Logs: compose.FormatLog(lines), Lines: len(lines)}
}

// ParseSince is the time that a person means with text, a time of RFC 3339 or how long ago, such as 10m; zero for an empty
// text. ok is false for what is neither.
func ParseSince(text string, now time.Time) (t time.Time, ok bool) {
	if text == "" {
		return t, true
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}
