package compose

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// maxLog bounds what is read from one container's log, in bytes.
const maxLog = 4 << 20

// Logs is the last tail lines of each container, in the order of time.
func (e *Engine) Logs(ctx context.Context, containers []Container, tail int) ([]LogLine, error) {
	lines, err := e.past(ctx, containers, LogQuery{Tail: tail})
	return lines[max(0, len(lines)-tail):], err
}

// readLog calls emit for the lines of one container's log that o asks for, of the first limit bytes; 0 is no limit.
func (e *Engine) readLog(ctx context.Context, c Container, o container.LogsOptions, limit int64, emit func(LogLine)) error {
	info, err := e.docker.ContainerInspect(ctx, c.ID)
	if err != nil {
		return e.unavailable(err)
	}
	o.ShowStdout, o.ShowStderr, o.Timestamps = true, true, true
	r, err := e.docker.ContainerLogs(ctx, c.ID, o)
	if err != nil {
		return e.unavailable(err)
	}
	defer r.Close()
	var in io.Reader = r
	if limit > 0 {
		in = io.LimitReader(r, limit)
	}
	lines := 0
	to := func(stream string) *splitter {
		return &splitter{of: LogLine{Service: c.Service, Container: c.Name, Stream: stream}, emit: func(l LogLine) {
			lines++
			emit(l)
		}}
	}
	out, errs := to("stdout"), to("stderr")
	if info.Config.Tty {
		_, err = io.Copy(out, in)
	} else {
		_, err = stdcopy.StdCopy(out, errs, in)
	}
	out.flush()
	errs.flush()
	if err != nil && lines == 0 {
		return fmt.Errorf("log of %s: %w", c.Name, err)
	}
	return nil
}

// FormatLog is the lines as one text. With several services each line begins with its service.
func FormatLog(lines []LogLine) string {
	several := slices.ContainsFunc(lines, func(l LogLine) bool { return l.Service != lines[0].Service })
	var b strings.Builder
	for _, l := range lines {
		if several {
			b.WriteString(l.Service + " | ")
		}
		b.WriteString(l.Text)
		b.WriteByte('\n')
	}
	return b.String()
}
