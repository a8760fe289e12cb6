package config

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// extend is the content of the file with the pairs that it lacks; nil when it lacks none.
func extend(file string, data []byte, pairs []Pair) ([]byte, error) {
	old, err := ParseEnv(file, data)
	if err != nil {
		return nil, err
	}
	missing, err := missingPairs(file, old, pairs)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	// An empty line of the key is the natural place. Where a later line refers to the key, filling it in
	// would change that line too; the end of the file is safe then.
	for _, edit := range []func([]byte, Pair) []byte{fillIn, appendLine} {
		next := bytes.Clone(data)
		for _, p := range missing {
			next = edit(next, p)
		}
		if holds(file, next, with(old, missing)) {
			return next, nil
		}
	}
	return nil, fmt.Errorf("%s: cannot be extended without changing another value: add the keys by hand", file)
}

func missingPairs(file string, old map[string]string, pairs []Pair) ([]Pair, error) {
	var missing []Pair
	seen := map[string]bool{}
	for _, p := range pairs {
		if err := checkPair(file, p, seen); err != nil {
			return nil, err
		}
		if old[p.Key] == "" && p.Value != "" {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

func checkPair(file string, p Pair, seen map[string]bool) error {
	switch {
	case !keyPattern.MatchString(p.Key):
		return fmt.Errorf("%s: %q is not a variable's name: write letters, digits and _", file, p.Key)
	case strings.ContainsRune(p.Value, 0):
		return fmt.Errorf("%s: %s: the value holds a NUL byte, which no environment can have", file, p.Key)
	case seen[p.Key]:
		return fmt.Errorf("%s: %s is given twice", file, p.Key)
	}
	seen[p.Key] = true
	return nil
}

// edit is the content of the file after the edits; nil when they change nothing.
func edit(file string, data []byte, edits []EnvEdit) ([]byte, error) {
	old, err := ParseEnv(file, data)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range edits {
		if err := checkPair(file, Pair{e.Key, e.Value}, seen); err != nil {
			return nil, err
		}
	}
	want, next := maps.Clone(old), data
	var real []EnvEdit
	for _, e := range edits {
		value, has := old[e.Key]
		if e.Unset && !has || !e.Unset && has && value == e.Value {
			continue
		}
		real = append(real, e)
		if delete(want, e.Key); !e.Unset {
			want[e.Key] = e.Value
		}
		next = tidiest(next, e)
	}
	switch {
	case len(real) == 0:
		return nil, nil
	case len(next) > MaxEnvBytes:
		return nil, fmt.Errorf("%s: would be larger than the %d bytes that it may have: give shorter values, or take out what is not needed", file, MaxEnvBytes)
	case holds(file, next, want):
		return next, nil
	}
	return editEach(file, data, old, real) // some value refers to another: one at a time, and with care
}

func editEach(file string, data []byte, old map[string]string, edits []EnvEdit) ([]byte, error) {
	for _, e := range edits {
		want := maps.Clone(old)
		if delete(want, e.Key); !e.Unset {
			want[e.Key] = e.Value
		}
		if data = editOne(file, data, e, want); data == nil {
			return nil, fmt.Errorf("%s: %s cannot be changed without changing another value that refers to it: change it by hand", file, e.Key)
		}
		old = want
	}
	return data, nil
}

// tidiest is the edit as a person would make it: in the place of the last line of the key, or at the end.
func tidiest(data []byte, e EnvEdit) []byte {
	places := assignments(data, e.Key)
	if n := len(places); n > 0 {
		return splice(data, places[:n-1], places[n-1], e.line(data[places[n-1].from:places[n-1].to]))
	}
	if e.Unset {
		return data
	}
	return appendLine(bytes.Clone(data), Pair{e.Key, e.Value})
}

// editOne tries the ways to make one edit, the tidiest first, and takes the first that reads as wanted; nil when none
// does.
func editOne(file string, data []byte, e EnvEdit, want map[string]string) []byte {
	places := assignments(data, e.Key)
	var ways [][]byte
	if n := len(places); n > 0 {
		line := e.line(data[places[n-1].from:places[n-1].to])
		ways = append(ways, splice(data, places[:n-1], places[n-1], line))
		for _, only := range slices.Backward(places) {
			ways = append(ways, splice(data, nil, only, line))
		}
	}
	if !e.Unset { // the last line of a key counts
		ways = append(ways, appendLine(splice(data, places, span{}, nil), Pair{e.Key, e.Value}), appendLine(bytes.Clone(data), Pair{e.Key, e.Value}))
	}
	for _, next := range ways {
		if holds(file, next, want) {
			return next
		}
	}
	return nil
}

// line takes the place of the old one. What follows a value without quotes is a comment, and stays.
func (e EnvEdit) line(old []byte) []byte {
	if e.Unset {
		return nil
	}
	comment := ownComment.FindSubmatch(old)
	if comment == nil {
		comment = [][]byte{nil, nil}
	}
	return fmt.Appendf(nil, "%s=%s%s\n", e.Key, quoteEnv(e.Value), comment[1])
}

var ownComment = regexp.MustCompile(`\A[^=:'"\n#]*[=:][^'"\n#]*?([ \t]+#[^\r\n]*)\r?\n?\z`)

// span is a piece of the file, from one byte to before another.
type span struct{ from, to int }

// assignments finds where the file gives the key a value, the whole lines of each. What looks like one inside of
// another key's value is among them: whoever edits the file reads the result.
func assignments(data []byte, key string) []span {
	starts := regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?`+key+`[ \t]*(?:[=:]|\r?$)`).FindAllIndex(data, maxPlaces)
	var found []span
	for _, start := range starts {
		if n := len(found); n > 0 && start[0] < found[n-1].to {
			continue // a line of the value before
		}
		end := start[0]
		for tries := 0; tries < maxValueLines && end < len(data); tries++ {
			if i := bytes.IndexByte(data[end:], '\n'); i >= 0 {
				end += i + 1
			} else {
				end = len(data)
			}
			if pairs, err := parseEnv(data[start[0]:end]); err == nil && len(pairs) <= 1 { // cheaper than ParseEnv, which finds the line
				found = append(found, span{start[0], end})
				break
			}
		}
	}
	return found
}

// maxValueLines bounds the search for the end of a value in quotes, maxPlaces the lines of one key.
const (
	maxValueLines = 1000
	maxPlaces     = 20
)

// splice takes pieces out of the data and puts line in the place of the last one.
func splice(data []byte, gone []span, place span, line []byte) []byte {
	cut := append(slices.Clone(gone), place)
	next := []byte{} // also what is empty is a content
	at := 0
	for _, s := range cut {
		if s.to == 0 {
			continue
		}
		next = append(next, data[at:s.from]...)
		at = s.to
	}
	if place.to > 0 {
		next = append(next, line...)
	}
	return append(next, data[at:]...)
}

// fillIn puts the pair in the place of an empty line of its key, else at the end.
func fillIn(data []byte, p Pair) []byte {
	empty := regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?` + p.Key + `[ \t]*=[ \t]*\r?$`)
	at := empty.FindIndex(data)
	if at == nil {
		return appendLine(data, p)
	}
	return bytes.Join([][]byte{data[:at[0]], []byte(p.Key + "=" + quoteEnv(p.Value)), data[at[1]:]}, nil)
}

func appendLine(data []byte, p Pair) []byte {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return fmt.Appendf(data, "%s=%s\n", p.Key, quoteEnv(p.Value))
}

func with(old map[string]string, pairs []Pair) map[string]string {
	all := maps.Clone(old)
	for _, p := range pairs {
		all[p.Key] = p.Value
	}
	return all
}

// holds reports whether data reads as wanted.
func holds(file string, data []byte, want map[string]string) bool {
	got, err := ParseEnv(file, data)
	return err == nil && maps.Equal(got, want)
}

var (
	keyPattern   = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)
	plainPattern = regexp.MustCompile(`\A[A-Za-z0-9_./:@%+,=-]+\z`)
)

// quoteEnv writes a value so that Compose's parser reads the same bytes. Single quotes keep everything but a
// quote and a backslash, and shells read them alike, so double quotes are for the rest.
func quoteEnv(value string) string {
	switch {
	case plainPattern.MatchString(value):
		return value
	case !strings.ContainsAny(value, "'\\\n\r"):
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`).Replace(value) + `"`
}
