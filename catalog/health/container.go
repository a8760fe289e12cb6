package health

import (
	"fmt"
	"slices"
	"strings"

	"dreamserver/compose"
)

// Condition is how the service's own container is.
type Condition string

// The conditions.
const (
	Unseen     Condition = "not known" // the host agent or Docker is away
	Absent     Condition = "none"
	Created    Condition = "created" // and never started
	Running    Condition = "running"
	Young      Condition = "young" // running, but not for long, and the service has not answered since
	Paused     Condition = "paused"
	Restarting Condition = "restarting" // it ended, and Docker is about to start it again
	Stopped    Condition = "stopped"    // by somebody, or by itself with exit code 0
	Finished   Condition = "finished"   // it runs once, and ended with exit code 0
	Failed     Condition = "failed"
	Removing   Condition = "removing"
)

// Conditions are all of them.
var Conditions = []Condition{Unseen, Absent, Created, Running, Young, Paused, Restarting, Stopped, Finished, Failed, Removing}

// condition sums the container up. Young is what only the caller can know.
func (t *Target) condition(young bool) Condition {
	if !t.Known {
		return Unseen
	}
	if t.Container == nil {
		return Absent
	}
	c := conditionOf(t.Container)
	if c == Running && young {
		return Young
	}
	return c
}

func conditionOf(c *compose.Container) Condition {
	switch c.State {
	case "running":
		return Running
	case "created":
		return Created
	case "paused":
		return Paused
	case "restarting":
		return Restarting
	case "removing":
		return Removing
	case "exited":
		switch {
		case c.OOMKilled:
			return Failed
		case c.ExitCode == 0 && c.OneShot:
			return Finished
		case slices.Contains([]int{0, 137, 143}, c.ExitCode): // a stop ends it with SIGTERM or SIGKILL
			return Stopped
		}
	}
	return Failed
}

// told says what became of a container that does not run as it should.
func told(c *compose.Container) string {
	if c == nil {
		return ""
	}
	words := ""
	switch {
	case c.OOMKilled:
		return "ran out of memory: raise deploy.resources.limits.memory"
	case c.State == "created":
		words = "was made and never started"
	case c.State == "restarting":
		words = fmt.Sprintf("ended with exit code %d and is being restarted", c.ExitCode)
	case c.State == "running" && c.Health == "unhealthy":
		return "fails its healthcheck" + clause(lastLine(c.LastHealth))
	default:
		words = fmt.Sprintf("ended with exit code %d", c.ExitCode)
	}
	return words + clause(c.Error)
}

// broken names the helpers that do not work. One that was stopped, has finished or is starting is none of them.
func broken(helpers []compose.Container) string {
	var out []string
	for i := range helpers {
		c := &helpers[i]
		switch conditionOf(c) {
		case Created, Restarting, Failed:
		case Running:
			if c.Health != "unhealthy" {
				continue
			}
		default:
			continue
		}
		out = append(out, "its helper "+c.Service+" "+told(c))
	}
	return strings.Join(out, "; ")
}
