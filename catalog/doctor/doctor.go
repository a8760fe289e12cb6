// Package doctor says what is wrong with an installation, and what to do about it. It decides and looks at nothing
// itself: who calls gathers [Facts], and [Examine] makes findings of them. A fact that could not be had says why, and
// becomes a finding that was skipped.
//
//	doctor.go    facts, findings, the list of checks     installation.go  files that ship, permissions, clock
//	settings.go  .env, the LAN's certificate             agent.go         the host agent and its service
//	docker.go    the engine, the compose plugin, disks   gpu.go           drivers
//	drift.go     what runs and was not approved
//	ports.go     who has them                            extensions.go    what takes no part, leftovers, the catalogue
package doctor

import (
	"slices"
	"time"
)

// Severity is how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // something does not work, or is open to others
	Warning Severity = "warning" // it works, and will not for long or not as it could
	Skipped Severity = "skipped" // it could not be looked at
	OK      Severity = "ok"
)

// Severities are all of them, the worst first.
func Severities() []Severity { return []Severity{Error, Warning, Skipped, OK} }

// Finding is what one check says of one thing.
type Finding struct {
	ID       string   `json:"id"` // of the check
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`            // one line
	Detail   string   `json:"detail,omitempty"` // more lines, for who wants to know
	Fix      string   `json:"fix,omitempty"`    // what to do: a command, or a sentence; one a line
}

// Facts are everything that is looked at.
type Facts struct {
	Now          time.Time
	Observer     Observer
	Installation Installation
	Settings     Settings
	Paths        []Path
	Certificate  Certificate
	Agent        Agent
	Service      Service
	Docker       Docker
	Disks        []Disk
	Ports        Ports
	GPU          GPU
	Clock        Clock
	Extensions   Extensions
	Drift        Drift
	Leftovers    Leftovers
	Catalogue    Catalogue
}

// Observer is who looks, which decides what could be seen and what a fix needs.
type Observer struct{ UID int }

// sudo is what stands before a command on something that belongs to uid.
func (o Observer) sudo(uid int) string {
	if o.UID == 0 || o.UID == uid {
		return ""
	}
	return "sudo "
}

// check is one thing that is looked at.
type check struct {
	id    string
	judge func(Facts) []Finding
}

// checks are in the order in which one depends on the other. docs/doctor.md has a row for each.
var checks = []check{
	{"installation", func(f Facts) []Finding { return f.Installation.judge() }},
	{"settings", func(f Facts) []Finding { return f.Settings.judge() }},
	{"permissions", func(f Facts) []Finding { return judgePaths(f.Paths, f.Observer) }},
	{"certificate", func(f Facts) []Finding { return f.Certificate.judge(f.Now) }},
	{"clock", func(f Facts) []Finding { return f.Clock.judge(f.Now) }},
	{"agent", func(f Facts) []Finding { return f.Agent.judge(f.Service) }},
	{"service", func(f Facts) []Finding { return f.Service.judge() }},
	{"docker", func(f Facts) []Finding { return f.Docker.judgeEngine() }},
	{"compose", func(f Facts) []Finding { return f.Docker.judgeCompose() }},
	{"disk", func(f Facts) []Finding { return judgeDisks(f.Disks) }},
	{"gpu", func(f Facts) []Finding { return f.GPU.judge(f.Docker) }},
	{"ports", func(f Facts) []Finding { return f.Ports.judge(f.Observer) }},
	{"extensions", func(f Facts) []Finding { return f.Extensions.judgeFiles() }},
	{"starts", func(f Facts) []Finding { return f.Extensions.judgeStarts() }},
	{"drift", func(f Facts) []Finding { return f.Drift.judge() }},
	{"leftovers", func(f Facts) []Finding { return f.Leftovers.judge(f.Observer) }},
	{"catalogue", func(f Facts) []Finding { return f.Catalogue.judge() }},
}

// IDs are the names of the checks, in their order.
func IDs() []string {
	ids := make([]string, 0, len(checks))
	for _, c := range checks {
		ids = append(ids, c.id)
	}
	return ids
}

// Report is what came of all checks.
type Report struct {
	Checks  []Finding `json:"checks"` // in the order of the checks
	Summary Summary   `json:"summary"`
	Result  Severity  `json:"result"` // ok, warning or error
}

// Summary counts findings.
type Summary struct {
	OK       int `json:"ok"`
	Warnings int `json:"warnings"`
	Errors   int `json:"errors"`
	Skipped  int `json:"skipped"`
}

// Examine makes findings of the facts. Each check has at least one; without an installation there is only the first. seen
// names the checks whose facts are there, all of them where it names none; the others are skipped.
func Examine(f Facts, seen ...string) Report {
	r := Report{Checks: []Finding{}, Result: OK}
	for i, c := range checks {
		if i > 0 && !f.Installation.Exists {
			break
		}
		found := skipped("not to be seen from here: "+c.id, "")
		if len(seen) == 0 || slices.Contains(seen, c.id) {
			found = c.judge(f)
		} else {
			found[0].Fix = "dream doctor, on the machine itself"
		}
		for _, finding := range found {
			finding.ID = c.id
			r.Checks = append(r.Checks, finding)
			r.count(finding.Severity)
		}
	}
	return r
}

func (r *Report) count(s Severity) {
	switch s {
	case Error:
		r.Summary.Errors++
	case Warning:
		r.Summary.Warnings++
	case Skipped:
		r.Summary.Skipped++
		return
	case OK:
		r.Summary.OK++
	}
	if all := Severities(); slices.Index(all, s) < slices.Index(all, r.Result) {
		r.Result = s
	}
}

// fine is the only finding of a check that found nothing.
func fine(title string) []Finding { return []Finding{{Severity: OK, Title: title}} }

// seeMore is what to do where this user may not look.
const seeMore = "sudo dream doctor"

// skipped is the only finding of a check that could not be made.
func skipped(title, why string) []Finding {
	return []Finding{{Severity: Skipped, Title: title, Detail: why}}
}
