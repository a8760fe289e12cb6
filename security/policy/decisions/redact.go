package decisions

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	maxText  = 500  // bytes of a text
	maxValue = 1000 // bytes of a value, as JSON
	// minSecret is the shortest text that is looked for: a shorter one would be found everywhere.
	minSecret = 4
)

// Redactor puts placeholders in place of secrets, before anything is cut: half a secret would not be found. The zero value
// knows none.
type Redactor struct{ replacer *strings.Replacer }

// NewRedactor hides the values of named secrets behind «secret:NAME», and others behind «secret». Longer ones go first:
// one may be a piece of another.
func NewRedactor(named map[string]string, others []string) Redactor {
	type pair struct{ value, name string }
	var pairs []pair
	for name, value := range named {
		pairs = append(pairs, pair{value, "«secret:" + name + "»"})
	}
	for _, value := range others {
		pairs = append(pairs, pair{value, "«secret»"})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if d := len(b.value) - len(a.value); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name) // those with a name first
	})
	var words []string
	for _, p := range pairs {
		if len(p.value) < minSecret {
			continue
		}
		words = append(words, p.value, p.name)
		if quoted := quote(p.value); quoted != p.value { // as a plugin may have put it into its message
			words = append(words, quoted, p.name)
		}
	}
	return Redactor{strings.NewReplacer(words...)}
}

func quote(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(data[1 : len(data)-1])
}

// Text is a text without secrets, and not too long.
func (r Redactor) Text(s string) string { return short(r.hide(s), maxText) }

// Value is a value without secrets. Of one that is too long only its size is told.
func (r Redactor) Value(v any) any {
	v = r.walk(v)
	data, err := json.Marshal(v)
	switch {
	case err != nil:
		return fmt.Sprintf("«cannot be shown: %v»", err)
	case len(data) <= maxValue:
		return v
	}
	if s, ok := v.(string); ok {
		return short(s, maxText)
	}
	return fmt.Sprintf("«%d bytes»", len(data))
}

func (r Redactor) walk(v any) any {
	switch v := v.(type) {
	case string:
		return r.hide(v)
	case json.Number:
		if s := r.hide(v.String()); s != v.String() {
			return s
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = r.walk(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, value := range v {
			out[r.hide(k)] = r.walk(value)
		}
		return out
	}
	return v
}

func (r Redactor) hide(s string) string {
	if r.replacer == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// short is the beginning of a text that is too long.
func short(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
