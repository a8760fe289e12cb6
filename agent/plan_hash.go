package agent

import (
	"maps"
	"slices"
	"strings"

	"dreamserver/catalog"
	"dreamserver/compose"
	"dreamserver/config"
	"dreamserver/manifest"
	"dreamserver/security/policy"
)

// planHash is the hash of what is about to be approved: what it was made of, the policies, and the model, with placeholders
// for secrets. A secret that is made up for each try is the same by its placeholder.
func (s *Server) planHash(p *prepared, engine *policy.Engine) (catalog.PlanHash, error) {
	model, err := compose.Model(p.project)
	if err != nil {
		return catalog.PlanHash{}, err
	}
	return catalog.NewPlanHash(p.inputs, engine.Digest(), hide(model, p.secrets))
}

// hidden are the values that must not be shown, by key: what is declared as a secret, sounds like one, or was made for this
// operation, and the keys of the programs.
func (l *loading) hidden() map[string]string {
	settings := l.world.settings
	out := map[string]string{}
	for key, value := range settings.Env {
		if value != "" && (l.world.secrets[key] != "" || l.secretKeys[key] || manifest.SoundsSecret(key) || catalog.HidesValue(key, value)) {
			out[key] = value
		}
	}
	for _, m := range l.made {
		for _, pair := range m.pairs {
			out[pair.Key] = pair.Value
		}
	}
	for key, value := range map[string]config.Secret{
		"DREAM_AGENT_KEY": settings.AgentKey, "DREAM_AGENT_API_KEY": settings.AgentAPIKey, "DASHBOARD_API_KEY": settings.APIKey,
	} {
		if value != "" {
			out[key] = value.Reveal()
		}
	}
	return out
}

// secretsOf notes which variables of an extension are secrets: those that can be made are, too, before and after.
func (l *loading) secretsOf(s *manifest.Service) {
	for _, v := range s.EnvVars {
		if v.Secret || s.Generator(v) != nil {
			l.secretKeys[v.Key] = true
		}
	}
}

// shortSecret is how short a value may be and still be looked for inside of other texts, in bytes. A shorter one would be
// found everywhere: it is hidden where it is the whole text.
const shortSecret = 4

// hide is v, of plain values, with «secret:KEY» in place of each secret, in the keys of mappings as well. v is not changed.
func hide(v any, secrets map[string]string) any {
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
		switch _, known := whole[value]; {
		case known || value == "": // two keys with one value are the first of them
		case len(value) < shortSecret:
			whole[value] = placeholder
		default:
			whole[value] = placeholder
			pairs = append(pairs, value, placeholder)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	text := func(s string) string {
		if placeholder, ok := whole[s]; ok {
			return placeholder
		}
		return replacer.Replace(s)
	}
	return eachText(v, text)
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
