package config_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"dreamserver/config"
)

// What is read can be in an environment, what is set reads back as it was and changes no other key and no other line,
// and no error shows a value.
func FuzzDotenv(f *testing.F) {
	for _, seed := range []string{
		"A=1\n", "A='1\n2'\nB=\"\\$x\"\n", "A=${B:-${C}}\nB", "export A=1\r\n", "A=${\n", "A=\"", "A: b # c\n", "=\n", "A=$$\\0",
		"K=\n", "K= # c\nA=$K", "\ufeffK=\r\n", "A='\nK=\n'\n", "K", "A=1\nK=\nB=${K:-x}", "#K=\nK=''\n", "K: \"\"",
	} {
		f.Add([]byte(seed), "K", "secret-0123")
		f.Add([]byte(seed), "A", "a'b\"c\\$d#e\nf\r${A}")
	}
	// Files of extensions of the corpus, and what its owners have.
	files, err := filepath.Glob("../security/testdata/corpus/*/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("the corpus is not there", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			if strings.HasSuffix(part.Name, "env") {
				f.Add(part.Data, "K", "v")
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, key, value string) {
		old, err := config.ParseEnv("f", data)
		if err != nil {
			checkText(t, err)
		}
		for k, v := range old {
			if k == "" || strings.ContainsRune(v, 0) && err == nil {
				t.Errorf("pair %q=%q cannot be in an environment", k, v)
			}
		}
		before := bytes.Clone(data)
		next, extendErr := config.Extend("f", data, []config.Pair{{Key: key, Value: value}})
		if !bytes.Equal(data, before) {
			t.Fatalf("Extend changed its argument %q to %q", before, data)
		}
		name := regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`).MatchString(key)
		switch {
		case extendErr != nil:
			if err == nil && name {
				checkText(t, extendErr)
			}
			if next != nil {
				t.Errorf("Extend = %q beside an error, want nil", next)
			}
		case err != nil || !name:
			t.Errorf("Extend(%q, %q) = %q, want that it cannot", data, key, next)
		case next == nil:
			if old[key] == "" && value != "" {
				t.Errorf("Extend(%q) does not set %s", data, key)
			}
		default:
			checkExtended(t, old, data, next, config.Pair{Key: key, Value: value})
		}
	})
}

// checkText wants an error that names the file, on one line.
func checkText(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); !strings.HasPrefix(text, "f:") || strings.ContainsAny(text, "\n\r\x00\x1b") {
		t.Errorf("error %q does not start with the file, or has several lines", text)
	}
}

// checkExtended wants next to be data with the pair, and nothing else to have changed.
func checkExtended(t *testing.T, old map[string]string, data, next []byte, p config.Pair) {
	t.Helper()
	got, err := config.ParseEnv("f", next)
	want := maps.Clone(old)
	want[p.Key] = p.Value
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseEnv(%q) = %v (-want +got):\n%s", next, err, diff)
	}
	if again, err := config.Extend("f", next, []config.Pair{p}); again != nil || err != nil {
		t.Errorf("Extend(%q) = %q, %v; want that the pair is there", next, again, err)
	}
	head := 0
	for head < len(data) && head < len(next) && data[head] == next[head] {
		head++
	}
	tail := 0
	for tail < len(data)-head && tail < len(next)-head && data[len(data)-1-tail] == next[len(next)-1-tail] {
		tail++
	}
	// Nothing but blanks and the line of the key gives way.
	if gone := data[head : len(data)-tail]; !regexp.MustCompile(`\A[ \t\r]*\z`).Match(gone) && !bytes.Contains(gone, []byte("=")) {
		t.Errorf("%q became %q: %q is gone", data, next, gone)
	}
}

// A file on disk is extended as its content is.
func TestSetEnv_WritesWhatExtendGives(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	data, pair := []byte("A=1\nK=\nB=2\n"), config.Pair{Key: "K", Value: "a'b"}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.SetEnv(file, pair); err != nil {
		t.Fatal(err)
	}
	want, err := config.Extend(file, data, []config.Pair{pair})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("SetEnv wrote %q, %v; want %q", got, err, want)
	}
}
