package agent

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"dreamserver/internal/problem"
)

// purpose tells what it means when a request gets no answer.
type purpose bool

const (
	asked    purpose = false // nothing was changed
	changing purpose = true  // nobody knows
)

// away says why no request reached a working agent.
func (c *Client) away(err error) error {
	var timeout interface{ Timeout() bool }
	const start = "start it with `make run` (systemd: systemctl start dream-host-agent)"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem.Newf(problem.AgentNoSocket, "the host agent is not running: there is no socket %s; %s", c.where, start)
	case errors.Is(err, fs.ErrPermission):
		return problem.Newf(problem.AgentRefused, "the host agent's socket %s may not be opened by this user: use the install's owner or root", c.where)
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem.Newf(problem.AgentRefused, "the host agent does not listen at %s: it was stopped or killed; %s", c.where, start)
	case c.onSocket() && closed(err):
		return problem.Newf(problem.AgentRefused, "the host agent at %s closed the connection without an answer: it takes none from this user (uid %d), or no more of them, or ended just now: use the install's owner or root", c.where, os.Geteuid())
	case errors.Is(err, context.Canceled):
		return problem.Newf(problem.AgentRefused, "the request to the host agent at %s was given up before it was answered", c.where)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return problem.Newf(problem.AgentHung, "the host agent at %s accepts connections and does not answer: restart it with `make stop` and `make run` (systemd: systemctl restart dream-host-agent)", c.where)
	}
	return problem.Newf(problem.AgentRefused, "the host agent at %s cannot be reached: %v", c.where, lastPart(err))
}

// closed reports whether the other end hung up. What net/http says of it depends on the moment; the last has no name.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.HasSuffix(err.Error(), "server closed idle connection")
}

// lastPart drops the URL that net/http puts before the cause.
func lastPart(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, ": "); i >= 0 {
		return s[i+2:]
	}
	return s
}

func unknownOutcome(err error) error {
	if errors.Is(err, context.Canceled) {
		return problem.Newf(problem.OutcomeUnknown, "interrupted: the host agent goes on with the work; `dream status` shows what comes of it")
	}
	return problem.Newf(problem.OutcomeUnknown,
		"the host agent stopped answering in the middle of the work: what came of it is unknown, see `dream status`; an unfinished change is finished when it is back (%v)", lastPart(err))
}
