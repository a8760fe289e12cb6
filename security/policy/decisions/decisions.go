// Package decisions is the record of what policies decided: who asked for what, which plugin said what, what was changed.
// It is written for whoever has to answer for it later, so that lines are chained ([dreamserver/internal/chainlog]) and
// hold no secret.
//
//	decisions.go  a record, and the log of them     redact.go  what may be written of a value
package decisions

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamserver/internal/chainlog"
	"dreamserver/manifest"
	"dreamserver/security/drift"
	"dreamserver/security/policy"
)

// Phases of a record.
const (
	Load  = "load"  // the plugins were loaded, when the agent was started
	Plan  = "plan"  // nothing is applied
	Apply = "apply" // it is started if nobody refuses it
	Audit = "audit" // what runs was compared with what was approved
)

// Outcomes of a record beside those of its decisions.
const (
	Loaded  = "loaded"  // every plugin is there
	Locked  = "locked"  // one is not: nothing is started
	Drifted = "drifted" // a container is not as it was approved
	Mended  = "mended"  // it is again, or is gone
)

// Record is one evaluation with everything that its plugins said, or one of the other events.
type Record struct {
	Time      time.Time `json:"time"` // when the result was known, in UTC
	RequestID string    `json:"request_id,omitempty"`
	Phase     string    `json:"phase"`
	Operation string    `json:"operation,omitempty"` // install, enable, start, …
	// User is who asked, as the caller says it, and Peer as the kernel does.
	User      string `json:"user,omitempty"`
	Peer      string `json:"peer,omitempty"`
	Extension string `json:"extension,omitempty"`
	Digest    string `json:"digest,omitempty"` // of its files; empty for what ships with the platform
	// Outcome is what it came to: accepted, changed, excepted, rejected or failed, the strongest of what the plugins said that
	// counts; loaded or locked; drifted or mended.
	Outcome string  `json:"outcome"`
	Code    string  `json:"code,omitempty"`    // of the refusal
	Message string  `json:"message,omitempty"` // the same in words
	Took    float64 `json:"took_ms"`
	// Untold are refusals of plans before this one that were not written: they cost their caller nothing.
	Untold int `json:"untold,omitempty"`

	Decisions   []Ruling   `json:"decisions,omitempty"` // of the first pass, in order
	Changes     []Redacted `json:"changes,omitempty"`
	MoreChanges int        `json:"more_changes,omitempty"` // that are left out

	Policies *policy.Inventory  `json:"policies,omitempty"` // of phase load
	Findings []drift.Divergence `json:"findings,omitempty"` // of phase audit
}

// Ruling is what one plugin said to one hook.
type Ruling struct {
	Plugin    string               `json:"plugin"`
	Digest    string               `json:"digest,omitempty"` // of a program
	Hook      policy.Hook          `json:"hook"`
	Mode      policy.Mode          `json:"mode"`
	Outcome   policy.Outcome       `json:"outcome"`
	Message   string               `json:"message,omitempty"`
	Warnings  []string             `json:"warnings,omitempty"`
	Took      float64              `json:"took_ms"`
	Cached    bool                 `json:"cached,omitempty"` // the answer was known from before
	Exception *policy.ExceptionUse `json:"exception,omitempty"`
}

