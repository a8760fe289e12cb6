package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// ConfigFile is where the operator says which plugins there are, relative to the installation. It is the seed's
// server/config.yml.
const ConfigFile = "config/server/config.yml"

// Mode is how much a plugin's word counts.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // what it changes is applied, what it rejects is refused
	Warn    Mode = "warn"    // nothing is changed or refused; whoever applies is told
	Audit   Mode = "audit"   // nothing is changed or refused, or told to whoever applies
	Off     Mode = "off"     // it is not asked
)

// Config is what the operator has written.
type Config struct {
	Plugins    []PluginConfig
	Rules      []RuleConfig
	Exceptions []Exception
}

// PluginConfig is one entry of plugins, in the seed's form or the longer one.
type PluginConfig struct {
	Name    string
	Exec    []string // the program and its arguments
	URL     string   // http://host:port/path, or unix:///path/of/socket
	SHA256  string   // of the program; empty for any
	Hooks   []Hook   // empty for what the plugin declares
	Mode    Mode
	Allow   bool          // on_error: allow; a plugin that cannot decide stands in nobody's way
	Timeout time.Duration // of one call; 0 for the transport's own
	Secrets bool          // it sees secrets, and no placeholders
	Cache   *bool         // its answers are kept; nil for what [Info.Cache] says
	Auth    Auth          // how a server knows us
	Config  json.RawMessage
	Line    int
}

// Auth says where the key for a server is: in a file, or in a setting of .env; one of the four at most.
type Auth struct {
	BearerFile, BearerEnv string // Authorization: Bearer
	HMACFile, HMACEnv     string // X-Dream-Signature, see [Credentials]
	Line                  int
}

// RuleConfig is one entry of rules.
type RuleConfig struct {
	Name  string
	Hook  Hook
	Mode  Mode
	Match Text            // bool in CEL; empty matches everything
	Deny  string          // why it is refused
	Warn  string          // what whoever applies is told
	Set   map[string]Text // path in the spec → new value, in CEL
	Line  int
}

// Text is a text and where it stands.
type Text struct {
	Value        string
	Line, Column int
}

// Exception lets an extension pass a plugin or rule that refuses it.
type Exception struct {
	Plugin    string
	Extension string
	Reason    string
	Expires   time.Time
	Line      int
}

// covers reports whether the exception holds at that time.
func (e Exception) covers(plugin, extension string, at time.Time) bool {
	return e.Plugin == plugin && e.Extension == extension && at.Before(e.Expires)
}

var likeKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// ParseConfig reads the file. Everything in it must be understood: a misspelt key would be a policy that nobody enforces.
// Its errors name line and key.
func ParseConfig(data []byte) (Config, error) {
	var c Config
	var doc, more yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(data))
	switch err := documents.Decode(&doc); {
	case errors.Is(err, io.EOF): // an empty file
		return c, nil
	case err != nil:
		return c, fmt.Errorf("%s: %w", ConfigFile, err)
	}
	if err := documents.Decode(&more); !errors.Is(err, io.EOF) {
		if err == nil {
			return c, fmt.Errorf("%s:%d: a second document begins here, which nobody would read: write everything into the first", ConfigFile, max(more.Line, 1))
		}
		return c, fmt.Errorf("%s: %w", ConfigFile, err)
	}
	err := fields(doc.Content[0], "", map[string]func(*yaml.Node) error{
		"plugins":    each(&c.Plugins, parsePlugin),
		"rules":      each(&c.Rules, parseRule),
		"exceptions": each(&c.Exceptions, parseException),
		"projects":   func(*yaml.Node) error { return nil }, // dstack's; there is one project here
	})
	if err == nil {
		err = c.duplicates()
	}
	if err != nil {
		return Config{}, fmt.Errorf("%s:%w", ConfigFile, err)
	}
	return c, nil
}

func (c Config) duplicates() error {
	lines := map[string]int{}
	add := func(name string, line int) error {
		if first, twice := lines[name]; twice {
			return fmt.Errorf("%d: %q is there already, in line %d: give each plugin and rule a name of its own", line, name, first)
		}
		lines[name] = line
		return nil
	}
	var errs []error
	for _, p := range c.Plugins {
		errs = append(errs, add(p.Name, p.Line))
	}
	for _, r := range c.Rules {
		errs = append(errs, add(r.Name, r.Line))
	}
	for _, e := range c.Exceptions {
		if _, known := lines[e.Plugin]; !known {
			errs = append(errs, fmt.Errorf("%d: exceptions: no plugin or rule is called %q", e.Line, e.Plugin))
		}
	}
	return errors.Join(errs...)
}

