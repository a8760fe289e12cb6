package yamldoc_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dreamserver/internal/yamldoc"
)

func TestParse_AcceptsEveryWayToWriteADocument(t *testing.T) {
	tests := []struct{ name, in string }{
		{"plain", "a: 1\nb: [x]\n"},
		{"flow", "{a: 1, b: [x]}"},
		{"JSON", `{"a": 1, "b": ["x"]}`},
		{"byte order mark", "\ufeffa: 1\nb: [x]\n"},
		{"windows line ends", "a: 1\r\nb: [x]\r\n"},
		{"old mac line ends", "a: 1\rb: [x]\r"},
		{"markers", "---\na: 1\nb: [x]\n...\n"},
		{"comments round it", "# one\n\n---\na: 1\nb: [x]\n# two\n"},
		{"alias", "x: &x [x]\na: 1\nb: *x\n"},
		{"merge", "x: &x {b: [x]}\na: 1\n<<: *x\n"},
		{"as deep as it may be", strings.Repeat("{a: ", 95) + "1" + strings.Repeat("}", 95)},
		{"as many keys as it may have", keys(1000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, err := yamldoc.Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if root.Kind != yaml.MappingNode {
				t.Errorf("root is %s, want a mapping", yamldoc.KindName(root))
			}
		})
	}
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// bomb stands for base^levels values.
func bomb(base, levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 x\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), base), ", "))
	}
	return b.String()
}

func TestParse_Refuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", "the file is empty"},
		{"comments only", "# a\n", "the file is empty"},
		{"a marker only", "---\n", "the file is empty"},
		{"null", "~\n", "the file is empty"},
		{"list", "\n- a\n", "line 2: the file must be a mapping (key: value), not a list"},
		{"text", "hello\n", "line 1: the file must be a mapping (key: value), not a text"},
		{"number", "5\n", "line 1: the file must be a mapping (key: value), not a number"},
		{"boolean", "true\n", "line 1: the file must be a mapping (key: value), not a boolean"},
		{"two documents", "a: 1\n---\nb: 1\n", "line 2: a second YAML document starts here: keep one and remove the `---` lines"},
		{"a second, empty document", "a: 1\n---\n", "line 2: a second YAML document starts here: keep one and remove the `---` lines"},
		{"broken second document", "a: 1\n---\nb: [\n", "line 4: is not valid YAML: did not find expected node content"},
		{"scanner's error", "a: 1\n\tb: 2\n", "line 2: is not valid YAML: found a tab character that violates indentation"},
		{"parser's error", "a: [1\nb: 2\n", "line 2: is not valid YAML: did not find expected ',' or ']'"},
		{"unknown anchor", "a: *nobody\n", "is not valid YAML: unknown anchor 'nobody' referenced"},
		{"UTF-16", "\xff\xfea\x00:\x00 \x001\x00", "not UTF-8 text: save the file as UTF-8"},
		{"latin 1", "a: caf\xe9\n", "not UTF-8 text: save the file as UTF-8"},
		{"NUL", "a: 1\nb: \x00\n", "line 2: contains a NUL byte: this is not a text file"},
		{"key twice", "a:\n  b: 1\n  c: 2\n  b: 3\n", `line 4: key "b" is given twice (first in line 2)`},
		{"key twice behind an alias", "x: &x {b: 1, b: 2}\na: *x\n", `line 1: key "b" is given twice (first in line 1)`},
		{"list as key", "[a]: 1\n", "line 1: a key must be a text, not a list"},
		{"mapping as key", "? {a: 1}\n: 1\n", "line 1: a key must be a text, not a mapping"},
		{"alias as key", "x: &x a\n*x : 1\n", "line 2: a key must be a text, not an alias"},
		{"alias of itself", "a: &a [*a]\n", "line 1: alias *a contains itself"},
		{"too deep", strings.Repeat("{a: ", 100) + "1" + strings.Repeat("}", 100), "line 1: nested deeper than 96 levels"},
		{"too deep through aliases", "a0: &a0 [x]\n" + deep(100), "line 96: nested deeper than 96 levels"},
		{"alias bomb", bomb(10, 9), "line 1: more than 12000 values once aliases are expanded"},
		{"wide alias bomb", bomb(120, 2), "line 3: more than 12000 values once aliases are expanded"},
		{"many values", "a: [" + strings.Repeat("1,", 60_000) + "]", "line 1: more than 12000 values once aliases are expanded"},
		{"many keys", keys(1001), "line 1: a mapping with more than 1000 keys"},
		{"too large", strings.Repeat("#", 512<<10+1), "larger than the 524288 bytes that a file may have"},
		{"many aliases", "a: &a 1\nb: [" + strings.Repeat("*a,", 257) + "]", "line 2: more than 256 aliases or anchors"},
		{"many anchors", "a: [" + strings.Repeat("&a 1,", 257) + "]", "line 1: more than 256 aliases or anchors"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := yamldoc.Parse([]byte(tt.in))
			if _, ok := errors.AsType[*yamldoc.Error](err); !ok {
				t.Fatalf("Parse error: %v, want a *yamldoc.Error", err)
			}
			if err.Error() != tt.want {
				t.Errorf("Parse error: %v\nwant:        %s", err, tt.want)
			}
		})
	}
}

// deep is a chain of aliases, each in a list of its own.
func deep(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i, i, i-1)
	}
	return b.String()
}

func TestDocuments(t *testing.T) {
	tests := []struct {
		in   string
		want int
	}{
		{"", 0}, {"# a\n", 0}, {"a: 1\n", 1}, {"---\na\n---\nb\n---\nc\n", 2},
	}
	for _, tt := range tests {
		if docs, err := yamldoc.Documents([]byte(tt.in)); len(docs) != tt.want || err != nil {
			t.Errorf("Documents(%q) = %d, %v; want %d", tt.in, len(docs), err, tt.want)
		}
	}
}

func TestKindName(t *testing.T) {
	tests := []struct{ in, want string }{
		{"{}", "a mapping"},
		{"[]", "a list"},
		{"", "empty"},
		{"~", "empty"},
		{"true", "a boolean"},
		{"1", "a number"},
		{"1.5", "a number"},
		{"x", "a text"},
		{`"1"`, "a text"},
		{"2001-01-01", "a text"},
	}
	for _, tt := range tests {
		root, err := yamldoc.Parse([]byte("a: " + tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := yamldoc.KindName(root.Content[1]); got != tt.want {
			t.Errorf("KindName(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: 1\n", "a: &a [*a]\n", "{a: {b: [c]}}", "? a\n: b\n", "a: !!binary x\n", "<<: {a: 1}\n", "a: |\n  b\n", bomb(3, 3)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := yamldoc.Parse(data)
		if err != nil {
			var e *yamldoc.Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Errorf("Parse error %v, want a *yamldoc.Error with a message", err)
			}
			return
		}
		var v any
		if err := root.Decode(&v); err != nil && strings.Contains(err.Error(), "excessive aliasing") {
			t.Errorf("accepted, and yaml finds %v", err)
		}
	})
}
