package manifest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

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
	Format string `yaml:"format" json:"format"` // hex, base64 (with padding) or api-key
	Bytes  int    `yaml:"bytes" json:"bytes"`   // of randomness, 8 to 64
}

// IsAPIKey reports whether the value is to be a key of the platform's own API, with the scope metrics.
func (g *Generate) IsAPIKey() bool { return g != nil && g.Format == apiKeyFormat }

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
	apiKeyFormat = "api-key"
	apiKeyBytes  = 32
	minRandom    = 8
	maxRandom    = 64
)

// Declares reports whether the extension's fragments may read the variable key.
func (s *Service) Declares(key string) bool {
	if key == s.ExternalPortEnv || key == s.HostEnv {
		return key != ""
	}
	return slices.ContainsFunc(s.EnvVars, func(v EnvVar) bool { return v.Key == key })
}

// Find is the variable that the manifest declares under this key: one of env_vars, or the published port.
func (s *Service) Find(key string) (EnvVar, bool) {
	for _, v := range s.Variables() {
		if v.Key == key {
			return v, true
		}
	}
	return EnvVar{}, false
}

// Variables are what the owner can set: env_vars, and the published port where they do not list it.
func (s *Service) Variables() []EnvVar {
	vars := slices.Clone(s.EnvVars)
	if s.ExternalPortEnv == "" || slices.ContainsFunc(vars, func(v EnvVar) bool { return v.Key == s.ExternalPortEnv }) {
		return vars
	}
	port := EnvVar{Key: s.ExternalPortEnv, Type: PortVar, Description: "Port on this machine."}
	if p := s.PublishedPort(); p != 0 {
		text := strconv.Itoa(p)
		port.Default = &text
	}
	return append(vars, port)
}

func (p *parser) envVars(dst *[]EnvVar) field {
	return func(path string, n *yaml.Node) {
		line, patterns := map[string]int{}, 0 // cost of all patterns
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
			if patterns += patternCost(v.Pattern); patterns > maxPatternCost {
				p.fail(n.Line, join(path, "pattern"), "makes all patterns together too costly to match: write simpler ones")
				v.Pattern = ""
			}
			p.agree(path, n, &v, given)
			*dst = append(*dst, v)
		})
	}
}

// agree settles what the keys of one variable say together.
func (p *parser) agree(path string, n *yaml.Node, v *EnvVar, given map[string]bool) {
	if v.Type == SecretVar {
		v.Secret = true
	}
	if v.Type == "" {
		v.infer(given["secret"])
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
			"format": word(p, &g.Format, hexFormat, base64Format, apiKeyFormat),
			"bytes":  p.whole(&g.Bytes, maxRandom, fmt.Sprintf("write %d to %d", minRandom, maxRandom)),
		})
		if g.Bytes < minRandom {
			p.fail(n.Line, join(path, "bytes"), "%d bytes can be guessed: write %d to %d", g.Bytes, minRandom, maxRandom)
		}
		if g.IsAPIKey() && g.Bytes != apiKeyBytes {
			p.fail(n.Line, join(path, "bytes"), "is %d, and a key of the API has %d: take the line out", g.Bytes, apiKeyBytes)
		}
		*dst = &g
	}
}
