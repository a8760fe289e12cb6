package chainlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxIssues is how many issues are told one by one.
const maxIssues = 100

// Report is what came of a walk over the whole chain.
type Report struct {
	Files   int    `json:"files"`
	Lines   int    `json:"lines"`   // that belong to the chain, those of the log's own among them
	Records int    `json:"records"` // of the log's user
	First   uint64 `json:"first"`   // number of the first line that is kept; what was before it went with a file that was full
	Head    Head   `json:"head"`    // the last line
	// Sealed are lines that were not written whole, because the writer was killed; the next one says so.
	Sealed []Place `json:"sealed,omitempty"`
	// Torn is such a line at the end, which nobody has sealed yet. Whether it is that, or was cut off, nobody can tell.
	Torn *Place `json:"torn,omitempty"`
	// Noted is where the head that was noted elsewhere is.
	Noted  *Place  `json:"noted,omitempty"`
	Issues []Issue `json:"issues"`
	More   int     `json:"more_issues,omitempty"`
}

// Place is a line.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// Issue is something that is not as it was written.
type Issue struct {
	Place
	What string `json:"what"`
}

// Whole reports whether nothing is wrong.
func (r *Report) Whole() bool { return len(r.Issues) == 0 }

// Verify walks the chain in the folder, of which New's files are kept. noted is the hash of a head that was noted
// elsewhere; empty for none. An error means that it could not be looked at.
func Verify(dir string, files int, noted string) (*Report, error) {
	numbers, open, odd, err := openAll(dir)
	if err != nil {
		return nil, err
	}
	defer closeAll(open)
	v := &verifier{report: &Report{Files: len(open), Issues: []Issue{}}, noted: noted, seen: map[uint64]bool{}, later: map[uint64]int{}}
	for _, n := range odd {
		v.file = filepath.Join(dir, fileName(n))
		v.issue("%v: remove it, and look where the file is that stood there", errOdd)
	}
	sizes := make([]int64, len(open))
	for i, f := range open { // the newest may grow while it is read
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		sizes[i] = info.Size()
		if err := v.count(f, sizes[i]); err != nil {
			return nil, err
		}
	}
	for i, f := range open {
		v.file, v.number, v.line = filepath.Join(dir, fileName(numbers[i])), numbers[i], 0
		v.place(numbers, i, max(files, 2))
		if err := v.read(io.NewSectionReader(f, 0, sizes[i]), i == len(open)-1); err != nil {
			return nil, err
		}
	}
	if noted != "" && v.report.Noted == nil {
		v.file, v.line = dir, 0
		v.issue("no line has the hash %s that was noted: lines were cut off the end, or written anew, or its file was full long ago and is gone", noted)
	}
	return v.report, nil
}

// verifier walks.
type verifier struct {
	report *Report
	noted  string
	file   string
	number int
	line   int

	begun bool // a line of the chain was read
	seen  map[uint64]bool
	later map[uint64]int // how many lines have this number, over all files
	// loose is what was read that is no line, and may be sealed by the next.
	loose  []byte
	unread Issue
}

// count notes which lines there are, to tell one that is elsewhere from one that is gone.
func (v *verifier) count(f *os.File, size int64) error {
	return eachLine(io.NewSectionReader(f, 0, size), func(text []byte, _ bool) {
		if l, err := parse(text); err == nil {
			v.later[l.Seq]++
		}
	})
}

// place looks at the file's number.
func (v *verifier) place(numbers []int, i, keep int) {
	switch {
	case i > 0 && numbers[i] != numbers[i-1]+1:
		v.issue("the file before it is missing: %s", fileName(numbers[i]-1))
	case i == 0 && numbers[0] > 1 && numbers[len(numbers)-1]-numbers[0]+1 < keep:
		v.issue("files before it were removed: the newest %d are kept", keep)
	}
}

func (v *verifier) read(r io.Reader, last bool) error {
	first := true
	err := eachLine(r, func(text []byte, whole bool) {
		v.line++
		_, err := parse(text)
		switch {
		case whole, err == nil: // a line that lacks nothing but its end is there
			v.next(text, &first)
		case last:
			v.unended(text)
		default:
			v.issue("the line has no end")
		}
	})
	v.settle()
	if first && v.line == 0 && !last {
		v.issue("the file is empty")
	}
	return err
}

