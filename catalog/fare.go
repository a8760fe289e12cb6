package catalog

import (
	"dreamserver/catalog/health"
)

// Fare is how the service of an enabled extension fares: what [Manager.Live] has found, and while it has not asked yet, or
// takes no interest because of a problem, what follows from the containers alone.
func (e *Entry) Fare() health.State {
	if !e.Runtime.HealthSince.IsZero() {
		return health.State{Status: health.Status(e.Runtime.Health), Since: e.Runtime.HealthSince, Reason: e.Runtime.HealthReason}
	}
	state := health.State{Status: health.Unknown}
	if e.service != nil {
		known := e.Runtime.State != "unknown"
		target := health.Facts{Service: *e.service, Desired: health.On, Containers: e.Runtime.Containers, Known: known, Inside: true}.Target()
		v := health.Judge(target, health.Result{}, false)
		state.Status, state.Reason = v.Status, v.Reason
		if !known && e.Runtime.Reason != "" {
			state.Reason = e.Runtime.Reason
		}
	}
	if e.Problem != "" {
		state.Reason = "it takes no part: " + e.Problem
	}
	return state
}