func parsePlugin(n *yaml.Node) (PluginConfig, error) {
	p := PluginConfig{Mode: Enforce, Line: n.Line}
	if n.Kind == yaml.ScalarNode {
		p.Name = n.Value
	} else {
		err := fields(n, "plugins", map[string]func(*yaml.Node) error{
			"name": text(&p.Name), "url": text(&p.URL), "sha256": text(&p.SHA256),
			"exec":     func(v *yaml.Node) error { return decode(v, "exec", "a list of words", &p.Exec) },
			"hooks":    hooks(&p.Hooks),
			"mode":     oneOf("mode", &p.Mode, Enforce, Warn, Audit, Off),
			"on_error": func(v *yaml.Node) error { return onError(v, &p.Allow) },
			"timeout":  func(v *yaml.Node) error { return duration(v, &p.Timeout) },
			"secrets":  func(v *yaml.Node) error { return decode(v, "secrets", "true or false", &p.Secrets) },
			"config":   func(v *yaml.Node) error { return asJSON(v, &p.Config) },
			"cache":    func(v *yaml.Node) error { return decode(v, "cache", "true or false", &p.Cache) },
			"auth":     func(v *yaml.Node) error { return parseAuth(v, &p.Auth) },
		})
		if err != nil {
			return p, err
		}
	}
	switch {
	case !validName.MatchString(p.Name):
		return p, wrong(n, "plugins", "%q is no name of a plugin: small letters, digits, _, - and dots", p.Name)
	case len(p.Exec) > 0 && p.URL != "":
		return p, wrong(n, "plugins", "%s has both exec and url: it is a program or a server", p.Name)
	case len(p.Exec) > 0 && !filepath.IsAbs(p.Exec[0]):
		return p, wrong(n, "plugins.exec", "%s: write the whole path of the program, not %q", p.Name, p.Exec[0])
	case p.Auth.Line > 0 && p.URL == "" && p.Name != RESTPlugin:
		return p, fmt.Errorf("%d: plugins.auth: %s: it is for a server, and there is no url", p.Auth.Line, p.Name)
	case p.SHA256 != "" && len(p.Exec) == 0:
		return p, wrong(n, "plugins.sha256", "%s: it is of a program, and there is no exec", p.Name)
	}
	return p, nil
}

func parseRule(n *yaml.Node) (RuleConfig, error) {
	r := RuleConfig{Mode: Enforce, Hook: OnService, Set: map[string]Text{}, Line: n.Line}
	var on []Hook
	err := fields(n, "rules", map[string]func(*yaml.Node) error{
		"name": text(&r.Name), "deny": text(&r.Deny), "warn": text(&r.Warn),
		"hook": func(v *yaml.Node) error {
			return hooks(&on)(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{v}})
		},
		"mode":  oneOf("mode", &r.Mode, Enforce, Warn, Audit, Off),
		"match": func(v *yaml.Node) error { r.Match = Text{v.Value, v.Line, v.Column}; return nil },
		"set": func(v *yaml.Node) error {
			if v.Kind != yaml.MappingNode {
				return wrong(v, "rules.set", "is not a mapping of paths to values in CEL")
			}
			for i := 0; i < len(v.Content); i += 2 {
				r.Set[v.Content[i].Value] = Text{v.Content[i+1].Value, v.Content[i+1].Line, v.Content[i+1].Column}
			}
			return nil
		},
	})
	if err != nil {
		return r, err
	}
	if len(on) > 0 {
		r.Hook = on[0]
	}
	switch {
	case !validName.MatchString(r.Name):
		return r, wrong(n, "rules.name", "%q is no name of a rule: small letters, digits, _, - and dots", r.Name)
	case r.Deny == "" && r.Warn == "" && len(r.Set) == 0:
		return r, wrong(n, "rules", "%s does nothing: write deny, warn or set", r.Name)
	}
	return r, nil
}

func parseException(n *yaml.Node) (Exception, error) {
	e := Exception{Line: n.Line}
	var expires string
	err := fields(n, "exceptions", map[string]func(*yaml.Node) error{
		"plugin": text(&e.Plugin), "extension": text(&e.Extension), "reason": text(&e.Reason), "expires": text(&expires),
	})
	if err != nil {
		return e, err
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if e.Expires, err = time.Parse(layout, expires); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return e, wrong(n, "exceptions.expires", "%q is no day and no time: write 2026-12-31, or 2026-12-31T18:00:00Z", expires)
	case e.Plugin == "" || e.Extension == "" || strings.TrimSpace(e.Reason) == "":
		return e, wrong(n, "exceptions", "plugin, extension, reason and expires are all needed")
	}
	return e, nil
}
