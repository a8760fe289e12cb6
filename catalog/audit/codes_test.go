package audit_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"dreamserver/catalog/audit"
)

var update = flag.Bool("update", false, "write what is found into testdata")

func TestAudit_PassesASoundProject(t *testing.T) {
	r := run(t, treeOf(parse(t, "testdata/sound.txtar")).project(t), audit.Options{All: true, Strict: true})
	if len(r.Issues()) > 0 || r.Failed() || r.Summary.Services != 3 {
		t.Errorf("%+v\n%s", r.Summary, lines(r))
	}
}

// Each case changes the sound project in one way, and only the code that the case is named after is found.
func TestAudit_FindsEachCodeAlone(t *testing.T) {
	for _, file := range cases(t) {
		t.Run(caseName(file), func(t *testing.T) {
			files := treeOf(parse(t, "testdata/sound.txtar"))
			a := parse(t, file)
			o := audit.Options{All: true}
			for _, section := range a.Files[1:] {
				if section.Name == "services" {
					o.Services = strings.Fields(string(section.Data))
					continue
				}
				files.change(t, section)
			}
			r := run(t, files.project(t), o)
			got := lines(r)
			if *update {
				a.Files[0].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(a.Files[0].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			code, _, _ := strings.Cut(caseName(file), ".")
			for _, i := range r.Issues() {
				if i.Code != code {
					t.Errorf("%s is found, too", i.Code)
				}
				if i.Fix == "" || i.Message == "" {
					t.Errorf("%+v says too little", i)
				}
			}
			if len(r.Issues()) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

func TestAudit_HasACaseForEveryCode(t *testing.T) {
	var have []string
	for _, file := range cases(t) {
		code, _, _ := strings.Cut(caseName(file), ".")
		have = append(have, code)
	}
	var want []string
	for _, r := range audit.Rules {
		want = append(want, r.Code)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(have)); diff != "" {
		t.Errorf("-rules +cases:\n%s", diff)
	}
}

func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/codes/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func caseName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".txtar") }

// lines are the findings, one in a line.
func lines(r *audit.Report) string {
	var b strings.Builder
	for _, i := range r.Issues() {
		fmt.Fprintf(&b, "%s %s %s:%d %s\n", i.Severity, i.Code, i.Path, i.Line, i.Message)
	}
	return b.String()
}
