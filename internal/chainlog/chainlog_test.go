package chainlog_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dreamserver/internal/chainlog"
)

type record struct {
	Text string `json:"text"`
}

const keep = 3

// written is a log of n records, in files of that size.
func written(t *testing.T, dir string, n int, size int64) *chainlog.Log {
	t.Helper()
	l := chainlog.New(dir, size, keep)
	for i := range n {
		if _, err := l.Append(record{fmt.Sprintf("number %d <&> ü", i)}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func verify(t *testing.T, dir, noted string) *chainlog.Report {
	t.Helper()
	r, err := chainlog.Verify(dir, keep, noted)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newest(t *testing.T, dir string) (got []string) {
	t.Helper()
	for r, err := range chainlog.Newest(dir) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r))
	}
	return got
}

func TestLog_IsWholeAndReadFromItsEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := written(t, dir, 3, 1<<20)
	head, _, err := l.Head()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = chainlog.New(dir, 1<<20, keep) // another process goes on
	if _, err := l.Append(record{"last"}); err != nil {
		t.Fatal(err)
	}
	r := verify(t, dir, head.Hash)
	if !r.Whole() || r.Records != 4 || r.Lines != 5 || r.First != 1 || r.Head.Seq != 5 || r.Noted == nil || r.Noted.Line != 4 {
		t.Errorf("%+v", r)
	}
	want := []string{`{"text":"last"}`, `{"text":"number 2 <&> ü"}`, `{"text":"number 1 <&> ü"}`, `{"text":"number 0 <&> ü"}`}
	if diff := cmp.Diff(want, newest(t, dir)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(dir, "000001.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The bytes of a line are a contract: whoever has them can count the hash without this program.
func TestLine_IsCanonical(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 1, 1<<20)
	data, err := os.ReadFile(filepath.Join(dir, "000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","kind":"begin","record":{"file":1}`
	want := fmt.Sprintf(`%s,"hash":"%x"}`, body, sha256.Sum256([]byte(body)))
	first, _, _ := strings.Cut(string(data), "\n")
	if first != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
}

// Rotation keeps the chain: each file begins with the hash of the last line of the one before, and what is left is whole.
func TestLog_RotatesAndStaysWhole(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 40, 1000)
	r := verify(t, dir, "")
	if !r.Whole() || r.Files != keep || r.First == 1 || r.Head.Seq < 45 {
		t.Errorf("%+v", r)
	}
	if got := newest(t, dir); got[0] != `{"text":"number 39 <&> ü"}` || len(got) != r.Records {
		t.Errorf("%d records, %v", len(got), got[:1])
	}
}

// Whatever is done to the lines shows, and is told with file and line.
func TestVerify_TellsWhatIsWrong(t *testing.T) {
	at := func(i int, with ...string) func([]string) []string {
		return func(l []string) []string { return slices.Replace(l, i, i+1, with...) }
	}
	tests := []struct {
		name string
		do   func(lines []string) []string
		want []string
	}{
		{"nothing", func(l []string) []string { return l }, nil},
		{"a changed record", func(l []string) []string {
			return at(2, strings.Replace(l[2], "number 1", "number 7", 1))(l)
		}, []string{"000001.jsonl:3: it was changed: its hash is another"}},
		{"a changed hash", func(l []string) []string { return at(2, l[2][:len(l[2])-4]+"zz\"}")(l) }, []string{
			"000001.jsonl:3: it was changed: its hash is another", "000001.jsonl:4: it does not follow the line before, which was changed or put in",
		}},
		{"another spelling", func(l []string) []string { return at(2, strings.Replace(l[2], `,"kind"`, `, "kind"`, 1))(l) }, []string{
			"000001.jsonl:3: it was changed: its hash is another",
		}},
		{"a blank behind", func(l []string) []string { return at(2, l[2]+" ")(l) }, []string{
			"000001.jsonl:3: it is no line of this log", "000001.jsonl:4: lines 3 to 3 of the log were removed before it",
		}},
		{"a removed line", func(l []string) []string { return slices.Delete(l, 2, 3) }, []string{"000001.jsonl:3: lines 3 to 3 of the log were removed before it"}},
		{"removed lines", func(l []string) []string { return slices.Delete(l, 2, 4) }, []string{"000001.jsonl:3: lines 3 to 4 of the log were removed before it"}},
		{"a swap", func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }, []string{
			"000001.jsonl:3: lines are out of order: this is line 4 of the log, and 3 should be here",
			"000001.jsonl:4: lines are out of order: this is line 3 of the log, and 5 should be here",
			"000001.jsonl:5: lines are out of order: this is line 5 of the log, and 4 should be here",
		}},
		{"a line twice", func(l []string) []string { return slices.Insert(l, 3, l[2]) }, []string{
			"000001.jsonl:4: it was put in: there is another line 3 of the log",
		}},
		{"a line of no chain", func(l []string) []string { return slices.Insert(l, 3, `{"text":"x"}`) }, []string{"000001.jsonl:4: it is no line of this log"}},
		{"an empty line", func(l []string) []string { return slices.Insert(l, 3, ``) }, []string{"000001.jsonl:4: it is no line of this log"}},
		{"the beginning", func(l []string) []string { return l[1:] }, []string{
			"000001.jsonl:1: lines at the beginning of the file were removed: its first names the file",
			"000001.jsonl:1: it is line 2 of the log, and the first file begins with line 1: lines before it were removed",
		}},
		{"the end", func(l []string) []string { return l[:len(l)-1] }, []string{
			":0: no line has the hash $HEAD that was noted: lines were cut off the end, or written anew, or its file was full long ago and is gone",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := written(t, dir, 4, 1<<20)
			head, _, err := l.Head()
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(dir, "000001.jsonl")
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines := tt.do(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
			if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range verify(t, dir, head.Hash).Issues {
				got = append(got, fmt.Sprintf("%s:%d: %s", strings.TrimPrefix(strings.TrimPrefix(i.File, dir), "/"), i.Line, strings.ReplaceAll(i.What, head.Hash, "$HEAD")))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerify_MissesFiles(t *testing.T) {
	for remove, want := range map[int]string{
		1: "files before it were removed: the newest 3 are kept",
		2: "the file before it is missing: 00000",
	} {
		dir := t.TempDir()
		written(t, dir, 40, 1000)
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(files[remove-1]); err != nil {
			t.Fatal(err)
		}
		r := verify(t, dir, "")
		if len(r.Issues) == 0 || !strings.HasPrefix(r.Issues[0].What, want) {
			t.Errorf("without file %d: %+v", remove, r.Issues)
		}
	}
	if _, err := chainlog.Verify(filepath.Join(t.TempDir(), "none"), keep, ""); err == nil {
		t.Error("what is not there was looked at")
	}
}

// Any byte of a log that is changed to any other is found.
func TestVerify_FindsAnyChangedByte(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 12, 900)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != keep {
		t.Fatal(files, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(files).Draw(t, "file")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, len(data)-1).Draw(t, "position")
		b := rapid.Byte().Filter(func(b byte) bool { return b != data[i] }).Draw(t, "byte")
		changed := bytes.Clone(data)
		changed[i] = b
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := chainlog.Verify(dir, keep, "")
		if rerr := os.WriteFile(name, data, 0o600); rerr != nil {
			t.Fatal(rerr)
		}
		if err != nil || r.Whole() {
			t.Fatalf("%v, %+v", err, r)
		}
	})
}

// A writer that is killed in the middle of a line leaves a piece of it, wherever that ends. The next one seals it, and
// goes on; before and after that it is told, and nothing else is wrong.
func TestLog_SealsALineThatWasNotWrittenWhole(t *testing.T) {
	whole := t.TempDir()
	written(t, whole, 3, 1<<20)
	data, err := os.ReadFile(filepath.Join(whole, "000001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range data {
		if cut == 0 || data[cut-1] == '\n' || data[cut] == '\n' { // the last: nothing is lost but the line's end
			continue
		}
		dir := t.TempDir()
		name := filepath.Join(dir, "000001.jsonl")
		if err := os.WriteFile(name, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, dir, ""); !r.Whole() || r.Torn == nil || len(r.Sealed) > 0 {
			t.Fatalf("cut at %d: %+v", cut, r)
		}
		l := chainlog.New(dir, 1<<20, keep)
		if _, err := l.Append(record{"after"}); err != nil {
			t.Fatal(err)
		}
		_, sealed, err := l.Head()
		if err != nil {
			t.Fatal(err)
		}
		r := verify(t, dir, "")
		if !r.Whole() || r.Torn != nil || len(r.Sealed) != 1 || sealed != 1 {
			t.Fatalf("cut at %d, then sealed: %+v, %d", cut, r, sealed)
		}
		if got := newest(t, dir); got[0] != `{"text":"after"}` {
			t.Fatalf("cut at %d: %v", cut, got)
		}
		// What was sealed cannot be changed or taken away either.
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.LastIndexByte(data[:cut], '\n') + 1
		for what, changed := range map[string][]byte{
			"changed": append(append(bytes.Clone(text[:at]), 'x'), text[at+1:]...),
			"removed": append(bytes.Clone(text[:at]), text[cut+1:]...),
		} {
			if bytes.Equal(changed, text) {
				continue
			}
			if err := os.WriteFile(name, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, dir, ""); r.Whole() {
				t.Fatalf("cut at %d, sealed, then %s: %+v", cut, what, r)
			}
		}
	}
}

// A line that lacks nothing but its end is a record.
func TestLog_EndsALine(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 3, 1<<20)
	name := filepath.Join(dir, "000001.jsonl")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data[:len(data)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir, ""); !r.Whole() || r.Records != 3 {
		t.Errorf("%+v", r)
	}
	written(t, dir, 1, 1<<20)
	if r := verify(t, dir, ""); !r.Whole() || r.Records != 4 || len(r.Sealed) > 0 {
		t.Errorf("%+v", r)
	}
}

// A file that was just begun when the writer was killed is gone on with.
func TestLog_BeginsAFileThatIsEmpty(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 3, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "000002.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	written(t, dir, 1, 1<<20)
	if r := verify(t, dir, ""); !r.Whole() || r.Files != 2 || r.Records != 4 {
		t.Errorf("%+v", r)
	}
}

func TestLog_SaysWhatItCannotWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := chainlog.New(dir, 1<<20, keep)
	if _, err := l.Append(record{}); err == nil {
		t.Error("a file is a folder")
	}
	good := chainlog.New(t.TempDir(), 1<<20, keep)
	if _, err := good.Append(record{strings.Repeat("x", 64<<10)}); err == nil {
		t.Error("a record may be as long as it likes")
	}
	if _, err := good.Append(record{"x"}); err != nil {
		t.Error(err)
	}
}

func TestBackward_YieldsTheLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,9}`), 0, 30).Draw(t, "lines")
		long := rapid.IntRange(0, 1<<16).Draw(t, "long")
		if long > 0 && len(lines) > 0 {
			lines[0] = strings.Repeat("l", long)
		}
		text := strings.Join(lines, rapid.SampledFrom([]string{"\n", "\n\n"}).Draw(t, "end"))
		if rapid.Bool().Draw(t, "whole") {
			text += "\n"
		}
		var got []string
		for line, err := range chainlog.Backward(bytes.NewReader([]byte(text)), int64(len(text))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append([]string{string(line)}, got...)
		}
		if strings.Join(got, ",") != strings.Join(lines, ",") {
			t.Fatalf("got %q, want %q", got, lines)
		}
	})
}

