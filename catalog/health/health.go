// Package health knows how the services fare. Three sources say so, in this order: Docker's own healthcheck, a GET of
// the manifest's health path, and, for programs of the host, whoever can ask systemd ([Host]).
//
// The pure part decides: [Facts.Target] says what there is to ask, [Address] where, [Judge] what follows from it, by
// [Table]. [Prober] does the asking, and keeps what came out.
package health

import "time"

// Status is how a service fares. The words are those of the reference's clients.
type Status string

// The statuses.
const (
	Healthy     Status = "healthy"
	Unhealthy   Status = "unhealthy"    // it answers, and what it answers is an error
	Starting    Status = "starting"     // it is young, and may yet become healthy
	Degraded    Status = "degraded"     // it works in part, or too slowly to be waited for
	Down        Status = "down"         // nothing answers, although something should
	NotDeployed Status = "not_deployed" // there is nothing that could answer
	Unknown     Status = "unknown"      // nobody can tell, and Reason says why not
)

// Statuses are all of them.
var Statuses = []Status{Healthy, Unhealthy, Starting, Degraded, Down, NotDeployed, Unknown}

// State is how a service fares, and since when.
type State struct {
	Status Status
	// Since is when the service got this status. It stays while the status does, whatever else changes.
	Since time.Time
	// Reason says why in words; empty when healthy.
	Reason string
	// ResponseTime is how long the last probe waited for the answer; 0 when none came, or there was no probe.
	ResponseTime time.Duration
	// Checked is when the last probe ended; zero when there was none.
	Checked time.Time
}

// become is the state after a verdict.
func (s State) become(v Verdict, now time.Time) State {
	if v.Status != s.Status {
		s.Status, s.Since = v.Status, now
	}
	s.Reason = v.Reason
	return s
}
