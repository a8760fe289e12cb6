package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Plain values are what JSON has: maps, lists, texts, booleans, null, and numbers as json.Number.

// Plain makes v of nothing but plain values, and a copy.
func Plain[T any](v any) (out T, err error) {
	data, err := json.Marshal(v)
	if err != nil {
		return out, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&out)
	return out, err
}

// same compares plain values; 1 and 1.0 are one number.
func same(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, both := b.(json.Number)
	if isNumber && both {
		return number(x) == number(y)
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	return reflect.DeepEqual(a, b)
}

// number is the value in one way of writing it, exactly: digits without a zero at either end, and the power of ten behind
// them. Large ones are not the same where a float64 would be.
func number(n json.Number) string {
	text := strings.ToLower(n.String())
	mantissa, exponent, _ := strings.Cut(text, "e")
	power, err := strconv.Atoi(cmp.Or(strings.TrimPrefix(exponent, "+"), "0"))
	if err != nil {
		return text
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	before, after, _ := strings.Cut(digits, ".")
	power -= len(after)
	digits = strings.TrimLeft(before+after, "0")
	short := strings.TrimRight(digits, "0")
	switch power += len(digits) - len(short); {
	case short == "":
		return "0"
	case negative:
		short = "-" + short
	}
	return short + "e" + strconv.Itoa(power)
}

// null is a null that is there, where nil is nothing.
var null = json.RawMessage("null")

// Change is one difference between two models. Before and After are nil where the path does not exist.
type Change struct {
	Path   string `json:"path"` // services.web.labels.team; a list's element is [3]
	Before any    `json:"before"`
	After  any    `json:"after"`
	Plugin string `json:"plugin"`
}

// Diff lists the differences, by path.
func Diff(path string, a, b any) (out []Change) {
	if same(a, b) {
		return nil
	}
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if !isMap || !both {
		return []Change{{Path: path, Before: a, After: b}}
	}
	keys := map[string]bool{}
	for k := range x {
		keys[k] = true
	}
	for k := range y {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		at := strings.TrimPrefix(path+"."+k, ".")
		v, had := x[k]
		w, has := y[k]
		switch {
		case had != has && v == nil && w == nil: // a key with null came, or went
			c := Change{Path: at}
			if has {
				c.After = null
			} else {
				c.Before = null
			}
			out = append(out, c)
		default:
			out = append(out, Diff(at, v, w)...)
		}
	}
	return out
}

// Object is a mapping in a value, empty where it is null or not there.
func Object(v any, what string) (map[string]any, error) {
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, fmt.Errorf("%s is not a mapping", what)
}

func items(v any, what string) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return v, nil
	}
	return nil, fmt.Errorf("%s is not a list", what)
}
