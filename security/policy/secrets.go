package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// minSecret is the shortest text that is taken for a secret inside of another: shorter ones would be found everywhere.
const minSecret = 4

// masked is what stands for a secret where a plugin must not see it.
func masked(key string) string { return "«secret:" + key + "»" }

// mask puts placeholders in place of secrets, longest first, in a copy of spec. used are the keys that it has found.
func mask(spec Spec, secrets map[string]string) (out Spec, used map[string]bool, err error) {
	used = map[string]bool{}
	if out, err = Plain[Spec](spec); err != nil {
		return nil, nil, err
	}
	replacer, keys := hiding(secrets)
	eachText(map[string]any(out), func(s string) string {
		after := replacer.Replace(s)
		for _, key := range keys {
			if after != s && strings.Contains(after, masked(key)) {
				used[key] = true
			}
		}
		return after
	})
	return out, used, nil
}

// shown is a copy of spec for people: placeholders are in place of secrets in the keys of mappings, too, which a plugin is
// asked about as they are.
func shown(spec Spec, secrets map[string]string) (Spec, error) {
	out, err := Plain[Spec](spec)
	if err != nil || out == nil {
		return out, err
	}
	hide := hider(secrets)
	eachText(map[string]any(out), hide)
	return Plain[Spec](hiddenKeys(map[string]any(out), hide))
}

// hiddenKeys replaces every key of a mapping in v. Of two that would be one the second is numbered.
func hiddenKeys(v any, replace func(string) string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = hiddenKeys(v[i], replace)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			name := replace(k)
			for n := 2; ; n++ {
				if _, taken := out[name]; !taken {
					break
				}
				name = fmt.Sprintf("%s (%d)", replace(k), n)
			}
			out[name] = hiddenKeys(v[k], replace)
		}
		return out
	}
	return v
}

// hider puts placeholders in place of secrets in a text.
func hider(secrets map[string]string) func(string) string {
	r, _ := hiding(secrets)
	return r.Replace
}

// hiding replaces secrets by placeholders. keys are those that it knows of, the longest secret first.
func hiding(secrets map[string]string) (replacer *strings.Replacer, keys []string) {
	keys = make([]string, 0, len(secrets))
	for key, value := range secrets {
		if len(value) >= minSecret {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := len(secrets[b]) - len(secrets[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, key := range keys { // of two that begin at one place the longest is taken; what was put in is not looked at again
		pairs = append(pairs, secrets[key], masked(key))
	}
	return strings.NewReplacer(pairs...), keys
}

// unmask puts the secrets back. A placeholder of one that the plugin was not given is refused: it would be handed what it
// has only guessed the name of.
func unmask(spec Spec, secrets map[string]string, used map[string]bool) (Spec, error) {
	out, err := Plain[Spec](spec)
	if err != nil {
		return nil, err
	}
	var pairs, none []string
	for key := range used {
		pairs, none = append(pairs, masked(key), secrets[key]), append(none, masked(key), "")
	}
	back, without := strings.NewReplacer(pairs...), strings.NewReplacer(none...)
	eachText(map[string]any(out), func(s string) string {
		if strings.Contains(without.Replace(s), "«secret:") {
			err = fmt.Errorf("the spec has the placeholder of a secret that it was not given")
		}
		return back.Replace(s)
	})
	return out, err
}

// eachText replaces every text in v, keys of mappings left alone.
func eachText(v any, replace func(string) string) any {
	switch v := v.(type) {
	case string:
		return replace(v)
	case []any:
		for i := range v {
			v[i] = eachText(v[i], replace)
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = eachText(v[k], replace)
		}
		return v
	}
	return v
}
