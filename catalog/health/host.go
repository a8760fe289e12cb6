package health

import (
	"context"
	"time"
)

// Host tells how programs of the host fare (type: host-systemd). The caller of [New] provides it; it is asked as a
// service is probed, and must give up when ctx ends. Without one, such a service is unknown, and its reason says that.
type Host interface {
	// Unit is what systemd says of the program of the extension with this id.
	Unit(ctx context.Context, id string) (Unit, error)
}

// Unit is the state of a unit of systemd, in systemd's own words.
type Unit struct {
	LoadState   string `json:"load_state"`   // loaded, not-found, masked, ...
	ActiveState string `json:"active_state"` // active, reloading, activating, deactivating, inactive, failed, ...
	Result      string `json:"result"`       // why it ended: success, exit-code, signal, oom-kill, timeout, ...
}

const noHost = "it is a program of the host, and nothing here can ask systemd how it fares"

// askHost asks for the unit, within the time that a probe has.
func askHost(ctx context.Context, host Host, t Target) Result {
	if host == nil {
		return Result{Outcome: NoProbe, Words: noHost}
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	started := time.Now()
	unit, err := host.Unit(ctx, t.ID)
	switch {
	case ctx.Err() != nil:
		return Result{Outcome: TimedOut, Words: "nobody said within " + seconds(t.Timeout) + " how the program of the host fares"}
	case err != nil:
		return Result{Outcome: Unable, Words: "systemd cannot be asked" + clause(err.Error())}
	}
	return Result{Outcome: Answered, Unit: unit, Took: time.Since(started)}
}

// judgeUnit judges a program of the host. What was not answered leaves it unknown: it says nothing of the program.
func judgeUnit(t Target, r Result) Verdict {
	u := r.Unit
	switch {
	case t.Desired == Off:
		return Verdict{NotDeployed, "it is switched off"}
	case r.Outcome == Pending:
		return Verdict{Unknown, "it has not been asked yet"}
	case r.Outcome != Answered:
		return Verdict{Unknown, r.Words}
	case u.LoadState == "not-found":
		return Verdict{NotDeployed, "systemd has no unit for it"}
	case u.LoadState == "masked":
		return Verdict{NotDeployed, "its unit is masked: systemctl unmask lets it start"}
	}
	switch u.ActiveState {
	case "active", "reloading":
		return Verdict{Status: Healthy}
	case "activating":
		return Verdict{Starting, "systemd is starting it"}
	case "inactive", "deactivating":
		return Verdict{Down, "its unit is " + u.ActiveState}
	case "failed":
		return Verdict{Down, "its unit failed" + clause(u.Result)}
	}
	return Verdict{Unknown, "systemd says of it" + clause(u.ActiveState)}
}
