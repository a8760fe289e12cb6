package compose

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// maxLog bounds what is read from one container's log, in bytes.
const maxLog = 4 << 20

// LogLine is one line that a container printed.
type LogLine struct {
	Time    string // RFC 3339 with nanoseconds, as the engine wrote it
	Service string
	Text    string
}

// Logs is the last tail lines of each container, in the order of time.
func (e *Engine) Logs(ctx context.Context, containers []Container, tail int) ([]LogLine, error) {
	var lines []LogLine
	for _, c := range containers {
		part, err := e.logsOf(ctx, c, tail)
		if err != nil {
			return nil, err
		}
		lines = append(lines, part...)
	}
	slices.SortStableFunc(lines, func(a, b LogLine) int { return strings.Compare(a.Time, b.Time) })
	return lines[max(0, len(lines)-tail):], nil
}

func (e *Engine) logsOf(ctx context.Context, c Container, tail int) ([]LogLine, error) {
	info, err := e.docker.ContainerInspect(ctx, c.ID)
	if err != nil {
		return nil, e.unavailable(err)
	}
	r, err := e.docker.ContainerLogs(ctx, c.ID, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: strconv.Itoa(tail),
	})
	if err != nil {
		return nil, e.unavailable(err)
	}
	defer r.Close()
	var buf bytes.Buffer
	bounded := io.LimitReader(r, maxLog)
	if info.Config.Tty {
		_, err = io.Copy(&buf, bounded)
	} else {
		_, err = stdcopy.StdCopy(&buf, &buf, bounded)
	}
	if err != nil && buf.Len() == 0 {
		return nil, fmt.Errorf("log of %s: %w", c.Name, err)
	}
	return splitLog(c.Service, &buf), nil
}

func splitLog(service string, r io.Reader) []LogLine {
	var lines []LogLine
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 4096), maxLog)
	for s.Scan() {
		stamp, text, _ := strings.Cut(s.Text(), " ")
		lines = append(lines, LogLine{Time: stamp, Service: service, Text: strings.TrimRight(text, "\r")})
	}
	return lines
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
