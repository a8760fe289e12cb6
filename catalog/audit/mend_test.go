package audit_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dreamserver/catalog/audit"
)

// Every finding of a rule that says so is gone after Mend, no other one comes, and nothing else of the file changes.
func TestMend_TakesAwayWhatItsRulesSay(t *testing.T) {
	for _, r := range audit.Rules {
		if !r.Mends {
			continue
		}
		t.Run(r.Code, func(t *testing.T) {
			files := sound(t)
			for _, section := range parse(t, "testdata/codes/"+r.Code+".txtar").Files[1:] {
				files.change(t, section)
			}
			found := run(t, files.project(t), audit.Options{All: true}).Mendable()
			if len(found) != 1 {
				t.Fatalf("%d files to mend", len(found))
			}
			for name, issues := range found {
				mended, gone := audit.Mend(files[name].Data, issues)
				if diff := cmp.Diff(issues, gone); diff != "" {
					t.Errorf("-found +gone:\n%s", diff)
				}
				files[name].Data = mended
			}
			if after := run(t, files.project(t), audit.Options{All: true}); len(after.Issues()) > 0 {
				t.Error(lines(after))
			}
		})
	}
}

func TestMend_KeepsCommentsAndOrder(t *testing.T) {
	files := sound(t)
	name := "extensions/library/notes/manifest.yaml"
	text := "\ufeff# Ours.\r\n" + strings.ReplaceAll(string(files[name].Data), "\n", "\r\n")
	text = strings.Replace(strings.Replace(text, "  compose_file: compose.yaml\r\n", "", 1), "  id: notes", "  id: notes # short", 1)
	files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	issues := run(t, files.project(t), audit.Options{All: true}).Mendable()[name]
	var codes []string
	for _, i := range issues {
		codes = append(codes, i.Code)
	}
	slices.Sort(codes)
	if diff := cmp.Diff([]string{"compose-file-missing", "text-bom", "text-crlf"}, codes); diff != "" {
		t.Fatal(diff)
	}
	mended, _ := audit.Mend([]byte(text), issues)
	before := strings.Split(strings.NewReplacer("\ufeff", "", "\r", "").Replace(text), "\n")
	want := strings.Join(slices.Insert(before, slices.Index(before, "  id: notes # short")+1, "  compose_file: compose.yaml"), "\n")
	if diff := cmp.Diff(want, string(mended)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A manifest on one line, or in JSON, is no text to add a line to.
func TestMend_LeavesOtherFormsAlone(t *testing.T) {
	for _, text := range []string{
		"{schema_version: dream.services.v1, service: {id: a}}\n", `{"service": {"id": "a"}}`, "service:\n  id: >\n    a\n", "service: &s\n  name: a\nother: {id: a}\n", "service: [", "",
	} {
		if mended, gone := audit.Mend([]byte(text), []audit.Issue{{Code: "compose-file-missing"}}); string(mended) != text || len(gone) > 0 {
			t.Errorf("%q becomes %q", text, mended)
		}
	}
}