// Redacted is one difference that a plugin made. Values are shown as far as they may be, and are short.
type Redacted struct {
	Path   string `json:"path"`
	Plugin string `json:"plugin"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Of is the record of an evaluation. What goes into it from the model and from plugins is redacted; err is why the subject
// was refused, code its code, and both are empty where it was not.
func Of(s policy.Subject, r policy.Result, code, refusal string, took time.Duration, redact Redactor) Record {
	rec := Record{
		Phase: s.Phase, Operation: s.Operation, User: s.User, Extension: s.ID, Digest: s.Facts.Extension.Digest,
		Outcome: outcome(r, code), Code: code, Message: redact.Text(refusal), Took: milliseconds(took),
	}
	for _, d := range r.Decisions {
		one := Ruling{
			Plugin: d.Plugin, Digest: d.Digest, Hook: d.Hook, Mode: d.Mode, Outcome: d.Outcome,
			Message: redact.Text(d.Message), Took: milliseconds(d.Took), Cached: d.Cached, Exception: d.Exception,
		}
		for _, w := range d.Warnings[:min(len(d.Warnings), maxWarnings)] {
			one.Warnings = append(one.Warnings, redact.Text(w))
		}
		rec.Decisions = append(rec.Decisions, one)
	}
	for _, c := range r.Changes {
		rec.Changes = append(rec.Changes, Redacted{Path: redact.Text(c.Path), Plugin: c.Plugin, Before: redact.Value(c.Before), After: redact.Value(c.After)})
	}
	return rec.bounded()
}

// outcome is the strongest of what holds.
func outcome(r policy.Result, code string) string {
	switch code {
	case "":
	case "policy_unavailable", "policy_locked":
		return string(policy.Failed)
	default:
		return string(policy.Rejected)
	}
	out := policy.Accepted
	for _, d := range r.Decisions {
		switch {
		case d.Outcome == policy.Excepted:
			out = policy.Excepted
		case d.Outcome == policy.Changed && d.Mode == policy.Enforce && out == policy.Accepted:
			out = policy.Changed
		}
	}
	return string(out)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Bounds of a record, so that it fits into a line.
const (
	maxRecord   = 48 << 10 // bytes
	maxWarnings = 10       // of a decision
	maxFindings = 100
)

// bounded leaves out what is too much, changes before decisions.
func (r Record) bounded() Record {
	r.Findings = r.Findings[:min(len(r.Findings), maxFindings)]
	for r.size() > maxRecord && len(r.Changes) > 0 {
		drop := (len(r.Changes) + 1) / 2
		r.Changes, r.MoreChanges = r.Changes[:len(r.Changes)-drop], r.MoreChanges+drop
	}
	if r.size() <= maxRecord {
		return r
	}
	r.Decisions = slices.Clone(r.Decisions)
	for i := range r.Decisions {
		r.Decisions[i].Warnings = nil
	}
	for r.size() > maxRecord && len(r.Decisions) > 0 {
		r.Decisions = r.Decisions[:len(r.Decisions)/2]
	}
	for r.size() > maxRecord && len(r.Findings) > 0 {
		r.Findings = r.Findings[:len(r.Findings)/2]
	}
	if r.size() > maxRecord && r.Policies != nil {
		short := *r.Policies
		short.Plugins, short.Rules, short.Exceptions = nil, nil, nil
		r.Policies = &short
	}
	return r
}

func (r Record) size() int {
	data, err := json.Marshal(r)
	if err != nil {
		return 0 // who writes it says so
	}
	return len(data)
}

// Folder is where the records are, below the agent's state directory.
const Folder = "decisions"

// Bounds of the log: six files of 10 MB.
const (
	FileSize = 10 << 20
	Files    = 6
)

// Log is the log of an installation. It is safe for concurrent use.
type Log struct {
	dir   string
	chain *chainlog.Log

	mu     sync.Mutex
	counts map[string]int // by outcome, of records of phase apply
}

// Open is the log below the state directory. Nothing is read or made yet.
func Open(stateDir string) *Log {
	dir := filepath.Join(stateDir, Folder)
	return &Log{dir: dir, chain: chainlog.New(dir, FileSize, Files), counts: map[string]int{}}
}

// Write puts a record on disk, with the time that it is now unless it has one.
func (l *Log) Write(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now().UTC()
	}
	if _, err := l.chain.Append(r.bounded()); err != nil {
		return fmt.Errorf("the log of decisions cannot be written: %w", err)
	}
	if r.Phase == Apply {
		l.mu.Lock()
		l.counts[r.Outcome]++
		l.mu.Unlock()
	}
	return nil
}

// Counts are the evaluations of starts that were written since the log was opened, by outcome.
func (l *Log) Counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// Head is the end of the chain, and how many lines of a killed writer were sealed since the log was opened.
func (l *Log) Head() (chainlog.Head, int, error) { return l.chain.Head() }

// Close lets go of the log.
func (l *Log) Close() { l.chain.Close() }

// Filter chooses records; what is zero chooses all.
type Filter struct {
	Extension string
	Outcome   string // of the record, or of one of its decisions
	Since     time.Time
	Limit     int
}

// Outcomes are those that a filter may have.
func Outcomes() []string {
	return []string{
		string(policy.Accepted), string(policy.Changed), string(policy.Rejected), string(policy.Failed), string(policy.Excepted),
		Loaded, Locked, Drifted, Mended,
	}
}

// Check refuses a filter that could match nothing by a slip.
func (f Filter) Check() error {
	switch {
	case f.Outcome != "" && !slices.Contains(Outcomes(), f.Outcome):
		return fmt.Errorf("outcome %.40q is none of %s", f.Outcome, strings.Join(Outcomes(), ", "))
	case f.Extension != "" && !manifest.ValidID(f.Extension):
		return fmt.Errorf("extension %.80q is no id of an extension", f.Extension)
	}
	return nil
}

func (f Filter) takes(r Record) bool {
	return (f.Extension == "" || r.Extension == f.Extension) &&
		(f.Outcome == "" || r.Outcome == f.Outcome || slices.ContainsFunc(r.Decisions, func(d Ruling) bool { return string(d.Outcome) == f.Outcome }))
}

// Read returns the records that the filter takes, the newest first.
func (l *Log) Read(f Filter) ([]Record, error) {
	out := []Record{}
	for data, err := range chainlog.Newest(l.dir) {
		if err != nil {
			return nil, fmt.Errorf("the log of decisions cannot be read: %w", err)
		}
		var r Record
		if json.Unmarshal(data, &r) != nil {
			continue
		}
		if !f.Since.IsZero() && r.Time.Before(f.Since) {
			break // it is in the order of time
		}
		if f.takes(r) {
			out = append(out, r)
		}
		if len(out) == f.Limit {
			break
		}
	}
	return out, nil
}

// Verify walks the log of an installation. noted is a head that was noted elsewhere, or empty. An error wraps
// [os.ErrNotExist] where there is no log.
func Verify(stateDir, noted string) (*chainlog.Report, error) {
	if _, err := os.Stat(stateDir); err != nil {
		return nil, err
	}
	return chainlog.Verify(filepath.Join(stateDir, Folder), Files, noted)
}
