package features

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/catalog/health"
	"dreamserver/manifest"
)

// standing is how a service is found.
type standing struct {
	id    string
	entry catalog.Entry // without an id where there is no such extension
	up    bool          // it runs, and is not known to be unwell
	known bool          // whether it is up; else nobody can tell
	never bool          // nothing that can be done here brings it up
	there bool          // its containers are made: what they take of the disk is taken
	why   string        // it is not up; the end of a sentence that begins with its name. Of one that is up, what is wrong
	next  Next
}

// sentences say why the services are not up; those of which nobody can tell for the same reason are one.
func sentences(all []standing) []string {
	var out []string
	var seen []string
	for i, s := range all {
		if slices.Contains(seen, s.id) {
			continue
		}
		seen = append(seen, s.id)
		if s.known {
			out = append(out, s.id+" "+s.why)
			continue
		}
		ids := []string{s.id}
		for _, other := range all[i+1:] {
			if !other.known && other.why == s.why && !slices.Contains(seen, other.id) {
				ids, seen = append(ids, other.id), append(seen, other.id)
			}
		}
		out = append(out, fmt.Sprintf("whether %s is not known: %s", runText(ids), s.why))
	}
	return out
}

func (s standing) sentence() string { return sentences([]standing{s})[0] }

// runText is "a runs", or "a, b run".
func runText(ids []string) string {
	if len(ids) == 1 {
		return ids[0] + " runs"
	}
	return strings.Join(ids, ", ") + " run"
}

// stand looks at one service.
func (v view) stand(id string) standing {
	e, ok := v.Find(id)
	s := standing{id: id, entry: e, known: true}
	if !ok {
		return v.unfound(s)
	}
	switch e.Status {
	case catalog.Incompatible:
		s.never = true
		s.why, s.next = v.madeForOthers(e), sayGPU
	case catalog.NotInstalled:
		if s.why = "is not installed"; e.Problem != "" {
			s.why, s.next = "cannot be installed: "+e.Problem, Next{Text: fmt.Sprintf("Mend %s in the library", id), Command: "dream list"}
			return s
		}
		s.next = Next{Text: "Install " + e.Name, Command: "dream install " + id, Request: request(id, "install")}
	case catalog.Disabled:
		if s.why = "is disabled"; e.Problem != "" {
			s.why, s.next = "cannot be used: "+e.Problem, Next{Text: fmt.Sprintf("Mend %s, or uninstall it", e.Name), Command: "dream status"}
			return s
		}
		s.next = Next{Text: "Enable " + e.Name, Command: "dream enable " + id, Request: request(id, "enable")}
	case catalog.Enabled:
		return v.running(s)
	}
	return s
}

// unfound says what stands in the way of a service that is no extension here.
func (v view) unfound(s standing) standing {
	s.why = "is neither installed nor in the library"
	s.next = Next{Text: fmt.Sprintf("Put the extension %s into the library", s.id), Command: "dream list"}
	for _, skip := range v.Skipped {
		if skip.ID == s.id {
			s.why = "cannot be used: " + skip.Reason
			s.next = Next{Text: "Mend " + skip.Path, Command: "dream status"}
		}
	}
	return s
}

// bringBack is what to do while the agent or Docker is away.
var bringBack = Next{Text: "Bring the host agent back", Command: "dream doctor"}

// sayGPU is what to do about what is made for another GPU.
var sayGPU = Next{Text: "Nothing on this machine, unless GPU_BACKEND in .env names the wrong GPU", Command: "dream doctor"}

func (v view) madeForOthers(e catalog.Entry) string {
	return fmt.Sprintf("is made for %s, and this machine's GPU_BACKEND is %s", strings.Join(e.GPUBackends, ", "), v.GPUBackend)
}

// running looks at a service that is enabled. How it fares counts before what its containers do: while the agent is
// away, a service that answers is known to run.
func (v view) running(s standing) standing {
	e, r := s.entry, s.entry.Runtime
	if e.Problem != "" {
		s.never = !e.RunsOn(v.GPUBackend)
		s.why, s.next = "takes no part: "+e.Problem, Next{Text: "Mend " + e.Name, Command: "dream status"}
		if s.never {
			s.why, s.next = v.madeForOthers(e), sayGPU
		}
		return s
	}
	s.there = len(r.Containers) > 0
	fares := health.Status(r.Health)
	start := Next{Text: "Start " + e.Name, Command: "dream start " + s.id, Request: request(s.id, "start")}
	look := Next{Text: fmt.Sprintf("Read the log of %s", e.Name), Command: "dream logs " + s.id, Request: request(s.id, "logs")}
	if e.Category == string(manifest.Core) {
		start = Next{Text: "Start " + e.Name, Command: "dream up " + s.id}
	}
	switch {
	case fares == health.Healthy:
		s.up = true
	case fares == health.Degraded:
		s.up, s.why = true, "works in part: "+r.HealthReason
	case e.OnHost && (fares == "" || fares == health.Unknown):
		s.known, s.why = false, cmp.Or(r.HealthReason, "it is a program of the host, and nobody asks systemd here")
		s.next = Next{Text: "Look at the unit on the host", Command: "systemctl status " + s.id}
	case r.Pending != "":
		s.why = fmt.Sprintf("waits for the host agent, for its %s", r.Pending)
		s.next = bringBack
	case r.State == "unknown" && (fares == "" || fares == health.Unknown):
		s.known, s.why, s.next = false, "the host agent is away", bringBack
		if v.Agent.Available {
			s.why = "the host agent does not reach Docker"
		}
	case fares == health.Starting || r.State == "starting":
		s.why, s.next = "is starting", Next{Text: "Wait for " + e.Name, Command: look.Command, Request: look.Request}
	case r.State == "running" && (fares == "" || fares == health.Unknown):
		s.up = true
	case r.State == "stopped" || r.State == "not_deployed":
		s.why, s.next = "does not run", start
		if r.Reason != "" { // its last start failed, or somebody paused it
			s.why += ": " + r.Reason
		}
		if r.Reason != "" && s.there { // without a container there is no log
			s.next = look
		}
	default:
		s.why, s.next = "does not work: "+cmp.Or(r.Reason, r.HealthReason, r.State), look
	}
	return s
}

func request(id, verb string) string { return "POST /api/extensions/" + id + "/" + verb }
