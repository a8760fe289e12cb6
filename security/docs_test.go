package security_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dreamserver/manifest"
	"dreamserver/security"
)

var ruleInSource = regexp.MustCompile(`(?:find\("|note\("|refuse\("[^"]+", "|Rule: ")([a-z-]*[a-z])"`)

// The page for people names every rule, what each costs, and every grant.
func TestDocs_NameEveryRule(t *testing.T) {
	page := read(t, "../docs/security.md")
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range ruleInSource.FindAllStringSubmatch(read(t, file), -1) {
			count++
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("%s: rule %s is not in docs/security.md", file, m[1])
			}
		}
	}
	if count < 80 {
		t.Errorf("%d rules are found in the source: the search misses some", count)
	}
	for _, d := range security.Deductions {
		if line := fmt.Sprintf("| `%s` | −%d | %s |", d.Rule, d.Points, d.Meaning); !strings.Contains(page, line) {
			t.Errorf("docs/security.md lacks %s", line)
		}
	}
	for _, g := range manifest.Grants() {
		if line := fmt.Sprintf("| `%s` | %s |", g, g.Meaning()); !strings.Contains(page, line) {
			t.Errorf("docs/security.md lacks %s…", line)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
