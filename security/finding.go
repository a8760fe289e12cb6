package security

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dreamserver/internal/problem"
)

// Severities of a finding.
const (
	Error = "error" // the extension is refused
	Note  = "note"  // worth knowing; it lowers the rating
)

// Finding is one thing that a fragment may not do, or that a person should know.
type Finding struct {
	Rule     string `json:"rule"`     // stable name, such as mount-host-path
	Severity string `json:"severity"` // Error or Note
	Service  string `json:"service,omitempty"`
	Path     string `json:"path"` // key path in the model
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Message  string `json:"message"` // what, and why not
	Fix      string `json:"fix"`     // what to write instead
}

// Where is the place of the finding as a person reads it: file, line and key path.
func (f Finding) Where() string {
	switch {
	case f.File == "":
		return f.Path
	case f.Line == 0 && f.Path == "":
		return f.File
	case f.Line == 0:
		return f.File + ": " + f.Path
	case f.Path == "":
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Path)
}

// Errors are the findings that refuse.
func Errors(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != Error })
}

// Refusal is the errors among the findings as one error, or nil when there are none.
func Refusal(id string, findings []Finding) error {
	refused := Errors(findings)
	if len(refused) == 0 {
		return nil
	}
	items := make([]problem.Item, 0, len(refused))
	var text strings.Builder
	for _, f := range refused {
		items = append(items, problem.Item(f))
		fmt.Fprintf(&text, "\n%s: %s; %s", f.Where(), f.Message, f.Fix)
	}
	return problem.Newf(problem.ScanRefused, "extension %q is refused by the security scan:%s", id, text.String()).With(items...)
}

// sortFindings orders by service, path and rule: the same model gives the same list.
func sortFindings(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
}
