package compose

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Container is one container of the project as Docker reports it.
type Container struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Service string   `json:"service"`
	Image   string   `json:"image"`
	ImageID string   `json:"-"`                // what Image was when the container was made
	State   string   `json:"state"`            // created, running, restarting, paused, exited, removing, dead
	Health  string   `json:"health,omitempty"` // healthy, unhealthy, starting; empty without a healthcheck
	Ports   []Port   `json:"ports,omitempty"`
	Mounts  []string `json:"-"` // host paths that are bind-mounted
	Writes  []string `json:"-"` // those of them that are not read-only
	// ConfigDigest is by which docker compose knows what it has made.
	ConfigDigest string `json:"-"`

	// Inspect fills in the rest.
	ExitCode   int       `json:"exit_code,omitempty"`
	OOMKilled  bool      `json:"oom_killed,omitempty"`
	Error      string    `json:"error,omitempty"` // why Docker could not start it
	Restarts   int       `json:"restarts,omitempty"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	OneShot    bool      `json:"one_shot,omitempty"`    // runs once: no restart policy
	LastHealth string    `json:"last_health,omitempty"` // what the last health probe printed
	TTY        bool      `json:"-"`
}

// Port is one published port.
type Port struct {
	IP        string `json:"ip"`
	Host      int    `json:"host"`
	Container int    `json:"container"`
	Protocol  string `json:"protocol"`
}

// Outcome is what became of a container after it was started.
type Outcome string

// The outcomes.
const (
	Ready    Outcome = "ready"    // running, and healthy where it can tell
	Finished Outcome = "finished" // ran once and exited 0
	Starting Outcome = "starting" // running, health not known yet
	Broken   Outcome = "broken"   // died, restarts, never started, or unhealthy
)

// Judge says what became of a container, as far as one look can tell, and why when it is broken. A container
// without a healthcheck is ready once it has run for the grace period.
func (c *Container) Judge(now time.Time, grace time.Duration) (Outcome, string) {
	switch {
	case c.State == "exited" && c.ExitCode == 0 && c.OneShot:
		return Finished, ""
	case c.OOMKilled:
		return Broken, "ran out of memory: raise deploy.resources.limits.memory"
	case c.State == "created":
		return Broken, "never started: " + cmp.Or(c.Error, "Docker gave no reason")
	case c.State == "exited" || c.State == "dead":
		return Broken, exitReason(c)
	case c.State == "restarting":
		return Broken, exitReason(c) + " and is being restarted"
	case c.Restarts > 0 && now.Sub(c.StartedAt) < grace: // later, the count is only its past
		return Broken, fmt.Sprintf("died and was restarted (%d times so far)", c.Restarts)
	case c.Health == "unhealthy":
		return Broken, "is unhealthy: " + cmp.Or(lastLine(c.LastHealth), "its healthcheck fails")
	case c.Health == "starting":
		return Starting, ""
	case c.Health == "" && now.Sub(c.StartedAt) < grace:
		return Starting, ""
	}
	return Ready, ""
}

func exitReason(c *Container) string {
	return fmt.Sprintf("exited with code %d%s", c.ExitCode, optional(": ", c.Error))
}

// Settled reports whether the container needs no further look while it is young.
func (o Outcome) Settled() bool { return o != Starting }

func optional(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
