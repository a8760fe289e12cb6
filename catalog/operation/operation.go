// Package operation is a change to an extension as people follow it: who asked for it, how far it is, and what became of
// it.
//
//	operation.go   what is told of it     record.go    one record on disk
//	active.go      one that is made       store.go     the records on disk
//	progress.go    what moves it on       history.go   the records in memory, kept up to date
//	pull.go        bytes of images        id.go        names that sort by time
//
// The record is for looking. Which change may be made, and what is to be finished after a crash, is the business of the
// journal in package catalog.
package operation

import (
	"slices"
	"strings"
	"time"

	"dreamserver/internal/problem"
)

// Kind is what a change does.
type Kind string

// The kinds.
const (
	Install   Kind = "install"
	Enable    Kind = "enable"
	Disable   Kind = "disable"
	Uninstall Kind = "uninstall"
	Start     Kind = "start"
	Stop      Kind = "stop"
	Restart   Kind = "restart"
	Configure Kind = "configure"
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{Install, Enable, Disable, Uninstall, Start, Stop, Restart, Configure}
}

// TurnsOn reports whether a change of this kind ends with something running, so that it can be cancelled on the way.
func (k Kind) TurnsOn() bool { return slices.Contains([]Kind{Install, Enable, Start, Restart}, k) }

// Participle is what an extension is after the change: "installed"; empty for no kind of ours.
func (k Kind) Participle() string {
	return map[Kind]string{
		Install: "installed", Enable: "enabled", Disable: "disabled", Uninstall: "uninstalled",
		Start: "started", Stop: "stopped", Restart: "restarted", Configure: "configured",
	}[k]
}

// State is how far a change is.
type State string

// The states.
const (
	Running     State = "running"
	Waiting     State = "waiting"     // its files are changed; the host agent does the rest when it is back
	Interrupted State = "interrupted" // its program ended, or nobody knows: the host agent finishes or undoes it
	Succeeded   State = "succeeded"
	Failed      State = "failed"
	Cancelled   State = "cancelled"
)

// States are all states.
func States() []State { return []State{Running, Waiting, Interrupted, Succeeded, Failed, Cancelled} }

// Ended reports whether nothing more happens to the change.
func (s State) Ended() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Operation is one change. The JSON names are part of the API.
type Operation struct {
	ID        string    `json:"id" doc:"sorts by time"`
	Kind      Kind      `json:"kind" enum:"install,enable,disable,uninstall,start,stop,restart,configure"`
	Extension string    `json:"extension"`
	Actor     string    `json:"actor" doc:"who asked for it, such as key:backup or cli:alice; what the caller said of itself"`
	State     State     `json:"state" enum:"running,waiting,interrupted,succeeded,failed,cancelled"`
	Cancelled string    `json:"cancelled_by,omitempty" doc:"who has had it cancelled; what the caller said of itself"`
	Parent    string    `json:"parent,omitempty" doc:"the operation that this one is part of"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended,omitzero"`
	Stages    []Stage   `json:"stages" doc:"in the order in which they began"`
	Result    *Result   `json:"result,omitempty"`
	Error     *Failure  `json:"error,omitempty"`
}

// WithoutLog is the operation for those who may not read logs.
func (o Operation) WithoutLog() Operation {
	if o.Error != nil && o.Error.Log != "" {
		f := *o.Error
		f.Log = ""
		o.Error = &f
	}
	return o
}

// Cancellable reports whether [State] and [Kind] allow a cancel.
func (o Operation) Cancellable() bool { return o.State == Running && o.Kind.TurnsOn() }

// Stage is a part of a change.
type Stage struct {
	Name    string    `json:"name" enum:"configure,check,dependencies,copy,enable,disable,pull,build,create,wait,stop,remove,undo"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Percent, Bytes and Total are of a pull. Total grows while the registry tells of more layers.
	Percent int    `json:"percent,omitempty" minimum:"0" maximum:"100"`
	Bytes   int64  `json:"bytes,omitempty" doc:"downloaded"`
	Total   int64  `json:"total_bytes,omitempty" doc:"of the layers that are known so far"`
	Detail  string `json:"detail,omitempty" doc:"what is being done at this moment"`
}

// Result is what a change did.
type Result struct {
	ID     string `json:"id"`
	Action string `json:"action" enum:"installed,enabled,disabled,uninstalled,started,stopped,restarted,configured"`
	// RestartRequired is true when the files are changed and the host agent could not be reached: the change
	// reaches the containers when it is back, without being asked for again.
	RestartRequired bool     `json:"restart_required"`
	Message         string   `json:"message"`
	Dependents      []string `json:"dependents_warning,omitempty"` // enabled extensions that need this one
	Also            []string `json:"also_enabled,omitempty"`       // dependencies that were enabled first
	CleanupHint     string   `json:"cleanup_hint,omitempty"`       // what an uninstall leaves
	Forgotten       []string `json:"forgotten,omitempty"`          // variables whose values an uninstall took out of .env
	Warnings        []string `json:"warnings,omitempty"`
}

// Failure is why a change did not succeed.
type Failure struct {
	Code   problem.Code   `json:"code"`
	Detail string         `json:"detail"`
	Errors []problem.Item `json:"errors,omitempty" doc:"every single cause"`
	Log    string         `json:"log,omitempty" doc:"the end of its log; for keys that may read logs"`
}

// What an error has of a log: an item of this rule, and its text behind this line at the end of the detail.
const (
	RuleLog  = "log"
	LogIntro = "\nThe last lines of its log:\n"
)

// Bounds of what a record keeps of a failure.
const (
	maxCauses = 100
	maxText   = 2 << 10  // bytes of each text
	maxLog    = 16 << 10 // bytes
)

// NewFailure is err as the record keeps it: bounded, and with the end of a log apart, which takes another scope to read
// than operations do.
func NewFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	e := problem.As(err)
	detail, _, _ := strings.Cut(e.Detail, LogIntro)
	f := &Failure{Code: e.Code, Detail: begin(detail)}
	for _, item := range e.Items {
		switch {
		case item.Rule == RuleLog:
			f.Log = end(item.Message)
		case len(f.Errors) < maxCauses:
			item.Message, item.Fix, item.Path = begin(item.Message), begin(item.Fix), begin(item.Path)
			f.Errors = append(f.Errors, item)
		}
	}
	return f
}

// begin and end are the two ends of a text that is too long.
func begin(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

func end(s string) string {
	if len(s) <= maxLog {
		return s
	}
	return "…" + strings.ToValidUTF8(s[len(s)-maxLog:], "")
}

// Err is the failure as an error; nil for none.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	e := &problem.Error{Code: f.Code, Detail: f.Detail, Items: f.Errors}
	if f.Log == "" {
		return e
	}
	e.Detail += LogIntro + f.Log
	return e.With(problem.Item{Rule: RuleLog, Message: f.Log})
}
