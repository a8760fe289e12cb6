package health_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dreamserver/catalog/health"
)

// The page shows the table as the program has it, row by row.
func TestDocs_ShowTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/health.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, r := range health.Table {
		desired := string(r.Desired)
		if desired == "" {
			desired = "any"
		}
		fmt.Fprintf(&want, "| %s | %s | %s | %s | `%s` | %s |\n", desired, words(r.Container), words(r.Docker), words(r.Probe), r.Status, r.Reason)
	}
	if !strings.Contains(string(page), "|---|---|---|---|---|---|\n"+want.String()+"\n") {
		t.Errorf("docs/health.md does not have these rows, and no others:\n%s", want.String())
	}
	for _, s := range health.Statuses {
		if !strings.Contains(string(page), "| `"+string(s)+"` | ") {
			t.Errorf("docs/health.md does not say what %s means", s)
		}
	}
}

func words[T ~string](list []T) string {
	if len(list) == 0 {
		return "any"
	}
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
