package problem_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dreamserver/internal/problem"
)

// The page lists every code with its status and title, and no other.
func TestDocs_ListEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := problem.Codes()
	for _, c := range codes {
		if row := fmt.Sprintf("| `%s` | %d | %s |\n", c, c.Status(), c.Title()); !strings.Contains(string(page), row) {
			t.Errorf("docs/errors.md lacks %s", row)
		}
	}
	if rows := strings.Count(string(page), "\n| `"); rows != len(codes) {
		t.Errorf("docs/errors.md has %d rows, want %d", rows, len(codes))
	}
}
