package audit

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Report is what an audit found. As JSON it has the reference system's shape.
type Report struct {
	ProjectDir string    `json:"project_dir"`
	Requested  []string  `json:"requested_services"` // none means every service
	Summary    Summary   `json:"summary"`
	Global     []Issue   `json:"global_issues"` // of what is no service
	Services   []Service `json:"services"`
	Fixed      []Issue   `json:"fixed,omitempty"` // what was found before, and mended
}

// Summary counts.
type Summary struct {
	Services int    `json:"services_audited"`
	Errors   int    `json:"errors"`
	Warnings int    `json:"warnings"`
	Strict   bool   `json:"strict"` // warnings fail the audit, too
	Result   string `json:"result"` // "pass" or "fail"
}

// Service is one audited extension.
type Service struct {
	ID        string  `json:"service_id"`
	Directory string  `json:"directory"` // relative to the project where it lies there
	Category  string  `json:"category"`
	Type      string  `json:"type"`
	Enabled   bool    `json:"compose_enabled"` // its compose file is there and enabled
	Status    string  `json:"status"`          // "pass", "warn" or "fail"
	Issues    []Issue `json:"issues"`
}

// Issue is one finding.
type Issue struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // of a [Rule]
	Message  string   `json:"message"`
	Service  nullable `json:"service"`
	Path     nullable `json:"path"`           // the file or folder, as Service.Directory
	Line     int      `json:"line,omitempty"` // 0 when the whole file is meant
	Fix      string   `json:"fix"`            // what to do
}

// nullable is a text that JSON shows as null when it is empty.
type nullable string

// MarshalJSON writes null for an empty text.
func (s nullable) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// Failed reports whether the audit fails.
func (r *Report) Failed() bool { return r.Summary.Result == "fail" }

// Issues are all findings, those of no service first.
func (r *Report) Issues() []Issue {
	all := slices.Clone(r.Global)
	for _, s := range r.Services {
		all = append(all, s.Issues...)
	}
	return all
}

// settle orders and counts what was found.
func (r *Report) settle(strict bool) {
	r.Summary = Summary{Services: len(r.Services), Strict: strict, Result: "pass"}
	sortIssues(r.Global)
	for i := range r.Services {
		s := &r.Services[i]
		sortIssues(s.Issues)
		s.Status = "pass"
		switch {
		case slices.ContainsFunc(s.Issues, func(i Issue) bool { return i.Severity == Error }):
			s.Status = "fail"
		case len(s.Issues) > 0:
			s.Status = "warn"
		}
	}
	for _, i := range r.Issues() {
		if i.Severity == Error {
			r.Summary.Errors++
		} else {
			r.Summary.Warnings++
		}
	}
	if r.Summary.Errors > 0 || strict && r.Summary.Warnings > 0 {
		r.Summary.Result = "fail"
	}
}

// sortIssues puts errors first, then the order of the files.
func sortIssues(issues []Issue) {
	slices.SortStableFunc(issues, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
}