// What has the name of a file of the log and is none is told, and waited for by nobody.
func TestVerify_TellsOfWhatIsNoFile(t *testing.T) {
	const odd = "it is no regular file, and none of the log's: remove it, and look where the file is that stood there"
	for name, put := range map[string]func(file, elsewhere string) error{
		"a FIFO":    func(file, _ string) error { return syscall.Mkfifo(file, 0o600) },
		"a symlink": func(file, elsewhere string) error { return os.Symlink(elsewhere, file) },
		"a folder":  func(file, _ string) error { return os.Mkdir(file, 0o700) },
		"a loop":    func(file, _ string) error { return os.Symlink(file, file) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "moved.jsonl")
			l := written(t, dir, 3, 1<<20)
			l.Close()
			file := filepath.Join(dir, "000001.jsonl")
			if err := os.Rename(file, elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := put(file, elsewhere); err != nil {
				t.Fatal(err)
			}
			r := verify(t, dir, "")
			if diff := cmp.Diff([]chainlog.Issue{{Place: chainlog.Place{File: file}, What: odd}}, r.Issues); diff != "" || r.Whole() || r.Files != 0 {
				t.Errorf("%+v\n%s", r, diff)
			}
			if got := newest(t, dir); len(got) != 0 {
				t.Errorf("records are read from elsewhere: %q", got)
			}
			if _, err := l.Append(record{"one more"}); err == nil || !strings.Contains(err.Error(), "is no regular file") {
				t.Errorf("written to: %v", err)
			}
		})
	}
}
