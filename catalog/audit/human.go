package audit

import (
	"fmt"
	"io"
	"strings"

	"dreamserver/internal/printable"
)

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	scope := "all services"
	if len(r.Requested) > 0 {
		scope = strings.Join(r.Requested, ", ")
	}
	fmt.Fprintf(&b, "Extension audit\nProject: %s\nScope: %s\n\n", r.ProjectDir, scope)
	for _, i := range r.Fixed {
		fmt.Fprintf(&b, "FIXED %s: %s [%s]\n", i.Code, printable.Line(i.Message), printable.Line(string(i.Path)))
	}
	for _, i := range r.Global {
		writeIssue(&b, "", "global ", i)
	}
	for _, s := range r.Services {
		fmt.Fprintf(&b, "%-4s %s (%s, %s)\n", strings.ToUpper(s.Status), printable.Line(s.ID), printable.Line(s.Category), printable.Line(s.Type))
		for _, i := range s.Issues {
			writeIssue(&b, "  ", "", i)
		}
	}
	fmt.Fprintf(&b, "\nSummary: %d services, %d errors, %d warnings, result=%s\n", r.Summary.Services, r.Summary.Errors, r.Summary.Warnings, r.Summary.Result)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeIssue(b *strings.Builder, indent, subject string, i Issue) {
	severity := "ERROR"
	if i.Severity == Warning {
		severity = "WARN"
	}
	fmt.Fprintf(b, "%s%s %s%s: %s", indent, severity, subject, i.Code, printable.Line(i.Message))
	switch {
	case i.Path != "" && i.Line > 0:
		fmt.Fprintf(b, " [%s:%d]", printable.Line(string(i.Path)), i.Line)
	case i.Path != "":
		fmt.Fprintf(b, " [%s]", printable.Line(string(i.Path)))
	}
	fmt.Fprintf(b, "\n%s  %s\n", indent, i.Fix)
}
