package compose_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dreamserver/compose"
	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// numbered repeats the text with 0, 1, 2… in the place of @.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "@", fmt.Sprint(i)))
	}
	return b.String()
}

const web = "services:\n  web:\n    image: x\n"

// Each is small, and held compose-go for seconds or took gigabytes. That it is refused, and with which words, is seen
// here; how long that takes, in `make bench`.
func TestLoad_RefusesWhatTakesTooLong(t *testing.T) {
	folder := fstest.MapFS{
		"a.env":       {Data: []byte("A=1\n")},
		"large.env":   {Data: []byte(strings.Repeat("# comment\n", 40_000))},
		"bomb.env":    {Data: []byte("A0=0123456789\n" + doubling(30))},
		"lookups.env": {Data: []byte(numbered(2000, "A@=$A0\n"))},
		"tail.env":    {Data: []byte("A=" + strings.Repeat("${A:-b}", 5000) + "\n")},
	}
	long := map[string]string{"LONG": strings.Repeat("x", 100_000), "SHORT": strings.Repeat("x", 220)}
	tests := []struct {
		name, want string
		texts      []string
		env        map[string]string
	}{
		{"many values in several files", "compose.2.yaml:1976: more than 12000 values in all files together", []string{web + "    command:\n" + numbered(5000, "      - a@\n"), web + "    expose:\n" + numbered(1000, "      - '@'\n") + "    labels:\n" + numbered(4000, "      - a@\n"), web + "    x-list:\n" + numbered(5000, "      - a@\n")}, nil},
		{"many values of one alias", "compose.yaml:2: more than 12000 values once aliases are expanded", []string{"x-a: &a [" + numbered(100, "@,") + "]\nx-b: [" + strings.Repeat("*a,", 150) + "]\n" + web}, nil},
		{"many aliases", "compose.yaml:2: more than 256 aliases or anchors", []string{"x-a: &a x\nx-b: [" + strings.Repeat("*a,", 257) + "]\n" + web}, nil},
		{"many bytes", "compose.yaml: larger than the 524288 bytes that a file may have", []string{web + strings.Repeat("# a\n", 150_000)}, nil},
		{"many bytes in several files", "compose.2.yaml: more than 1048576 bytes in all files together", repeated(3, web+strings.Repeat("# a\n", 130_000)), nil},
		{"one long text many times", "compose.yaml:5: more than 1048576 bytes of text once aliases are expanded", []string{"x-a: &a " + strings.Repeat("a", 10_000) + "\n" + web + "    command: [" + strings.Repeat("*a,", 200) + "]\n"}, nil},
		{"long keys", "compose.yaml:4: keys that are too long: more than 1048576 bytes of key paths", []string{web + "    x-" + strings.Repeat("k", 900) + ": [" + numbered(2000, "@,") + "]\n"}, nil},
		{"lists of several files", "compose.1.yaml: lists of several files that are too long: more than 4194304 comparisons to merge them", repeated(2, web+"    command:\n"+numbered(2100, "      - a@\n")), nil},
		{"tags", "compose.yaml: tags !reset and !override: more than 4194304 comparisons to find what they mean", []string{web + "    command:\n" + numbered(1100, "      - !override @\n")}, nil},
		{"services", "compose.yaml:82: more than 80 services", []string{"services:\n" + numbered(81, "  web-@: {image: x}\n")}, nil},
		{"one range of ports", "compose.yaml:4: more than 256 ports in one range", []string{web + "    ports: ['127.0.0.1:8000-8256:80-336']\n"}, nil},
		{"one range of ports to expose", "compose.yaml:4: more than 256 ports in one range", []string{web + "    expose: ['8000-8256']\n"}, nil},
		{"several ranges of ports", "compose.yaml:4: more than 1024 ports in all ranges together", []string{web + "    ports: [" + numbered(5, "'127.0.0.@:8000-8255:80-335',") + "]\n"}, nil},
		{"a range behind variables", "compose.yaml:4: more than 256 ports in one range", []string{web + "    ports: ['127.0.0.1:${LOW:-8000}-${HIGH:-9000}:80']\n"}, nil},
		{"nested variables", "compose.yaml:4: variables nested deeper than 8 levels", []string{web + "    command: '" + strings.Repeat("${A:-", 9) + strings.Repeat("}", 9) + "'\n"}, nil},
		{"many variables in one text", "variables in texts that are too long: more than 2097152 bytes to look through", []string{web + "    command: '" + strings.Repeat("${A:-b}", 1000) + "'\n"}, nil},
		{"many variables", "more than 5000 uses of variables", []string{web + "    command:\n" + numbered(5001, "      - ${A@}\n")}, nil},
		{"one value many times", "variables that fill in more than 1048576 bytes", []string{web + "    command:\n" + numbered(4800, "      - $SHORT\n")}, long},
		{"a long value by name", "variables that fill in more than 1048576 bytes", []string{"services:\n" + numbered(20, "  web-@: {image: x, environment: [LONG]}\n")}, long},
		{"a long command", "compose.yaml:4: commands in one text that are too long: more than 268435456 steps to take them apart", []string{web + "    command: " + strings.Repeat("a ", 20_000) + "\n"}, nil},
		{"a long command of a hook", "compose.yaml:4: commands in one text that are too long: more than 268435456 steps to take them apart", []string{web + "    post_start: [{command: " + strings.Repeat("a ", 20_000) + "}]\n"}, nil},
		{"a long command behind a variable", "commands in one text that are too long: more than 268435456 steps to take them apart", []string{web + "    command: $LONG\n"}, long},
		{"hosts in one text", "more than 12000 values in all files together", []string{web + "    extra_hosts: ['" + strings.Repeat("a:b,", 20_000) + "c:d']\n"}, nil},
		{"env files", "compose.yaml:261: more than 256 files named", []string{web + "    env_file:\n" + numbered(257, "      - ./dir@/../a.env\n")}, nil},
		{"env files that need not be there", "compose.yaml:261: more than 256 files named", []string{web + "    env_file:\n" + numbered(257, "      - {path: '@.env', required: false}\n")}, nil},
		{"bytes of env files", "compose.yaml:7: more than 1048576 bytes in all files together", []string{web + "    env_file:\n" + numbered(3, "      - ./dir@/../large.env\n")}, nil},
		{"bytes of label files", "compose.yaml:4: more than 1048576 bytes in all files together", []string{web + "    label_file: [large.env, large.env, large.env]\n"}, nil},
		{"an env file that doubles", "compose.yaml:4: variables that fill in more than 1048576 bytes", []string{web + "    env_file: bomb.env\n"}, nil},
		{"an env file with many variables", "compose.yaml:4: variables in texts that are too long: more than 2097152 bytes to look through", []string{web + "    env_file: lookups.env\n"}, nil},
		{"an env file with a long text", "compose.yaml:4: variables in texts that are too long: more than 2097152 bytes to look through", []string{web + "    env_file: tail.env\n"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := input("web", tt.texts...)
			in.Folder, in.Env = folder, tt.env
			_, err := compose.Load(t.Context(), in)
			if e := problem.As(err); err == nil || e.Code != problem.InvalidExtension || !strings.HasPrefix(e.Detail, `extension "web": `+tt.want+"; ") {
				t.Errorf("Load: %.300v\nwant %s", err, tt.want)
			}
		})
	}
}

