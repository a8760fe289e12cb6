package agent

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dreamserver/internal/problem"
	"dreamserver/security/policy"
)

// shortSecret is how short a value may be and still be looked for inside of other texts, in bytes. A shorter one would be
// found everywhere: it is hidden where it is the whole text.
const shortSecret = 4

// hide is v, of plain values, with «secret:KEY» in place of each secret, in the keys of mappings as well. v is not changed.
func hide(v any, secrets map[string]string) any { return eachText(v, hider(secrets)) }

// hider puts «secret:KEY» in place of each secret in a text, as it is and as a quoted text has it.
func hider(secrets map[string]string) func(string) string {
	keys := slices.SortedFunc(maps.Keys(secrets), func(a, b string) int { // of two that begin at one place the longest
		if d := len(secrets[b]) - len(secrets[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	whole := map[string]string{}
	for _, key := range keys {
		placeholder, value := "«secret:"+key+"»", secrets[key]
		if _, known := whole[value]; known || value == "" { // two keys with one value are the first of them
			continue
		}
		whole[value] = placeholder
		if len(value) < shortSecret {
			continue
		}
		pairs = append(pairs, value, placeholder)
		for _, quoted := range quotedForms(value) {
			pairs = append(pairs, quoted, placeholder)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(s string) string {
		if placeholder, ok := whole[s]; ok {
			return placeholder
		}
		return replacer.Replace(s)
	}
}

// quotedForms are what a value is inside of quotes, where that is another text.
func quotedForms(value string) (forms []string) {
	add := func(quoted string) {
		if inner := quoted[1 : len(quoted)-1]; inner != value && !slices.Contains(forms, inner) {
			forms = append(forms, inner)
		}
	}
	add(strconv.Quote(value))
	if data, err := json.Marshal(value); err == nil {
		add(string(data))
	}
	return forms
}

// eachText is a copy of v with every text replaced.
func eachText(v any, replace func(string) string) any {
	switch v := v.(type) {
	case string:
		return replace(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = eachText(v[i], replace)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, value := range v {
			out[replace(k)] = eachText(value, replace)
		}
		return out
	}
	return v
}

// discreet is err without secrets: a refusal may quote what an extension or a policy has made of them. One that has none is
// returned as it is; of another its code and its causes stay.
func discreet(err error, secrets map[string]string) error {
	if err == nil || errors.Is(err, errAsked) {
		return err
	}
	hide := hider(secrets)
	e := problem.As(err)
	items, clean := slices.Clone(e.Items), hide(err.Error()) == err.Error() && hide(e.Detail) == e.Detail
	for i := range items {
		for _, text := range []*string{&items[i].Service, &items[i].Path, &items[i].File, &items[i].Message, &items[i].Fix} {
			hidden := hide(*text)
			clean = clean && hidden == *text
			*text = hidden
		}
	}
	switch {
	case clean:
		return err
	case e.Code == problem.Internal:
		return errors.New(hide(err.Error()))
	}
	return &problem.Error{Code: e.Code, Detail: hide(e.Detail), Items: items}
}

// discreetResult is what policies have said, without secrets: one that sees them may quote them. What they have made of the
// model is left alone.
func discreetResult(r policy.Result, secrets map[string]string) policy.Result {
	hide := hider(secrets)
	all := func(list []string) []string {
		out := slices.Clone(list)
		for i := range out {
			out[i] = hide(out[i])
		}
		return out
	}
	r.Warnings, r.Decisions = all(r.Warnings), slices.Clone(r.Decisions)
	for i, d := range r.Decisions {
		r.Decisions[i].Message, r.Decisions[i].Warnings = hide(d.Message), all(d.Warnings)
	}
	return r
}
