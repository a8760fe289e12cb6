package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/config"
	"dreamserver/manifest"
)

// variables are what the extension declares: the references that the compose file has, and the passwords that stood in
// it. First everything is looked at, then rewritten.
type variables struct {
	c        *converter
	declared []manifest.EnvVar
	byName   map[string]int    // of the compose file's name, in declared
	secrets  map[string]string // example value → the variable that stands for it now
	taken    map[string]bool   // names of declared
	words    map[string]bool   // values that are no secrets, which may be a word of any text
	away     map[string]bool   // names of the compose file that hold passwords of hosts elsewhere
}

func newVariables(c *converter) *variables {
	return &variables{c: c, byName: map[string]int{}, secrets: map[string]string{}, taken: map[string]bool{}, words: map[string]bool{}, away: map[string]bool{}}
}

// collect looks at all services: what they refer to, and the passwords that stand in them. Those that have a name of
// their own come first: a URL most often repeats one.
func (v *variables) collect(services []*service) {
	for _, s := range services {
		for _, e := range s.env {
			switch {
			case e.secret:
				ask := s.elsewhere(e) || e.file && !canBeMade(e.key, e.value) || issued.MatchString(e.value)
				v.hide(e.key, e.value, s, ask)
			case e.literal():
				v.words[e.value] = true
			}
		}
	}
	for _, s := range services {
		for _, e := range s.env {
			if s.elsewhere(e) {
				rewrite(e.value, func(r use) string {
					v.away[r.name] = true
					return ""
				})
			}
		}
	}
	for _, s := range services {
		v.refersTo(s)
	}
}

func (v *variables) refersTo(s *service) {
	for _, e := range s.env {
		if m := passwordInURL.FindStringSubmatch(e.value); m != nil {
			v.hide(urlKey.ReplaceAllString(e.key, "")+"_PASSWORD", m[2], s, s.elsewhere(e))
		}
		v.refer(e.at, e.value, manifest.SoundsSecret(e.key))
	}
	for key, n := range pairs(s.in) {
		// The variables of ports, volumes and images become their defaults.
		if !slices.Contains([]string{"environment", "ports", "volumes", "image"}, key.Value) && rules[key.Value] != nil {
			scalars(n, func(n *yaml.Node) { v.refer(n, n.Value, false) })
		}
	}
}

var notInKeys = regexp.MustCompile(`[^A-Z0-9_]`)

// free is a name that nobody has declared, which begins with the extension's own.
func (v *variables) free(key string) string {
	prefix := v.c.options.Prefix + "_"
	name := notInKeys.ReplaceAllString(strings.ToUpper(key), "_")
	if !strings.HasPrefix(name, prefix) {
		name = prefix + name
	}
	if len(name) > 120 {
		name = name[:120]
	}
	stem := name
	for i := 2; v.taken[name] || name == prefix+"PORT" || v.c.known.ownerOf(name) != ""; i++ {
		name = stem + "_" + strconv.Itoa(i)
	}
	v.taken[name] = true
	return name
}

// refer notes the variables that a text refers to. A secret one is known by its name, or by what it is given to.
func (v *variables) refer(at *yaml.Node, text string, secret bool) {
	v.referWithin(at, text, secret, maxNested)
}

func (v *variables) referWithin(at *yaml.Node, text string, secret bool, levels int) {
	whole := secret && strings.HasPrefix(text, "$")
	rewrite(text, func(r use) string {
		if levels > 0 {
			v.referWithin(at, r.operand, false, levels-1)
		}
		if isPlatform(r.name) {
			return ""
		}
		value := strings.ReplaceAll(v.c.configured.values[r.name], "$", "$$")
		i, ok := v.byName[r.name]
		if shared := v.secrets[value]; !ok && shared != "" && value != "" { // what env_file sets, too
			i, ok = slices.IndexFunc(v.declared, func(d manifest.EnvVar) bool { return d.Key == shared }), true
			v.byName[r.name] = i
		}
		if !ok {
			i = len(v.declared)
			v.byName[r.name] = i
			v.declared = append(v.declared, manifest.EnvVar{Key: v.free(r.name), Type: manifest.StringVar, Description: r.name + " of the compose file"})
			if key := v.declared[i].Key; key != r.name {
				v.c.note(Changed, at, "${"+r.name+"}", "is read as "+key+", which the manifest declares", "")
			}
		}
		hidden := v.c.configured.hidden[r.name]
		v.declared[i] = v.learn(v.declared[i], r, whole || manifest.SoundsSecret(r.name) || hidden || looksSecret(r.operand))
		if d := v.declared[i]; d.Type == manifest.SecretVar && (v.away[r.name] && !strings.HasSuffix(r.operator, "-") || hidden && !canBeMade(r.name, value)) {
			v.declared[i] = askFor(d, r.name+" of the compose file")
		}
		return ""
	})
}