func repeated(n int, text string) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text
	}
	return texts
}

// doubling is lines that each stand for twice the one above.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "A%d=$A%d$A%d\n", i+1, i, i)
	}
	return b.String()
}

// What belongs to the owner is not bounded: it may be as large as the owner likes.
func TestLoad_DoesNotBoundTheBase(t *testing.T) {
	in := input("base", "services:\n"+numbered(100, "  s@: {image: x}\n"))
	in.Base = true
	if got := len(load(t, in).Project.Services); got != 100 {
		t.Errorf("%d services, want 100", got)
	}
}

// All variants of an extension share one budget; a file counts each time that it is read.
func TestLoad_SharesABudget(t *testing.T) {
	budget := &compose.Budget{}
	in := input("web", web+"    command:\n"+numbered(5000, "      - a@\n"))
	in.Budget = budget
	for range 2 {
		load(t, in)
	}
	if _, err := compose.Load(t.Context(), in); err == nil || !budget.Spent() {
		t.Errorf("the third time: %v, want that the budget is spent", err)
	}
}

// The platform's goal is that no honest extension comes near a limit: the real ones use a tenth of each at most, all
// their variants together.
func TestRealExtensions_UseATenthOfEachLimit(t *testing.T) {
	tree := realTree(t)
	most := map[string]int{}
	for _, root := range []compose.Root{tree.Services, tree.User} {
		source := compose.User
		if root == tree.Services {
			source = compose.Builtin
		}
		dirs, err := fs.ReadDir(root.FS, ".")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			m, err := manifest.Read(root.FS, dir.Name())
			if err != nil || compose.FragmentName(m) == "" {
				continue // no extension, or no containers of its own
			}
			variants, skip := compose.Variants(root, source, dir.Name(), m, compose.BackendsOf(m))
			if skip != nil {
				continue // disabled
			}
			budget := &compose.Budget{}
			for _, v := range variants {
				in := unitInput(t, root, v.Unit)
				in.Budget = budget
				if _, err := compose.Load(t.Context(), in); err != nil && !problem.HasCode(err, problem.MissingConfig) {
					t.Logf("%s: %v", dir.Name(), err)
				}
			}
			for what, spent := range budget.Limits() {
				most[what] = max(most[what], spent[0])
				if 10*spent[0] > spent[1] {
					t.Errorf("%s: %d %s of %d: more than a tenth", dir.Name(), spent[0], what, spent[1])
				}
			}
		}
	}
	t.Log("the most of each:", most)
}

// The hostile files of TestLoad_RefusesWhatTakesTooLong at their largest, and what is just accepted: `make bench`.
func BenchmarkLoadAtTheLimits(b *testing.B) {
	for _, tt := range []struct{ name, text string }{
		{"a list of 6000", web + "    command:\n" + numbered(5900, "      - a@\n")},
		{"dependencies", web + "    depends_on:\n" + numbered(999, "      web-@: {condition: service_started}\n")},
		{"volumes", web + "    volumes:\n" + numbered(5900, "      - ./data/web/@:/t@\n")},
		{"ports", web + "    ports: [" + numbered(4, "'127.0.0.@:8000-8255:80-335',") + "]\n"},
		{"comments", web + strings.Repeat("#\n", 260_000)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = compose.Load(b.Context(), input("web", tt.text)) // refused or not: it takes its time
			}
		})
	}
}

// A file that grows while nobody looks is refused, and not read to its end.
func TestStackUnit_ReadsNoMoreThanAFileMayHave(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web", "compose.yaml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 1<<40); err != nil { // a hole: a terabyte that takes no room
		t.Fatal(err)
	}
	u := compose.StackUnit{Dir: "web", Files: []string{"compose.yaml"}, Paths: []string{"web/compose.yaml"}}
	files, err := u.Read(os.DirFS(dir))
	if err != nil || len(files) != 1 || len(files[0].Content) != 524289 {
		t.Errorf("Read = %d files, %v; want one, cut one byte behind the limit", len(files), err)
	}
}
