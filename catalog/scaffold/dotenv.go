package scaffold

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamserver/compose"
)

// dotEnv is the file beside the compose file from which Compose fills in variables.
const dotEnv = ".env"

// maxFromFiles is how many variables of files are declared. Of longer lists, the rest is written out.
const maxFromFiles = 100

// configured is what somebody has configured, in .env and in files that env_file names.
type configured struct {
	values   map[string]string // of .env
	used     map[string]bool   // names that became defaults
	hidden   map[string]bool   // names of secrets, whose values stay behind
	declared map[string]string // values of what env_file sets, by the names that they are declared under
}

// substitute gives the variables of the file the values of .env as their defaults, as Compose does, but for secrets.
func (c *converter) substitute(root *yaml.Node) {
	c.configured = configured{used: map[string]bool{}, hidden: map[string]bool{}, declared: map[string]string{}}
	data, err := c.besides(dotEnv)
	if err == nil {
		c.configured.values, err = compose.ParseEnvFile(data)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.note(LeftOut, nil, dotEnv, whyNot(dotEnv, err), "write the defaults of its variables into the compose file")
		}
		return
	}
	for _, s := range pairs(get(root, "services")) {
		for key, n := range pairs(s) {
			scalars(n, func(n *yaml.Node) { n.Value = c.withDefaults(n.Value, key.Value == "volumes") })
		}
	}
}

// withDefaults is a text whose references have their values of .env as defaults. A folder of the machine is none.
func (c *converter) withDefaults(text string, isMount bool) string {
	if !strings.Contains(text, "$") || len(c.configured.values) == 0 {
		return text
	}
	return c.withDefaultsWithin(text, isMount, maxNested)
}

func (c *converter) withDefaultsWithin(text string, isMount bool, levels int) string {
	return rewrite(text, func(r use) string {
		if levels > 0 {
			r.operand = c.withDefaultsWithin(r.operand, isMount, levels-1)
		}
		value := c.configured.values[r.name]
		switch {
		case value == "" || strings.HasSuffix(r.operator, "+") || isPlatform(r.name):
		case isPrivate(r.name, value) || login.MatchString(value):
			c.configured.hidden[r.name] = true
		case strings.ContainsAny(value, "${}\n") || isMount && strings.ContainsAny(value[:1], "/~"):
		default:
			c.configured.used[r.name] = true
			r.operator, r.operand = ":-", value
		}
		return r.String()
	})
}

// sayConfigured reports what became of .env.
func (c *converter) sayConfigured() {
	if len(c.configured.used) > 0 {
		c.note(Changed, nil, dotEnv, "gives the defaults of "+strings.Join(slices.Sorted(maps.Keys(c.configured.used)), ", "), "")
	}
	if len(c.configured.hidden) > 0 {
		c.note(Changed, nil, dotEnv, "holds secrets, whose values stay behind: "+strings.Join(slices.Sorted(maps.Keys(c.configured.hidden)), ", "), "")
	}
}

// fromFile is an entry of a file that env_file names: a variable of the extension with the value as its default. Secrets
// and what joins the services stay as they are, to be hidden and renamed.
func (c *converter) fromFile(key, value string, at *yaml.Node) entry {
	e := entry{key: key, value: strings.ReplaceAll(value, "$", "$$"), at: at, file: true}
	switch {
	case isPrivate(key, value):
		e.secret = true
		return e
	case value == "" || nameEnd(key) != len(key) || strings.ContainsAny(value, "${}\n") || login.MatchString(value) || c.joins(key, value):
		return e
	}
	name := key
	for i := 2; c.configured.declared[name] != "" && c.configured.declared[name] != value; i++ {
		name = key + "_" + strconv.Itoa(i) // another file has another value: each keeps its own
	}
	if len(c.configured.declared) >= maxFromFiles && c.configured.declared[name] == "" {
		return e
	}
	c.configured.declared[name] = value
	c.variables.words[value] = true
	e.value = use{name, ":-", value}.String()
	return e
}

// joins reports whether a value names a service of the file.
func (c *converter) joins(key, value string) bool {
	return slices.ContainsFunc(c.services, func(s *service) bool {
		if !strings.Contains(value, s.old) {
			return false
		}
		if value == s.old && hostKey.MatchString(key) {
			return true
		}
		for _, host := range s.asHost() {
			if host.MatchString(value) {
				return true
			}
		}
		return false
	})
}
