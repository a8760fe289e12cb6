package health

import (
	"slices"
	"strings"
	"time"
)

// Outcome is what came of a probe.
type Outcome string

// The outcomes.
const (
	NoProbe     Outcome = "none"        // there is nothing to ask
	Pending     Outcome = "pending"     // not asked yet since the container started
	Answered    Outcome = "answered"    // below 400, or a demand to sign in: 401 or 403
	ClientError Outcome = "4xx"         // any other
	ServerError Outcome = "5xx"         // or a code that no standard knows
	TimedOut    Outcome = "time-out"    // no answer in time
	Refused     Outcome = "refused"     // nobody listens there
	Unreachable Outcome = "unreachable" // no way leads there, or the name server is silent
	NoName      Outcome = "no name"     // the host's name is not known
	Garbled     Outcome = "garbled"     // a connection that was cut, no HTTP, redirects in a circle
	Unable      Outcome = "unable"      // the question never left this program
)

// Outcomes are all of them.
var Outcomes = []Outcome{NoProbe, Pending, Answered, ClientError, ServerError, TimedOut, Refused, Unreachable, NoName, Garbled, Unable}

// Result is one probe: what came of it, what to say of it, and how long the answer took.
type Result struct {
	Outcome Outcome
	// Words say what happened; empty when the service answered as it should.
	Words string
	// Took is the time until the answer's header was there; 0 when none came.
	Took time.Duration
	// At is when the probe ended; zero when there was none.
	At time.Time
	// Unit is what systemd says, for a program of the host.
	Unit Unit
}

// Verdict is a status, and why it is no better.
type Verdict struct {
	Status Status
	Reason string
}

// Judge says how a service fares: the first row of [Table] that fits. Young says that its container started not long
// ago, and that the service has not answered since; the zero result is [Pending]. A service that is healthy and has a broken helper is degraded. A
// program of the host is judged by its unit.
func Judge(t Target, r Result, young bool) Verdict {
	if r.Outcome == "" {
		r.Outcome = Pending
	}
	if t.OnHost {
		return judgeUnit(t, r)
	}
	condition, check := t.condition(young), t.check()
	if t.URL == "" {
		r = Result{Outcome: NoProbe, Words: t.NoURL}
	}
	i := slices.IndexFunc(Table, func(row Row) bool { return row.fits(t.Desired, condition, check, r.Outcome) })
	v := Verdict{Status: Table[i].Status}
	if text := Table[i].Reason; text != "" {
		v.Reason = strings.NewReplacer("{probe}", r.Words, "{container}", told(t.Container)).Replace(text)
	}
	if ill := broken(t.Helpers); v.Status == Healthy && ill != "" {
		v = Verdict{Degraded, ill}
	}
	return v
}

func (r *Row) fits(d Desired, c Condition, k Check, o Outcome) bool {
	return (r.Desired == "" || r.Desired == d) && among(r.Container, c) && among(r.Docker, k) && among(r.Probe, o)
}

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// check is what Docker's healthcheck says; a word that Docker does not have today says nothing.
func (t *Target) check() Check {
	if t.Container == nil {
		return CheckNone
	}
	switch c := Check(t.Container.Health); c {
	case CheckStarting, CheckHealthy, CheckUnhealthy:
		return c
	}
	return CheckNone
}
