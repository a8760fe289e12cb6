package manifest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// EnvVar is a variable that the extension's fragments may read.
type EnvVar struct {
	Key      string  `yaml:"key" json:"key"`
	Type     VarType `yaml:"type" json:"type"` // what a value must be; inferred when the manifest does not say
	Required bool    `yaml:"required" json:"required"`
	Secret   bool    `yaml:"secret" json:"secret,omitempty"`   // never shown once it is set
	Default  *string `yaml:"default" json:"default,omitempty"` // nil when the manifest names none
	// Options are the values of an enum.
	Options []string `yaml:"options" json:"options,omitempty"`
	// Pattern is a regular expression (RE2) that a whole value must match.
	Pattern string `yaml:"pattern" json:"pattern,omitempty"`
	Example string `yaml:"example" json:"example,omitempty"`
	// Generate says how a value is made when the owner gives none; nil when nobody but the owner can know it.
	Generate    *Generate `yaml:"generate" json:"generate,omitempty"`
	Description string    `yaml:"description" json:"description"`
}

// VarType is what a variable's value must be.
type VarType string

// The types.
const (
	StringVar  VarType = "string"
	IntegerVar VarType = "integer"
	BooleanVar VarType = "boolean"
	EnumVar    VarType = "enum"
	PortVar    VarType = "port"
	URLVar     VarType = "url"
	SecretVar  VarType = "secret"
)

// Generate is a random value.
type Generate struct {
	Format string `yaml:"format" json:"format"` // hex or base64 (with padding)
	Bytes  int    `yaml:"bytes" json:"bytes"`   // of randomness, 8 to 64
}

// Value is a fresh value.
func (g Generate) Value() string {
	data := make([]byte, g.Bytes)
	rand.Read(data) // never fails: it ends the program instead
	if g.Format == base64Format {
		return base64.StdEncoding.EncodeToString(data)
	}
	return hex.EncodeToString(data)
}

const (
	hexFormat    = "hex"
	base64Format = "base64"
	minRandom    = 8
	maxRandom    = 64
	maxValue     = 64 << 10 // bytes of a value
)

// Declares reports whether the extension's fragments may read the variable key.
func (s *Service) Declares(key string) bool {
	if key == s.ExternalPortEnv || key == s.HostEnv {
		return key != ""
	}
	return slices.ContainsFunc(s.EnvVars, func(v EnvVar) bool { return v.Key == key })
}

// Check says what is wrong with a value of the variable; empty when it is fine. It never repeats the value, which may
// be a secret.
func (v EnvVar) Check(value string) string {
	switch {
	case strings.ContainsRune(value, 0):
		return "holds a NUL byte, which no environment can have"
	case len(value) > maxValue:
		return fmt.Sprintf("is longer than %d bytes", maxValue)
	}
	if wrong := v.checkType(value); wrong != "" {
		return wrong
	}
	if v.Pattern == "" {
		return ""
	}
	if whole, err := regexp.Compile(`\A(?:` + v.Pattern + `)\z`); err != nil || !whole.MatchString(value) {
		return "does not match " + v.Pattern
	}
	return ""
}

func (v EnvVar) checkType(value string) string {
	switch v.Type {
	case IntegerVar:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return "is not a whole number"
		}
	case BooleanVar:
		if !slices.Contains([]string{"true", "false", "1", "0", "yes", "no", "on", "off"}, strings.ToLower(value)) {
			return "is neither true nor false"
		}
	case PortVar:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
			return "is not a port from 1 to 65535"
		}
	case URLVar:
		if u, err := url.Parse(value); err != nil || u.Scheme == "" || u.Host == "" {
			return "is not a URL such as http://host:8080"
		}
	case EnumVar:
		if !slices.Contains(v.Options, value) {
			return "is not one of " + strings.Join(v.Options, ", ")
		}
	case StringVar, SecretVar:
	}
	return ""
}

// infer gives a variable of a manifest that names no type the one that its key and default speak for.
func (v *EnvVar) infer() {
	named := func(ends ...string) bool {
		return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(v.Key, end) })
	}
	switch {
	case v.Secret:
		v.Type = SecretVar
	case named("_PORT") && (v.Default == nil || EnvVar{Type: PortVar}.Check(*v.Default) == ""):
		v.Type = PortVar
	case named("_URL", "_URI") && (v.Default == nil || EnvVar{Type: URLVar}.Check(*v.Default) == ""):
		v.Type = URLVar
	case v.Default != nil && slices.Contains([]string{"true", "false"}, strings.ToLower(*v.Default)):
		v.Type = BooleanVar
	default:
		v.Type = StringVar
	}
}

