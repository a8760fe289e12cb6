package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"dreamserver/manifest"
)

// seeds are manifests: good ones, those of the corpus of fragments, and a few that are odd.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	files, err := filepath.Glob("testdata/ok/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, data)
	}
	if files, err = filepath.Glob("../security/testdata/corpus/*/*.txtar"); err != nil || len(files) == 0 {
		f.Fatal("the corpus is not there", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			if part.Name == "manifest.yaml" {
				all = append(all, part.Data)
			}
		}
	}
	for _, odd := range []string{minimal, "", "- a", "a: &a [*a]", "a: b: c", "? [a]\n: b", "<<: {a: b}", "schema_version: dream.services.v2", "service: !!binary aGk="} {
		all = append(all, []byte(odd))
	}
	return all
}

// What is accepted keeps the contract's promises, what is wrong is said in lines that a terminal can show, and the
// same bytes always give the same answer.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse("m", data)
		again, err2 := manifest.Parse("m", data)
		if diff := cmp.Diff(m, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("parsed again it is another: %v, %v\n%s", err, err2, diff)
		}
		if err != nil {
			var e *manifest.Error
			if m != nil || !errors.As(err, &e) || len(e.Issues) == 0 {
				t.Fatalf("Parse = %v, %v; want nil and an *Error with issues", m, err)
			}
			checkIssues(t, data, e.Issues)
			return
		}
		checkIssues(t, data, m.Warnings)
		s := m.Service
		if m.SchemaVersion != manifest.SchemaVersion || !manifest.ValidID(s.ID) || s.Name == "" || s.Port < 0 || s.Port > 65535 ||
			strings.ContainsAny(s.ComposeFile, `/\`) || s.Health != "" && s.Health[0] != '/' {
			t.Errorf("accepted %+v", m)
		}
		for _, line := range []string{s.Name, s.ContainerName, s.DefaultHost, s.ComposeFile, s.UIPath, s.SidebarIcon, strings.Join(s.Tags, ""), strings.Join(s.Aliases, "")} {
			if strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%q could repaint a terminal", line)
			}
		}
		for _, id := range s.DependsOn {
			if !manifest.ValidID(id) {
				t.Errorf("depends on %q, which is no id", id)
			}
		}
		declared := map[string]bool{}
		for _, v := range s.EnvVars {
			if declared[v.Key] || !envName.MatchString(v.Key) || !s.Declares(v.Key) {
				t.Errorf("declares %q", v.Key)
			}
			declared[v.Key] = true
		}
	})
}

var envName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// checkIssues wants each issue on one line, in the order of the file's lines, and not more than anybody would read.
func checkIssues(t *testing.T, data []byte, issues []manifest.Issue) {
	t.Helper()
	// A line ends at CR and at Unicode's own breaks, too.
	lines := 2 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r") +
		strings.Count(string(data), "\u0085") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029")
	if len(issues) > 51 {
		t.Errorf("%d issues", len(issues))
	}
	last := 0
	for i, issue := range issues {
		text := issue.String()
		if issue.File != "m" || issue.Message == "" || issue.Line < 0 || issue.Line > lines || len(text) > 2000 {
			t.Errorf("issue %+v has no file, no message, or no place in the file", issue)
		}
		if strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("issue %q is not one line of plain text", text)
		}
		if issue.Line < last && i < 50 {
			t.Errorf("issue %+v stands behind one of line %d", issue, last)
		}
		last = issue.Line
	}
}

// An id becomes a folder, a compose service, a name on the network, a part of a URL and of key paths, and a word on
// the command line.
func FuzzValidID(f *testing.F) {
	for _, seed := range []string{
		"web", "my-app_2", "0", "-x", "_x", "web-", "a.b", "..", ".", "", "A", "con", "null", "a/b", "a\x00", "a\n", "é", "web\u2028",
		"a b", "a%2e", "$x", "*", strings.Repeat("a", 63), strings.Repeat("a", 64),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		valid := manifest.ValidID(id)
		if want := idPattern.MatchString(id); valid != want {
			t.Fatalf("ValidID(%q) = %t, want %t", id, valid, want)
		}
		checkManifestOf(t, id, valid)
		if !valid {
			return
		}
		if !filepath.IsLocal(id) || !fs.ValidPath(id) || path.Base(id) != id || path.Clean(id) != id || id[0] == '.' {
			t.Errorf("%q is not the name of one file", id)
		}
		if len(id) > 63 || strings.ToLower(id) != id {
			t.Errorf("%q does not begin a DNS label", id)
		}
		if quoted, err := json.Marshal(id); err != nil || string(quoted) != `"`+id+`"` || strings.ContainsAny(id, ".[]") {
			t.Errorf("%q is not one step of a key path", id)
		}
		if path.Join("/state/approved", id+".yaml") != "/state/approved/"+id+".yaml" {
			t.Errorf("%q leaves the folder of approved files", id)
		}
	})
}

var idPattern = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)

// checkManifestOf wants a manifest to be accepted exactly when its id is valid.
func checkManifestOf(t *testing.T, id string, valid bool) {
	t.Helper()
	quoted, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("m", []byte(strings.Replace(minimal, "notes", string(quoted), 1)))
	switch {
	case valid != (err == nil):
		t.Errorf("a manifest with the id %q: %v, and ValidID = %t", id, err, valid)
	case err == nil && (m.Service.ID != id || manifest.CheckFolder(m, id) != nil):
		t.Errorf("a manifest with the id %q has %q", id, m.Service.ID)
	}
}
