package audit

import (
	"fmt"
	"io"
	"strings"
	"unicode"
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
		fmt.Fprintf(&b, "FIXED %s: %s [%s]\n", i.Code, clean(i.Message), clean(string(i.Path)))
	}
	for _, i := range r.Global {
		writeIssue(&b, "", "global ", i)
	}
	for _, s := range r.Services {
		fmt.Fprintf(&b, "%-4s %s (%s, %s)\n", strings.ToUpper(s.Status), clean(s.ID), clean(s.Category), clean(s.Type))
		for _, i := range s.Issues {
			writeIssue(&b, "  ", "", i)
		}
	}
	fmt.Fprintf(&b, "\nSummary: %d services, %d errors, %d warnings, result=%s\n", r.Summary.Services, r.Summary.Errors, r.Summary.Warnings, r.Summary.Result)
	_, err := io.WriteString(w, b.String())
	return err
}

// clean keeps what a stranger wrote from moving the cursor of a terminal.
func clean(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

func writeIssue(b *strings.Builder, indent, subject string, i Issue) {
	severity := "ERROR"
	if i.Severity == Warning {
		severity = "WARN"
	}
	fmt.Fprintf(b, "%s%s %s%s: %s", indent, severity, subject, i.Code, clean(i.Message))
	switch {
	case i.Path != "" && i.Line > 0:
		fmt.Fprintf(b, " [%s:%d]", clean(string(i.Path)), i.Line)
	case i.Path != "":
		fmt.Fprintf(b, " [%s]", clean(string(i.Path)))
	}
	fmt.Fprintf(b, "\n%s  %s\n", indent, i.Fix)
}