func (p *parser) envVars(dst *[]EnvVar) field {
	return func(path string, n *yaml.Node) {
		line, patterns := map[string]int{}, 0
		p.each(path, n, func(path string, n *yaml.Node) {
			var v EnvVar
			given := p.mapping(path, n, fields{
				"key":         p.text(&v.Key, notBlank, isEnvName),
				"type":        word(p, &v.Type, StringVar, IntegerVar, BooleanVar, EnumVar, PortVar, URLVar, SecretVar),
				"required":    p.yesNo(&v.Required),
				"secret":      p.yesNo(&v.Secret),
				"default":     p.anyScalar(&v.Default),
				"options":     p.list(&v.Options),
				"pattern":     p.text(&v.Pattern, isPattern),
				"example":     p.text(&v.Example),
				"generate":    p.generate(&v.Generate),
				"description": p.lenient(p.prose(&v.Description)),
			})
			switch {
			case given != nil && !given["key"]:
				p.fail(n.Line, join(path, "key"), "is missing: write the variable's name")
			case v.Key != "" && line[v.Key] != 0:
				p.fail(n.Line, join(path, "key"), "%s is already declared in line %d: keep one", v.Key, line[v.Key])
			}
			line[v.Key] = n.Line
			if v.Pattern != "" {
				if patterns++; patterns > maxPatterns {
					p.fail(n.Line, join(path, "pattern"), "is one of more than %d patterns: take some out", maxPatterns)
					v.Pattern = ""
				}
			}
			p.agree(path, n, &v)
			*dst = append(*dst, v)
		})
	}
}

// agree settles what the keys of one variable say together.
func (p *parser) agree(path string, n *yaml.Node, v *EnvVar) {
	if v.Type == SecretVar {
		v.Secret = true
	}
	if v.Type == "" {
		v.infer()
	}
	switch {
	case v.Type == EnumVar && len(v.Options) == 0:
		p.fail(n.Line, join(path, "options"), "is missing: list the values of the enum")
	case v.Type != EnumVar && len(v.Options) > 0:
		p.fail(n.Line, join(path, "options"), "is for an enum: write type: enum, or take it out")
	case v.Generate != nil && !v.Secret:
		p.fail(n.Line, join(path, "generate"), "is for secrets: write secret: true, or take it out")
	case v.Default != nil && *v.Default != "" && v.Check(*v.Default) != "":
		p.fail(n.Line, join(path, "default"), "%s: mend it, or the type", v.Check(*v.Default))
	case v.Example != "" && v.Check(v.Example) != "":
		p.fail(n.Line, join(path, "example"), "%s: mend it, or the type", v.Check(v.Example))
	}
}

func (p *parser) generate(dst **Generate) field {
	return func(path string, n *yaml.Node) {
		g := Generate{Format: hexFormat, Bytes: 32}
		p.mapping(path, n, fields{
			"format": word(p, &g.Format, hexFormat, base64Format),
			"bytes":  p.whole(&g.Bytes, maxRandom, fmt.Sprintf("write %d to %d", minRandom, maxRandom)),
		})
		if g.Bytes < minRandom {
			p.fail(n.Line, join(path, "bytes"), "%d bytes can be guessed: write %d to %d", g.Bytes, minRandom, maxRandom)
		}
		*dst = &g
	}
}

// maxPattern and maxRepeat bound a pattern: RE2 writes repetitions out.
const (
	maxPattern  = 200 // bytes
	maxRepeat   = 100
	maxPatterns = 64 // in one manifest
)

var repeats = regexp.MustCompile(`[{,](\d+)`)

func isPattern(s string) string {
	if len(s) > maxPattern {
		return fmt.Sprintf("is longer than %d bytes: write a simpler one", maxPattern)
	}
	for _, m := range repeats.FindAllStringSubmatch(s, -1) {
		if n, err := strconv.Atoi(m[1]); err != nil || n > maxRepeat {
			return fmt.Sprintf("repeats something more than %d times: write a simpler one", maxRepeat)
		}
	}
	if _, err := regexp.Compile(s); err != nil {
		return quote(s) + " is not a regular expression (RE2)"
	}
	return ""
}
