package catalog

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dreamserver/internal/problem"
	"dreamserver/manifest"
)

// Config is how an extension is configured: the variables that its manifest declares, and what .env has for them.
type Config struct {
	ID string `json:"id"`
	// Configured reports whether it can start: nothing is missing, or what is missing is made then.
	Configured bool `json:"configured"`
	// Missing are the keys that the owner must give before it can start.
	Missing   []string   `json:"missing"`
	Variables []Variable `json:"variables"`
}

// Variable is one of them.
type Variable struct {
	manifest.EnvVar
	// Set reports whether .env has a value that is not empty.
	Set bool `json:"set"`
	// Value is the owner's value, else the default. A secret has none here, nor has an address with a password in it.
	Value *string `json:"value,omitempty"`
	// CanGenerate reports whether a value is made when the owner gives none.
	CanGenerate bool `json:"can_generate"`
	// Reserved reports whether only the owner can set it, in .env: it belongs to the platform.
	Reserved bool   `json:"reserved,omitempty"`
	Sample   string `json:"sample,omitempty"` // a value that it could have
	// Problem is what is wrong with the value, or that there is none.
	Problem string `json:"problem,omitempty"`
}

// ConfigChange is what becomes of the variables of one extension. A key stands in one of the three at most.
type ConfigChange struct {
	Values   map[string]string `json:"values,omitempty"`   // new values
	Unset    []string          `json:"unset,omitempty"`    // forget these: the default holds, or none
	Generate []string          `json:"generate,omitempty"` // make new values for these secrets
}

