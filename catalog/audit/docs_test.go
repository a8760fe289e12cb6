package audit_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dreamserver/catalog/audit"
)

// The page lists every code as the program has it, and no other.
func TestDocs_ListEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range audit.Rules {
		fix := r.Fix
		if r.Mends {
			fix += "; `--fix`"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.When, fix); !strings.Contains(string(page), row) {
			t.Errorf("docs/audit.md lacks %s", row)
		}
	}
	if rows := strings.Count(string(page), "` | error | ") + strings.Count(string(page), "` | warning | "); rows != len(audit.Rules) {
		t.Errorf("docs/audit.md has %d rows, want %d", rows, len(audit.Rules))
	}
}
