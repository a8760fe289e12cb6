package scaffold

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/manifest"
)

// accounts are services elsewhere, whose keys only they can give.
var accounts = regexp.MustCompile(`(?i)(OPENAI|ANTHROPIC|GEMINI|GOOGLE|AWS|AZURE|GITHUB|GITLAB|HUGGING_?FACE|HF_|GROQ|MISTRAL|COHERE|OPENROUTER|DEEPSEEK|STRIPE|SMTP|MAIL|` +
	`SLACK|DISCORD|TELEGRAM|TWILIO|OAUTH|OIDC|LDAP|CLIENT_SECRET|CLOUDFLARE|S3_|SENTRY|TAVILY|SERPER|BRAVE)`)

// passwordInURL is the password of scheme://user:password@host.
var passwordInURL = regexp.MustCompile(`(://[^:/@\s$]*:)([^@/\s$]+)(@)`)

var urlKey = regexp.MustCompile(`(?i)_?(URL|URI|DSN|CONNECTION_?STRING|CONNECTION)$`)

// isExample reports whether a value of a secret is one that the extension must not share with everybody who reads the
// file. Switches, numbers and paths are none.
func isExample(value string) bool {
	return value != "" && !slices.Contains([]string{"true", "false", "yes", "no", "0", "1", "on", "off", "none", "null"}, strings.ToLower(value)) && !strings.HasPrefix(value, "/")
}

// hide declares a secret in place of a value: one that is made, or that the owner is asked for. Who uses the same value
// gets the same secret.
func (v *variables) hide(key, value string, s *service, ask bool) {
	if name := v.secrets[value]; name != "" || len(v.declared) > maxVariables {
		i := slices.IndexFunc(v.declared, func(d manifest.EnvVar) bool { return d.Key == name })
		if ask && i >= 0 {
			v.declared[i] = askFor(v.declared[i], key+" of "+s.name)
		}
		return
	}
	secret := manifest.EnvVar{
		Key: v.free(key), Type: manifest.SecretVar, Required: true, Generate: generate(key, value),
		Description: key + " of " + s.name + ". Generated at install and kept in .env",
	}
	switch {
	case ask:
		secret = askFor(secret, key+" of "+s.name)
	case accounts.MatchString(key):
		secret.Required, secret.Generate = false, nil
		secret.Description = key + " of " + s.name + ", from whoever runs that service"
	}
	v.declared = append(v.declared, secret)
	v.secrets[value] = secret.Key
}

// asked is the variable that the owner is asked for where a text refers to one; else empty.
func (v *variables) asked(text string) (name string) {
	rewrite(text, func(r use) string {
		if slices.ContainsFunc(v.declared, func(d manifest.EnvVar) bool { return d.Key == r.name && d.Pattern != "" }) {
			name = r.name
		}
		return ""
	})
	return name
}

// generate makes values as long as the example where that has the length of a key.
func generate(key, value string) *manifest.Generate {
	if _, err := hex.DecodeString(value); (err == nil || !strings.HasSuffix(strings.ToUpper(key), "PASSWORD")) && len(value)%2 == 0 && len(value) >= 32 && len(value) <= 128 {
		return &manifest.Generate{Format: "hex", Bytes: len(value) / 2}
	}
	if strings.Contains(strings.ToUpper(key), "PASS") {
		return &manifest.Generate{Format: "hex", Bytes: 16}
	}
	return &manifest.Generate{Format: "hex", Bytes: 32}
}

func required(key string) string { return "${" + key + ":?set " + key + " in .env}" }

// within are the example secrets that a text holds, but for those that may be a word of another meaning.
func (v *variables) within(value string) []string {
	var found []string
	for secret := range v.secrets {
		if strings.Contains(value, secret) && len(secret) >= 4 && !v.words[secret] && v.c.find(secret) == nil {
			found = append(found, secret)
		}
	}
	slices.Sort(found)
	return found
}

// leftover says where an example secret still stands, which no longer is what the others use.
func (s *service) leftover(key string, n *yaml.Node, value string) {
	for _, secret := range s.c.variables.within(value) {
		name := s.c.variables.secrets[secret]
		s.c.note(Todo, n, s.path(key), "still holds the example's value of "+name, "write ${"+name+"} there")
	}
}

// stand is the reference that stands for a secret.
func (v *variables) stand(name string) string {
	i := slices.IndexFunc(v.declared, func(d manifest.EnvVar) bool { return d.Key == name })
	if i >= 0 && !v.declared[i].Required {
		return "${" + name + ":-}"
	}
	return required(name)
}