// Keys are all keys that the change names, sorted.
func (c ConfigChange) Keys() []string {
	keys := slices.Concat(c.Unset, c.Generate)
	for key := range c.Values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// ConfigResult is what a change of the configuration did.
type ConfigResult struct {
	Config
	Changed []string `json:"changed"` // keys with another value than before
	// Restart are enabled extensions that read what changed and get the new values when they are started again.
	Restart   []string `json:"restart"`
	Restarted []string `json:"restarted"` // those of them that were, because it was asked for
}

// ConfigFacts is what a configuration depends on beside the manifest.
type ConfigFacts struct {
	Env      map[string]string     // the values of .env
	Required []string              // keys that the extension's compose files cannot do without
	Reserved func(key string) bool // whether a key belongs to the platform
	// Owner is the other extension whose secret a key is; empty for none.
	Owner func(key string) string
	// Hidden reports whether any manifest calls the key a secret.
	Hidden func(key string) bool
}

// NewConfig puts the configuration of an extension together.
func NewConfig(s *manifest.Service, f ConfigFacts) Config {
	c := Config{ID: s.ID, Missing: []string{}, Variables: []Variable{}}
	for _, v := range s.Variables() {
		value := f.Env[v.Key]
		v.Required = v.Required || slices.Contains(f.Required, v.Key)
		out := Variable{
			EnvVar: v, Set: value != "", CanGenerate: s.Generator(v) != nil, Reserved: f.Reserved(v.Key), Sample: v.Sample(),
		}
		if !out.Set && v.Default != nil {
			value = *v.Default
		}
		switch {
		case value == "" && v.Required && !out.CanGenerate:
			out.Problem = "is not set, and the extension cannot start without it"
			c.Missing = append(c.Missing, v.Key)
		case value != "":
			out.Problem = v.Check(value)
		}
		if value != "" && !v.Secret && !f.Hidden(v.Key) && !holdsPassword(v.Key, value) {
			out.Value = &value
		}
		c.Variables = append(c.Variables, out)
	}
	c.Configured = len(c.Missing) == 0
	return c
}

// HidesValue reports whether the value of a variable is shown to nobody: by its name, or because an address in it may have a
// password.
func HidesValue(key, value string) bool { return value != "" && holdsPassword(key, value) }

// holdsPassword reports whether a value is, or may be, an address with a password in it, or a secret by its name.
func holdsPassword(key, value string) bool {
	if manifest.SoundsSecret(key) || dsnKey.MatchString(key) || secretInText.MatchString(value) {
		return true
	}
	u, err := url.Parse(value)
	if err != nil { // what cannot be read may be one all the same
		return strings.Contains(value, "://") && strings.Contains(value, "@")
	}
	_, has := u.User.Password()
	return has
}

var (
	dsnKey       = regexp.MustCompile(`(?i)(DSN|CONNECTION_?STRING)$`)
	secretInText = regexp.MustCompile(`(?i)(password|passwd|pwd|secret|token|api_?key)\s*[=:]`)
)

// CheckChange refuses a change that names what the extension does not declare, what is not its own, or a value that a
// variable cannot have. Every cause is in the error's items; values are in none.
func CheckChange(s *manifest.Service, c ConfigChange, f ConfigFacts) error {
	var items []problem.Item
	seen := map[string]bool{}
	for _, key := range c.Keys() {
		v, declared := s.Find(key)
		value, given := c.Values[key]
		wrong, fix := "", "leave it out"
		switch {
		case !declared:
			wrong = fmt.Sprintf("is not declared by the manifest of %s", s.ID)
			fix = fmt.Sprintf("`dream config %s` lists what is", s.ID)
		case f.Reserved(key):
			wrong, fix = "belongs to the platform", "set it in .env, as the owner of the machine"
		case f.Owner(key) != "":
			wrong = fmt.Sprintf("is a secret of %s", f.Owner(key))
			fix = "set it there: `dream config " + f.Owner(key) + "`"
		case seen[key]:
			wrong = "is named twice"
		case slices.Contains(c.Generate, key) && s.Generator(v) == nil:
			wrong, fix = "cannot be generated: only you can know it", "give a value"
		case given && value == "" && (v.Required || slices.Contains(f.Required, key)):
			wrong, fix = "is empty, and the extension cannot start without it", "give a value"
		case given && value != "":
			wrong, fix = v.Check(value), sampleOf(v)
		}
		seen[key] = true
		if wrong != "" {
			items = append(items, problem.Item{Rule: "config-value", Severity: "error", Path: key, Message: wrong, Fix: fix})
		}
	}
	if len(items) == 0 {
		return nil
	}
	texts := make([]string, len(items)) // not every client shows the items
	for i, item := range items {
		texts[i] = fmt.Sprintf("%s %s: %s", item.Path, item.Message, item.Fix)
	}
	return problem.Newf(problem.InvalidConfig, "extension %q: %s", s.ID, strings.Join(texts, "; ")).With(items...)
}

// MissingConfig is the refusal of an extension that lacks values which only its owner can give; nil when it lacks none.
func MissingConfig(c Config) error {
	var items []problem.Item
	var texts []string
	for _, v := range c.Variables {
		if !slices.Contains(c.Missing, v.Key) {
			continue
		}
		about := strings.TrimSuffix(strings.TrimSpace(v.Description), ".")
		if v.Sample != "" {
			about = strings.TrimPrefix(about+", such as "+v.Sample, ", ")
		}
		texts = append(texts, v.Key+parenthesis(about))
		items = append(items, problem.Item{
			Rule: "missing-variable", Severity: "error", Path: v.Key, Message: cmp.Or(about, "the manifest does not say what it is for"),
			Fix: fmt.Sprintf("give it with `dream config %s set %s`", c.ID, v.Key),
		})
	}
	if len(items) == 0 {
		return nil
	}
	return problem.Newf(problem.MissingConfig, "extension %q needs a value for %s: give it with `dream config %s set %s` and try again",
		c.ID, strings.Join(texts, ", "), c.ID, strings.Join(c.Missing, " ")).With(items...)
}

func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func sampleOf(v manifest.EnvVar) string {
	if sample := v.Sample(); sample != "" {
		return "write one such as " + sample
	}
	return "write another"
}
