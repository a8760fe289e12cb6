package policy

import (
	"fmt"
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
	keys := make([]string, 0, len(secrets))
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
	eachText(map[string]any(out), func(s string) string {
		for _, key := range keys {
			if strings.Contains(s, secrets[key]) {
				s = strings.ReplaceAll(s, secrets[key], masked(key))
				used[key] = true
			}
		}
		return s
	})
	return out, used, nil
}

// unmask puts the secrets back. A placeholder of one that the plugin was not given is refused: it would be handed what it
// has only guessed the name of.
func unmask(spec Spec, secrets map[string]string, used map[string]bool) (Spec, error) {
	out, err := Plain[Spec](spec)
	if err != nil {
		return nil, err
	}
	eachText(map[string]any(out), func(s string) string {
		for key := range used {
			s = strings.ReplaceAll(s, masked(key), secrets[key])
		}
		if strings.Contains(s, "«secret:") {
			err = fmt.Errorf("the spec has the placeholder of a secret that it was not given")
		}
		return s
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