// unended is what stands behind the last line end of all.
func (v *verifier) unended(text []byte) {
	v.settle()
	at := Place{v.file, v.line}
	v.report.Torn = &at
	if i := bytes.LastIndex(text, []byte(`"}`)); i >= 0 {
		if _, err := parse(text[:i+2]); err == nil { // and it is not all of it
			v.issue("the line was changed: there is something behind its hash")
		}
	}
}

// next is one line.
func (v *verifier) next(text []byte, first *bool) {
	l, err := parse(text)
	if errors.Is(err, errForm) {
		v.settle()
		v.loose, v.unread = bytes.Clone(text), Issue{Place{v.file, v.line}, errForm.Error()}
		return
	}
	v.sealed(l)
	if err != nil {
		v.issue("%v", err)
	}
	m := l.mark()
	switch {
	case *first && l.Kind != begins:
		v.issue("lines at the beginning of the file were removed: its first names the file")
	case *first && m.File != v.number:
		v.issue("it says that it begins file %d: the file was renamed", m.File)
	case !*first && l.Kind == begins:
		v.issue("a second beginning of a file: a line was put in")
	}
	*first = false
	v.follow(l)
	v.report.Lines++
	if l.Kind == holds {
		v.report.Records++
	}
	v.seen[l.Seq] = true
	v.report.Head, v.begun = Head{Seq: l.Seq, Hash: l.Hash}, true
	if v.noted != "" && l.Hash == v.noted {
		at := Place{v.file, v.line}
		v.report.Noted = &at
	}
}

// follow looks whether the line follows the one before.
func (v *verifier) follow(l line) {
	head := v.report.Head
	if !v.begun {
		v.report.First = l.Seq
		if v.number == 1 && (l.Seq != 1 || l.Prev != none) {
			v.issue("it is line %d of the log, and the first file begins with line 1: lines before it were removed", l.Seq)
		}
		return
	}
	switch want := head.Seq + 1; {
	case l.Seq > want:
		for n := want; n < l.Seq && n < want+maxIssues; n++ {
			if v.later[n] > 0 {
				v.issue("lines are out of order: this is line %d of the log, and %d should be here", l.Seq, want)
				return
			}
		}
		v.issue("lines %d to %d of the log were removed before it", want, l.Seq-1)
	case l.Seq < want && (v.seen[l.Seq] || v.later[l.Seq] > 1):
		v.issue("it was put in: there is another line %d of the log", l.Seq)
	case l.Seq < want:
		v.issue("lines are out of order: this is line %d of the log, and %d should be here", l.Seq, want)
	case l.Prev != head.Hash:
		v.issue("it does not follow the line before, which was changed or put in")
	}
}

// sealed takes what was no line for what the line says of it.
func (v *verifier) sealed(l line) {
	if v.loose == nil {
		if m := l.mark(); m.Torn > 0 {
			v.issue("it seals %d bytes that are not there: they were removed", m.Torn)
		}
		return
	}
	if m := l.mark(); m.Torn == len(v.loose) && m.SHA256 == digest(v.loose) {
		v.report.Sealed = append(v.report.Sealed, v.unread.Place)
		v.loose = nil
		return
	}
	v.settle()
}

// settle tells of what was no line and was not sealed.
func (v *verifier) settle() {
	if v.loose != nil {
		v.add(v.unread)
		v.loose = nil
	}
}

func (v *verifier) issue(format string, args ...any) {
	v.add(Issue{Place{v.file, v.line}, fmt.Sprintf(format, args...)})
}

func (v *verifier) add(i Issue) {
	if len(v.report.Issues) == maxIssues {
		v.report.More++
		return
	}
	v.report.Issues = append(v.report.Issues, i)
}

// eachLine calls on with every line, without its end, and whether it has one. Of a line that is longer than ours can be
// only the beginning comes.
func eachLine(r io.Reader, on func(text []byte, whole bool)) error {
	in := bufio.NewReaderSize(r, maxLine+2)
	for {
		text, err := in.ReadSlice('\n')
		switch {
		case err == nil:
			on(text[:len(text)-1], true)
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			on(bytes.Clone(text), true)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			if err == nil {
				continue
			}
		case len(text) > 0:
			on(text, false)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}
