package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is told of an answer.
const (
	maxReason   = 2000 // bytes of a rejection, or of why there is none
	maxWarning  = 500  // bytes
	maxWarnings = 20
)

// notAnswer begins the errors about what is none.
const notAnswer = `its answer is not {"spec": {…}, "error": null}: `

// answerKeys are what an answer may have, each with how many letters of a key may be others for it to look like a slip.
var answerKeys = map[string]int{"spec": 1, "error": 2, "warnings": 2}

// ReadAnswer reads one JSON document and nothing behind it. It must say something: of a spec or of an error. A key that is
// there twice, or that looks like a misspelt one, could be a refusal that nobody reads; strict takes no unknown one at all.
func ReadAnswer(data []byte, strict bool) (Response, error) {
	var r Response
	if len(bytes.TrimSpace(data)) == 0 {
		return r, errors.New("it answers nothing")
	}
	keys, err := answerIn(data, strict)
	if err != nil {
		return r, err
	}
	var answer struct {
		Spec     *Spec
		Error    *string
		Warnings []string
	}
	for name, into := range map[string]any{"spec": &answer.Spec, "error": &answer.Error, "warnings": &answer.Warnings} {
		if value, there := keys[name]; there {
			dec := json.NewDecoder(bytes.NewReader(value))
			dec.UseNumber()
			if err := dec.Decode(into); err != nil {
				return r, fmt.Errorf(notAnswer+"%s: %w", name, err)
			}
		}
	}
	if !utf8.Valid(data) {
		where := "its answer"
		if answer.Spec != nil {
			where += replacedAt("", map[string]any(*answer.Spec))
		}
		return r, fmt.Errorf("%s has bytes that are no UTF-8", where)
	}
	switch {
	case answer.Error != nil && *answer.Error == "":
		return r, errors.New("its answer has an empty error: null is none, and a text is a rejection")
	case answer.Error != nil:
		r.Error = *answer.Error
	}
	if answer.Spec != nil {
		r.Spec = *answer.Spec
	}
	r.Warnings = answer.Warnings
	return r, nil
}

// answerIn are the keys of an answer.
func answerIn(data []byte, strict bool) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var whole json.RawMessage
	if err := dec.Decode(&whole); err != nil {
		return nil, fmt.Errorf(notAnswer+"%w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("its answer goes on behind the JSON document")
	}
	if err := json.Unmarshal(whole, new(struct{})); err != nil {
		return nil, fmt.Errorf(notAnswer+"%w", err)
	}
	if whole[0] != '{' {
		return nil, errors.New(notAnswer + "it is null")
	}
	dec = json.NewDecoder(bytes.NewReader(whole))
	keys := map[string]json.RawMessage{}
	if _, err := dec.Token(); err != nil { // {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		_, twice := keys[name]
		switch like := slipOf(name); {
		case twice:
			return nil, fmt.Errorf("its answer has the key %.40q twice", name)
		case like != "" && like != name:
			return nil, fmt.Errorf("its answer has a key %.40q: write %s", name, like)
		case like == "" && strict:
			return nil, fmt.Errorf("its answer has a key %.40q, which is none of %s", name, strings.Join(slices.Sorted(maps.Keys(answerKeys)), ", "))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		keys[name] = value
	}
	_, spec := keys["spec"]
	if _, decided := keys["error"]; !spec && !decided {
		return nil, errors.New(notAnswer + "it has neither spec nor error")
	}
	return keys, nil
}

// slipOf is the key that was meant; empty for one that looks like none.
func slipOf(name string) string {
	for _, key := range slices.Sorted(maps.Keys(answerKeys)) {
		if strings.EqualFold(name, key) || len(name) < 20 && distance(strings.ToLower(name), key) <= answerKeys[key] {
			return key
		}
	}
	return ""
}

// distance is Levenshtein's: how many letters must be changed, put in or left out.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0]
		row[0] = i + 1
		for j := range len(b) {
			other := above
			if a[i] != b[j] {
				other++
			}
			above = row[j+1]
			row[j+1] = min(other, above+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// replacedAt is the first place of a value that has the character for what could not be read.
func replacedAt(path string, v any) string {
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, utf8.RuneError) {
			return " at " + path
		}
	case []any:
		for i := range v {
			if at := replacedAt(path+"["+strconv.Itoa(i)+"]", v[i]); at != "" {
				return at
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if at := replacedAt(strings.TrimPrefix(path+"."+k, "."), v[k]); at != "" {
				return at
			}
		}
	}
	return ""
}

// usableNumbers refuses numbers that nothing here could hold: they would be others, or nothing, in the model.
func usableNumbers(path string, v any) error {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err != nil || math.Abs(f) >= math.MaxInt64 {
			return fmt.Errorf("%s is %.40s: there is no number as large here", path, v)
		}
	case []any:
		for i := range v {
			if err := usableNumbers(path+"["+strconv.Itoa(i)+"]", v[i]); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := usableNumbers(strings.TrimPrefix(path+"."+k, "."), v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// bounded is the answer with as much of its texts as is told. What is cut is hidden first: half a secret would not be found.
func (r Response) bounded(hide func(string) string) Response {
	r.Error = shorter(r.Error, maxReason, hide)
	if len(r.Warnings) == 0 {
		return r
	}
	told := r.Warnings[:min(len(r.Warnings), maxWarnings)]
	out := make([]string, len(told), len(told)+1)
	for i, w := range told {
		out[i] = shorter(w, maxWarning, hide)
	}
	if more := len(r.Warnings) - len(told); more > 0 {
		out = append(out, fmt.Sprintf("… and %d more warnings", more))
	}
	r.Warnings = out
	return r
}

func shorter(text string, most int, hide func(string) string) string {
	if len(text) <= most {
		return text
	}
	text = hide(text)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf("… and %d bytes more", len(text)-most)
}
