package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/audit"
)

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", file, diff)
	}
}

// spoilt is a project with an error, a warning, and something that is no service.
func spoilt(t *testing.T) *audit.Report {
	files := sound(t)
	for _, c := range []string{"manifest-missing", "port-collision.core", "healthcheck-localhost"} {
		for _, section := range parse(t, "testdata/codes/"+c+".txtar").Files[1:] {
			if c != "port-collision.core" || !strings.Contains(section.Name, "manifest") {
				files.change(t, section)
			}
		}
	}
	return run(t, files.project(t), audit.Options{All: true, Services: []string{"memo", "web", "nobody"}})
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReport_IsTheReferencesDocument(t *testing.T) {
	golden(t, "testdata/report.json", encoded(t, spoilt(t)))
}

func TestReport_IsForPeople(t *testing.T) {
	var b strings.Builder
	if err := spoilt(t).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.txt", b.String())
}

// What a stranger wrote does not move the cursor.
func TestReport_PrintsNoControlCharacters(t *testing.T) {
	files := sound(t)
	at := files["extensions/library/notes/manifest.yaml"]
	at.Data = []byte(strings.NewReplacer("id: notes", `id: "\e[2J"`, "name: Notes", `category: "\e[1A"`).Replace(string(at.Data)))
	files["extensions/library/\x1b[2K/x"] = at
	var b strings.Builder
	if err := run(t, files.project(t), audit.Options{All: true}).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), "FAIL ?[2J (?[1A, docker)") {
		t.Errorf("%q", b.String())
	}
}

func TestReport_HasNoNullLists(t *testing.T) {
	text := encoded(t, run(t, sound(t).project(t), audit.Options{}))
	for _, want := range []string{`"requested_services": []`, `"global_issues": []`, `"issues": []`} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %s:\n%s", want, text)
		}
	}
}

// sarif is what viewers read of the document.
type sarif struct {
	Version string `json:"version"`
	Runs    []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID   string `json:"id"`
					Help struct {
						Text string `json:"text"`
					} `json:"help"`
				} `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		Results []struct {
			RuleID    string `json:"ruleId"`
			RuleIndex int    `json:"ruleIndex"`
			Level     string `json:"level"`
			Locations []struct {
				Physical struct {
					Artifact struct {
						URI string `json:"uri"`
					} `json:"artifactLocation"`
					Region struct {
						StartLine int `json:"startLine"`
					} `json:"region"`
				} `json:"physicalLocation"`
			} `json:"locations"`
		} `json:"results"`
	} `json:"runs"`
}

// Every result names a rule of the list, at its index, and a place that a viewer finds in the project.
func TestSARIF_NamesRulesAndPlaces(t *testing.T) {
	var doc sarif
	if err := json.Unmarshal([]byte(encoded(t, spoilt(t).SARIF("2.1.0"))), &doc); err != nil {
		t.Fatal(err)
	}
	run := doc.Runs[0]
	if doc.Version != "2.1.0" || len(run.Tool.Driver.Rules) != len(audit.Rules) {
		t.Errorf("version %s, %d rules", doc.Version, len(run.Tool.Driver.Rules))
	}
	var got []string
	for _, r := range run.Results {
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; rule.ID != r.RuleID || rule.Help.Text == "" {
			t.Errorf("result of %s is at the index of %+v", r.RuleID, rule)
		}
		line := r.Level + " " + r.RuleID
		for _, l := range r.Locations {
			line += fmt.Sprintf(" %s:%d", l.Physical.Artifact.URI, l.Physical.Region.StartLine)
		}
		got = append(got, line)
	}
	want := []string{
		"error service-not-found",
		"error port-collision extensions/library/notes/compose.yaml:7",
		"warning variable-default-mismatch extensions/library/notes/compose.yaml:7",
		"warning healthcheck-localhost extensions/library/notes/compose.yaml:9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