// learn adds what one reference says about a variable.
func (v *variables) learn(d manifest.EnvVar, r use, secret bool) manifest.EnvVar {
	if secret || d.Type == manifest.SecretVar {
		return learnSecret(d, r)
	}
	switch {
	case d.Default != nil:
	case strings.HasSuffix(r.operator, "-") && !strings.Contains(r.operand, "$"):
		d.Default, d.Required = &r.operand, false
		if r.operand == "true" || r.operand == "false" {
			d.Type = manifest.BooleanVar
		}
	case strings.HasSuffix(r.operator, "+"): // it may be left out, and then nothing is written
		d.Default, d.Required = new(""), false
	case r.operator == "" || strings.HasSuffix(r.operator, "?"):
		d.Required = true
	}
	return d
}

// learnSecret: what may be empty stays so, because both ends of a password must agree; what only another service can
// give is asked for; everything else is made.
func learnSecret(d manifest.EnvVar, r use) manifest.EnvVar {
	if d.Pattern != "" { // it is asked for
		return d
	}
	if d.Type != manifest.SecretVar {
		d = manifest.EnvVar{Key: d.Key, Type: manifest.SecretVar, Description: r.name + " of the compose file; it may be left empty"}
	}
	mayBeEmpty := (strings.HasSuffix(r.operator, "-") || strings.HasSuffix(r.operator, "+")) && defaults(r.String()) == ""
	switch {
	case accounts.MatchString(r.name):
		d.Required = d.Required || strings.HasSuffix(r.operator, "?")
		d.Description = r.name + ", from whoever runs that service"
	case !mayBeEmpty && d.Generate == nil:
		d.Required, d.Generate = true, generate(r.name, defaults(r.String()))
		d.Description = r.name + " of the compose file. Generated at install and kept in .env"
	}
	return d
}

func isPlatform(name string) bool {
	return slices.ContainsFunc(config.PlatformKeys, func(k config.PlatformKey) bool { return k.Key == name })
}

// references gives the variables in a text their declared names.
func (v *variables) references(text string) string { return v.referencesWithin(text, maxNested) }

func (v *variables) referencesWithin(text string, levels int) string {
	return rewrite(text, func(r use) string {
		i, ok := v.byName[r.name]
		if levels > 0 {
			r.operand = v.referencesWithin(r.operand, levels-1)
		}
		if !ok {
			return r.String()
		}
		d := v.declared[i]
		switch {
		case strings.HasSuffix(r.operator, "+"):
			return use{d.Key, r.operator, r.operand}.String()
		case d.Type == manifest.SecretVar && d.Required:
			return required(d.Key)
		case d.Type == manifest.SecretVar:
			return use{d.Key, ":-", ""}.String()
		case r.operator == "" && d.Default != nil:
			return use{d.Key, ":-", *d.Default}.String()
		case r.operator == "" || strings.HasSuffix(r.operator, "?"):
			return required(d.Key)
		}
		return use{d.Key, r.operator, r.operand}.String()
	})
}

// value gives a variable of a service its new value.
func (v *variables) value(e entry, value string) string {
	if name := v.secrets[value]; name != "" && (e.secret || manifest.SoundsSecret(e.key)) {
		return v.stand(name)
	}
	return v.inText(value)
}

// inText replaces references, and the secrets that stand in a URL or as a word of a command.
func (v *variables) inText(value string) string {
	value = v.references(value)
	value = passwordInURL.ReplaceAllStringFunc(value, func(found string) string {
		m := passwordInURL.FindStringSubmatch(found)
		if name := v.secrets[m[2]]; name != "" {
			return m[1] + v.stand(name) + m[3]
		}
		return found
	})
	for _, secret := range v.within(value) {
		name := v.secrets[secret]
		word := regexp.MustCompile(`(^|[\s="']|-p)` + regexp.QuoteMeta(secret) + `($|[\s"'])`)
		value = word.ReplaceAllStringFunc(value, func(found string) string { return strings.Replace(found, secret, v.stand(name), 1) })
	}
	return value
}

// port declares the variable of a port on this machine, and returns its name.
func (v *variables) port(name string, host, target int) string {
	def := strconv.Itoa(host)
	name = v.free(name)
	v.declared = append(v.declared, manifest.EnvVar{Key: name, Type: manifest.PortVar, Default: &def, Description: fmt.Sprintf("Port on this machine for port %d in the container", target)})
	return name
}

// declarations are the entries of env_vars.
func (v *variables) declarations() string {
	var b strings.Builder
	for _, d := range v.declared {
		n := mapping("key", words(d.Key), "type", words(string(d.Type)))
		if d.Required {
			set(n, nil, "required", scalar("true"))
		}
		if d.Default != nil {
			set(n, nil, "default", quoted(*d.Default))
		}
		if d.Generate != nil {
			generate := mapping("format", words(d.Generate.Format), "bytes", scalar(strconv.Itoa(d.Generate.Bytes)))
			generate.Style = yaml.FlowStyle
			set(n, nil, "generate", generate)
		}
		if d.Pattern != "" {
			set(n, nil, "pattern", quoted(d.Pattern))
		}
		set(n, nil, "description", quoted(d.Description))
		n.Style = yaml.FlowStyle
		text, err := encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}})
		if err == nil { // a tree of texts always is encoded
			b.WriteString("    " + string(text))
		}
	}
	return b.String()
}
